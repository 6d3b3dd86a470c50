from __future__ import annotations

import os
from pathlib import Path

import pytest

from neuronhub.environments.user_files import exists, list_names, read_bytes, read_head, read_json, read_text, show


def test_reads_files(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b'{"a": "\xff"}')
    assert read_bytes(path) == b'{"a": "\xff"}'
    assert read_text(path) == '{"a": "\ufffd"}'
    assert read_head(path, 4) == b'{"a"'


def test_file_of_the_limit_is_read_and_a_longer_one_is_not(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"12345")
    assert read_bytes(path, 5) == b"12345"
    with pytest.raises(OSError, match="too large"):
        read_bytes(path, 4)


@pytest.mark.parametrize("kind", ["pipe", "endless", "loop", "folder", "nothing"])
def test_what_is_no_file_is_an_error(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "file"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind != "nothing":
        path.symlink_to("/dev/zero" if kind == "endless" else "file")
    with pytest.raises(OSError, match="file"):
        read_head(path, 10)


@pytest.mark.parametrize("text", ["", "[]", "3", "{", "[" * 100_000, '{"a": ' * 100_000, "9" * 5000])
def test_what_is_no_json_object_is_a_value_error(tmp_path: Path, text: str) -> None:
    path = tmp_path / "file"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=r".+"):
        read_json(path)


def test_folders_that_cannot_be_listed_are_empty(tmp_path: Path) -> None:
    for name in ("b", "a"):
        (tmp_path / name).touch()
    assert list_names(tmp_path) == ["a", "b"]
    assert list_names(tmp_path / "a") == []
    assert list_names(tmp_path / "none") == []
    assert exists(tmp_path / "a")
    assert not exists(tmp_path / "a" / "b")


def test_what_is_shown_is_one_printable_line() -> None:
    assert show("a\x1b[31m\nb\u202e\ud800c") == "a?[31m?b???c".replace("???", "??")
    assert show("x" * 1000, 5) == "xxxxx"
