"""The workspace: made once, filled once, never written over."""

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


@pytest.fixture
def examples(tmp_path: Path) -> Path:
    folder = tmp_path / "examples"
    folder.mkdir()
    (folder / "iris_ex.ipynb").write_text("the site's")
    (folder / "data.csv").write_text("1,2")
    (folder / ".hidden").write_text("")
    (folder / "__pycache__").mkdir()
    return folder


def test_a_new_workspace_is_private_and_receives_the_examples(tmp_path: Path, examples: Path) -> None:
    workspace = tmp_path / "alice" / "workspace"
    assert ensure_workspace(workspace, examples) == ("data.csv", "iris_ex.ipynb")
    assert workspace.stat().st_mode & 0o777 == 0o700
    assert sorted(path.name for path in workspace.iterdir()) == ["data.csv", "iris_ex.ipynb"]
    assert Path.cwd() == workspace


def test_a_workspace_that_is_there_receives_nothing(tmp_path: Path, examples: Path) -> None:
    workspace = tmp_path / "workspace"
    workspace.mkdir(mode=0o750)
    (workspace / "iris_ex.ipynb").write_text("my own changes")
    assert ensure_workspace(workspace, examples) == ()
    assert [path.name for path in workspace.iterdir()] == ["iris_ex.ipynb"]
    assert (workspace / "iris_ex.ipynb").read_text() == "my own changes"
    assert workspace.stat().st_mode & 0o777 == 0o750


def test_an_example_that_the_user_has_deleted_stays_deleted(tmp_path: Path, examples: Path) -> None:
    workspace = tmp_path / "workspace"
    ensure_workspace(workspace, examples)
    (workspace / "iris_ex.ipynb").unlink()
    assert ensure_workspace(workspace, examples) == ()
    assert not (workspace / "iris_ex.ipynb").exists()


def test_examples_keep_nothing_of_their_owner(tmp_path: Path, examples: Path) -> None:
    (examples / "data.csv").chmod(0o444)
    ensure_workspace(tmp_path / "workspace", examples)
    assert os.access(tmp_path / "workspace" / "data.csv", os.W_OK)
    assert (tmp_path / "workspace" / "data.csv").stat().st_mode & 0o200


def test_missing_examples_do_not_stop_a_start(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ensure_workspace(tmp_path / "workspace", tmp_path / "nowhere") == ()
    assert "could not all be copied" in capsys.readouterr().out


@pytest.mark.parametrize("taken", ["alice", "alice/workspace"])
def test_a_workspace_that_cannot_be_made_says_so(tmp_path: Path, taken: str) -> None:
    in_the_way = tmp_path / taken
    in_the_way.parent.mkdir(exist_ok=True)
    in_the_way.write_text("a file")
    with pytest.raises(StartFailed, match=r"cannot be used .*start again") as failure:
        ensure_workspace(tmp_path / "alice" / "workspace", None)
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
