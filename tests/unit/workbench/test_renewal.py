"""The examples in a workspace: renewed while they are as they were copied, never written over once they are not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from neuronhub.workbench.examples import RECORD, ensure_examples


@pytest.fixture
def examples(tmp_path: Path) -> Path:
    folder = tmp_path / "examples"
    folder.mkdir()
    publish(folder / "iris_ex.ipynb", "the site's")
    publish(folder / "data.csv", "1,2")
    publish(folder / ".hidden", "")
    (folder / "__pycache__").mkdir()
    return folder


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    folder.mkdir()
    return folder


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


def publish(path: Path, text: str) -> None:
    """Write as an operator does, at a time of its own."""
    path.write_text(text)
    publish.clock += 1_000_000_000  # type: ignore[attr-defined]
    os.utime(path, ns=(publish.clock, publish.clock))  # type: ignore[attr-defined]


publish.clock = 1_700_000_000_000_000_000  # type: ignore[attr-defined]


def contents(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir()}


def test_a_new_workspace_receives_them(examples: Path, workspace: Path, home: Path) -> None:
    told = list(ensure_examples(examples, workspace, home, fill=True))
    assert told == ["example data.csv", "example iris_ex.ipynb"]
    assert contents(workspace) == {"data.csv": "1,2", "iris_ex.ipynb": "the site's"}


def test_a_workspace_that_was_there_receives_nothing(examples: Path, workspace: Path, home: Path) -> None:
    assert list(ensure_examples(examples, workspace, home, fill=False)) == []
    assert contents(workspace) == {}
    assert not (home / RECORD).exists()


def test_a_file_of_the_users_own_with_the_name_of_an_example_stays(examples: Path, workspace: Path, home: Path) -> None:
    (workspace / "data.csv").write_text("mine")
    assert list(ensure_examples(examples, workspace, home, fill=True)) == ["example iris_ex.ipynb"]
    publish(examples / "data.csv", "3,4")
    assert list(ensure_examples(examples, workspace, home, fill=False)) == []
    assert (workspace / "data.csv").read_text() == "mine"


def test_what_nobody_has_changed_is_renewed(examples: Path, workspace: Path, home: Path) -> None:
    list(ensure_examples(examples, workspace, home, fill=True))
    publish(examples / "iris_ex.ipynb", "newer")
    assert list(ensure_examples(examples, workspace, home, fill=False)) == ["example iris_ex.ipynb, renewed"]
    assert (workspace / "iris_ex.ipynb").read_text() == "newer"
    publish(examples / "iris_ex.ipynb", "newest")
    list(ensure_examples(examples, workspace, home, fill=False))
    assert contents(workspace) == {"data.csv": "1,2", "iris_ex.ipynb": "newest"}


def test_what_the_user_has_changed_stays(examples: Path, workspace: Path, home: Path) -> None:
    list(ensure_examples(examples, workspace, home, fill=True))
    (workspace / "iris_ex.ipynb").write_text("my own changes")
    for text in ("newer", "newest"):
        publish(examples / "iris_ex.ipynb", text)
        assert list(ensure_examples(examples, workspace, home, fill=False)) == []
        assert (workspace / "iris_ex.ipynb").read_text() == "my own changes"


def test_what_the_user_has_deleted_stays_deleted(examples: Path, workspace: Path, home: Path) -> None:
    list(ensure_examples(examples, workspace, home, fill=True))
    (workspace / "iris_ex.ipynb").unlink()
    assert list(ensure_examples(examples, workspace, home, fill=False)) == []
    publish(examples / "iris_ex.ipynb", "newer")
    assert list(ensure_examples(examples, workspace, home, fill=False)) == []
    assert contents(workspace) == {"data.csv": "1,2"}


def test_what_the_user_has_put_in_its_place_stays(examples: Path, workspace: Path, home: Path) -> None:
    list(ensure_examples(examples, workspace, home, fill=True))
    elsewhere = home / "iris.ipynb"
    (workspace / "iris_ex.ipynb").rename(elsewhere)
    (workspace / "iris_ex.ipynb").symlink_to(elsewhere)
    (workspace / "data.csv").unlink()
    (workspace / "data.csv").mkdir()
    publish(examples / "iris_ex.ipynb", "newer")
    publish(examples / "data.csv", "3,4")
    assert list(ensure_examples(examples, workspace, home, fill=False)) == []
    assert elsewhere.read_text() == "the site's"
    assert (workspace / "data.csv").is_dir()


def test_a_new_example_arrives_where_the_others_came_from(examples: Path, workspace: Path, home: Path) -> None:
    list(ensure_examples(examples, workspace, home, fill=True))
    publish(examples / "ipy_ex.ipynb", "parallel")
    assert list(ensure_examples(examples, workspace, home, fill=False)) == ["example ipy_ex.ipynb"]


@pytest.mark.parametrize("record", ["", "[]", '{"x": 1}', '{"/w": {"data.csv": {"digest": 1}}}', '{"/w": {"a": 1}}'])
def test_without_a_record_everything_is_the_users(examples: Path, workspace: Path, home: Path, record: str) -> None:
    list(ensure_examples(examples, workspace, home, fill=True))
    (home / RECORD).write_text(record)
    publish(examples / "iris_ex.ipynb", "newer")
    assert list(ensure_examples(examples, workspace, home, fill=False)) == []
    assert (workspace / "iris_ex.ipynb").read_text() == "the site's"


def test_while_the_site_changes_nothing_nothing_is_read(
    examples: Path, workspace: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    list(ensure_examples(examples, workspace, home, fill=True))
    read: list[str] = []
    original = Path.read_bytes

    def watched(path: Path) -> bytes:
        read.append(path.name)
        return original(path)

    monkeypatch.setattr(Path, "read_bytes", watched)
    assert list(ensure_examples(examples, workspace, home, fill=False)) == []
    assert read == ["examples.json"]


def test_two_workspaces_are_two_matters(examples: Path, tmp_path: Path, home: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    for folder in (one, other):
        folder.mkdir()
        list(ensure_examples(examples, folder, home, fill=True))
    (one / "data.csv").write_text("mine")
    publish(examples / "data.csv", "3,4")
    assert list(ensure_examples(examples, one, home, fill=False)) == []
    assert list(ensure_examples(examples, other, home, fill=False)) == ["example data.csv, renewed"]


def test_examples_keep_nothing_of_their_owner(examples: Path, workspace: Path, home: Path) -> None:
    (examples / "data.csv").chmod(0o444)
    list(ensure_examples(examples, workspace, home, fill=True))
    assert (workspace / "data.csv").stat().st_mode & 0o200


def test_missing_examples_do_not_stop_a_start(tmp_path: Path, workspace: Path, home: Path) -> None:
    told = list(ensure_examples(tmp_path / "nowhere", workspace, home, fill=True))
    assert "could not all be copied" in told[0]


def test_a_record_that_cannot_be_written_is_told(examples: Path, workspace: Path, home: Path) -> None:
    (home / ".local").write_text("a file in the way")
    told = list(ensure_examples(examples, workspace, home, fill=True))
    assert "could not be written" in told[-1]
    assert contents(workspace) == {"data.csv": "1,2", "iris_ex.ipynb": "the site's"}
