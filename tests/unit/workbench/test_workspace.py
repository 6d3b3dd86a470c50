"""The workspace and the home folder: made once, never written over."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path

import pytest

from neuronhub.protocol import EXIT_HOME, EXIT_WORKSPACE
from neuronhub.workbench.errors import StartFailed
from neuronhub.workbench.workspace import ensure_home, ensure_workspace


@pytest.fixture(autouse=True)
def stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Come back from the workspace after each test."""
    monkeypatch.chdir(tmp_path)


def test_a_new_workspace_is_private(tmp_path: Path) -> None:
    workspace = tmp_path / "alice" / "workspace"
    assert ensure_workspace(workspace)
    assert workspace.stat().st_mode & 0o777 == 0o700
    assert Path.cwd() == workspace


def test_a_workspace_that_is_there_is_left_as_it_is(tmp_path: Path) -> None:
    workspace = tmp_path / "workspace"
    workspace.mkdir(mode=0o750)
    assert not ensure_workspace(workspace)
    assert workspace.stat().st_mode & 0o777 == 0o750
    assert Path.cwd() == workspace


@pytest.mark.parametrize("taken", ["alice", "alice/workspace"])
def test_a_workspace_that_cannot_be_made_says_so(tmp_path: Path, taken: str) -> None:
    in_the_way = tmp_path / taken
    in_the_way.parent.mkdir(exist_ok=True)
    in_the_way.write_text("a file")
    with pytest.raises(StartFailed, match=r"cannot be used .*start again") as failure:
        ensure_workspace(tmp_path / "alice" / "workspace")
    assert failure.value.exit_code == EXIT_WORKSPACE


def test_a_home_that_can_be_written_is_left_as_it_was(tmp_path: Path) -> None:
    ensure_home(tmp_path)
    ensure_home(tmp_path)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_full_home_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(**where: object) -> None:
        raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))

    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    with pytest.raises(StartFailed, match=r"home folder .*quota exceeded.* Free some space") as failure:
        ensure_home(tmp_path)
    assert failure.value.exit_code == EXIT_HOME


def test_a_home_that_is_not_there_is_named(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file")
    with pytest.raises(StartFailed, match="Nothing can be written in the home folder"):
        ensure_home(tmp_path / "home")
