"""The state folder: who holds it, when it is refused, what it keeps."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from neuronhub.demo.errors import DemoError
from neuronhub.demo.state import SECRET_NAMES, StateFolder, ensure_format, ensure_secrets, hold


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that everybody can pass through, which pytest's own is not."""
    with tempfile.TemporaryDirectory(prefix="neuronhub-test-", dir="/var/tmp") as name:
        Path(name).chmod(0o755)
        yield Path(name) / "state"


def test_a_folder_is_held_once(folder: Path) -> None:
    holder = hold(folder)
    with pytest.raises(DemoError, match="runs on"):
        hold(folder)
    os.close(holder)
    os.close(hold(folder))


def test_somebody_elses_folder_is_refused(folder: Path) -> None:
    folder.mkdir()
    (folder / "thesis.tex").write_text("precious")
    with pytest.raises(DemoError, match="was not made by"):
        hold(folder)
    assert [entry.name for entry in folder.iterdir()] == ["thesis.tex"]


@pytest.mark.parametrize("path", ["/", "/run/demo", "/proc/demo", "relative", "/var/lib/" + "long" * 20])
def test_unusable_folders_are_refused(path: str) -> None:
    with pytest.raises(DemoError):
        hold(Path(path))


def test_a_folder_behind_a_closed_one_is_refused(folder: Path) -> None:
    folder.mkdir(mode=0o700)
    folder.chmod(0o700)
    with pytest.raises(DemoError, match="pass through"):
        hold(folder / "state")


def test_fresh_forgets_everything_but_the_lock(folder: Path) -> None:
    holder = hold(folder)
    ensure_format(folder, fresh=False)
    (folder / "data").mkdir()
    (folder / "data" / "old").write_text("")
    (folder / "site.toml").write_text("")
    ensure_format(folder, fresh=False)
    assert (folder / "data" / "old").exists()
    ensure_format(folder, fresh=True)
    assert [entry.name for entry in folder.iterdir()] == ["neuronhub-demo"]
    with pytest.raises(DemoError, match="runs on"):
        hold(folder)
    os.close(holder)


def test_another_versions_folder_is_refused_until_it_is_emptied(folder: Path) -> None:
    holder = hold(folder)
    (folder / "neuronhub-demo").write_text("another\n")
    with pytest.raises(DemoError, match="another version"):
        ensure_format(folder, fresh=False)
    ensure_format(folder, fresh=True)
    ensure_format(folder, fresh=False)
    os.close(holder)


def test_secrets_are_made_once_and_readable_by_their_owner_only(tmp_path: Path) -> None:
    state = StateFolder(tmp_path)
    made = ensure_secrets(state)
    assert ensure_secrets(state) == made
    assert {"alice", "bob", "u01", "u50"} <= set(made)
    assert len({secret.otp_secret for secret in made.values()}) == len(made)
    for name in (*SECRET_NAMES, "accounts.json"):
        assert stat.S_IMODE(state.secret_file(name).stat().st_mode) == 0o600
    assert len({state.secret_file(name).read_text() for name in SECRET_NAMES}) == len(SECRET_NAMES)
