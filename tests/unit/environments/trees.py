"""What a folder holds, in a form that can be compared: kinds, modes, contents, and where links lead."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

from neuronhub.environments.layout import NAME, Layout


def take_snapshot(folder: Path, leave_out: Path | None = None) -> dict[bytes, object]:
    """Everything below ``folder`` but ``leave_out``; times of change too, for what is not a folder."""
    found: dict[bytes, object] = {}
    for place, folders, files in os.walk(os.fsencode(folder)):
        for name in (*folders, *files):
            path = os.path.join(place, name)
            if leave_out is not None and path == os.fsencode(leave_out):
                continue
            found[os.path.relpath(path, os.fsencode(folder))] = _describe(path)
        folders[:] = [name for name in folders if os.path.join(place, name) != os.fsencode(leave_out or "/")]
    return found


def list_beside(layout: Layout) -> list[str]:
    """What lies beside the environment."""
    return sorted(name for name in os.listdir(layout.envs) if name != NAME)


def make_workspace(folder: Path) -> None:
    """Fill ``folder`` with what people have in theirs: odd names, links, closed folders, hard links, a pipe."""
    for name in (b"plain.ipynb", b"with space", b"-rf", "한글.ipynb".encode(), b"new\nline", b"\xff\xfe", b"*", b"~"):
        (folder / os.fsdecode(name)).write_bytes(name * 3)
    (folder / ".hidden" / "deep" / "deeper").mkdir(parents=True)
    (folder / ".hidden" / "deep" / "file").write_text("x")
    (folder / "closed").mkdir()
    (folder / "closed" / "file").write_text("x")
    (folder / "closed" / "file").chmod(0)
    (folder / "closed").chmod(0)
    (folder / "dangling").symlink_to("/nowhere")
    (folder / "loop").symlink_to("loop")
    (folder / "up").symlink_to("..")
    os.link(folder / "plain.ipynb", folder / "hard")
    os.mkfifo(folder / "pipe")


def _describe(path: bytes) -> object:
    found = os.lstat(path)
    mode = stat.filemode(found.st_mode)
    if stat.S_ISLNK(found.st_mode):
        return mode, os.readlink(path)
    if stat.S_ISREG(found.st_mode):
        with open(path, "rb") as file:
            return mode, found.st_nlink, found.st_mtime_ns, hashlib.sha256(file.read()).hexdigest()
    return mode
