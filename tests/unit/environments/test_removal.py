from __future__ import annotations

import os
import stat
from pathlib import Path

from tests.unit.environments.trees import make_workspace, take_snapshot
from tests.unit.environments.unprivileged import without_rights

from neuronhub.environments.removal import remove_tree


def test_whatever_people_make_is_deleted(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    make_workspace(folder)
    assert remove_tree(folder) is None
    assert not os.path.lexists(folder)


def test_what_links_lead_to_stays(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    make_workspace(outside)
    before = take_snapshot(outside)
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "to-folder").symlink_to(outside)
    (folder / "to-file").symlink_to(outside / "plain.ipynb")
    link = tmp_path / "link"
    link.symlink_to(outside)
    assert remove_tree(folder) is None
    assert remove_tree(link) is None
    assert not os.path.lexists(link)
    assert take_snapshot(outside) == before


def test_hard_links_keep_their_modes(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.write_text("x")
    kept.chmod(0o400)
    folder = tmp_path / "folder"
    folder.mkdir()
    os.link(kept, folder / "same")
    assert remove_tree(folder) is None
    assert (kept.read_text(), stat.S_IMODE(kept.stat().st_mode)) == ("x", 0o400)


def test_deeper_than_any_path(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    here = os.open(folder, os.O_RDONLY)
    for _number in range(1200):
        os.mkdir("n" * 40, dir_fd=here)
        below = os.open("n" * 40, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=here))
    os.close(here)
    assert remove_tree(folder) is None
    assert not folder.exists()


def test_closed_folders_are_opened(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    (folder / "a" / "b" / "c").mkdir(parents=True)
    (folder / "a" / "b" / "c" / "file").touch()
    for closed, mode in ((folder / "a" / "b" / "c", 0o500), (folder / "a" / "b", 0), (folder / "a", 0o300)):
        closed.chmod(mode)
    assert without_rights(lambda: remove_tree(folder)) is None
    assert not folder.exists()


def test_what_somebody_else_owns_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    (folder / "theirs").mkdir(parents=True)
    (folder / "theirs" / "file").touch()
    (folder / "mine").touch()
    os.chown(folder / "theirs", 1, 1)
    failure = without_rights(lambda: remove_tree(folder))
    assert isinstance(failure, PermissionError)
    assert [path.name for path in folder.rglob("*")] == ["theirs", "file"]


def test_progress_counts_what_has_gone(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    for sub in ("a", "b", "c"):
        (folder / sub).mkdir(parents=True)
        for number in range(600):
            (folder / sub / str(number)).touch()
    told: list[int] = []
    assert remove_tree(folder, told.append) is None
    assert len(told) == 3
    assert told == sorted(set(told))
    assert told[-1] <= 3 * 601


def test_nothing_there_is_nothing_to_do(tmp_path: Path) -> None:
    assert remove_tree(tmp_path / "none") is None
