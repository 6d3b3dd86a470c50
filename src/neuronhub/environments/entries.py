"""The files and links of which a layered environment consists, and how they get to their places.

The standard library only: environments are also made while a Jupyter server starts.
"""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

EXECUTABLE = 0o777
"""Less what the user's umask takes."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One file or link, by its place below the environment's prefix."""

    place: str
    content: str = ""
    link: str = ""
    """Where it leads; '': a file with ``content``."""
    mode: int = 0o666
    """Of a file, less what the user's umask takes."""

    @property
    def folders(self) -> list[str]:
        """The folders that it lies in, the outermost first."""
        return [str(folder) for folder in reversed(PurePosixPath(self.place).parents[:-1])]


def write_entries(entries: Iterable[Entry], target: Path) -> None:
    """Write ``entries`` into the new, empty folder ``target``."""
    made: set[str] = set()
    for entry in entries:
        for folder in entry.folders:
            if folder not in made:
                os.mkdir(target / folder)
                made.add(folder)
        _write(entry, target / entry.place)


def open_folders(entries: Iterable[Entry], prefix: Path) -> None:
    """Let the owner into those folders of ``entries`` that are there; what a link leads to is left alone."""
    beyond: set[str] = set()
    for folder in dict.fromkeys(folder for entry in entries for folder in entry.folders):
        found = _mode(prefix / folder) if str(PurePosixPath(folder).parent) not in beyond else None
        if found is None or not stat.S_ISDIR(found):
            beyond.add(folder)
        elif found & stat.S_IRWXU != stat.S_IRWXU:
            os.chmod(prefix / folder, stat.S_IMODE(found) | stat.S_IRWXU)


def mend_entries(entries: Iterable[Entry], prefix: Path, scratch: Path) -> None:
    """Put ``entries`` into the environment at ``prefix`` where it has something else, each at one stroke.

    ``scratch`` is a folder on the same file system; what had taken the place of an entry or its folder ends up there.
    """
    for number, entry in enumerate(entries):
        for folder in entry.folders:
            _ensure_folder(prefix / folder, scratch)
        place = prefix / entry.place
        if not _is_there(entry, place):
            beside = scratch / str(number)
            _write(entry, beside)
            if stat.S_ISDIR(_mode(place) or 0):
                _set_aside(place, scratch)
            os.replace(beside, place)


def _write(entry: Entry, path: Path) -> None:
    if entry.link:
        os.symlink(entry.link, path)
        return
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, entry.mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(entry.content.encode("utf-8", "surrogateescape"))


def _is_there(entry: Entry, path: Path) -> bool:
    found = _mode(path)
    if found is None:
        return False
    if stat.S_ISLNK(found):
        return os.readlink(path) == entry.link
    if entry.link or not stat.S_ISREG(found) or entry.mode & stat.S_IRWXU & ~found:
        return False
    content = entry.content.encode("utf-8", "surrogateescape")
    try:
        return os.lstat(path).st_size == len(content) and path.read_bytes() == content
    except PermissionError:
        return False


def _ensure_folder(folder: Path, scratch: Path) -> None:
    found = _mode(folder)
    if found is not None and not stat.S_ISDIR(found):
        _set_aside(folder, scratch)
        found = None
    if found is None:
        os.mkdir(folder)


def _set_aside(path: Path, scratch: Path) -> None:
    os.rename(path, scratch / f"aside.{secrets.token_hex(4)}")


def _mode(path: Path) -> int | None:
    try:
        return os.lstat(path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None
