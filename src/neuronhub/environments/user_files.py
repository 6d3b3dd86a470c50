"""Reads what lies in a user's environment, where anything may lie.

Nothing here waits for a pipe, follows a loop of links for ever or reads more than a limit: what cannot be read within
that is an OSError, what is no JSON object a ValueError. The standard library only: it runs while a server starts.
"""

from __future__ import annotations

import errno
import json
import os
import stat
from itertools import islice
from pathlib import Path
from typing import Any

JSON_LIMIT = 32 * 1024 * 1024
"""Bytes; conda's record of the largest package (TensorFlow) has about five million."""
TEXT_LIMIT = 16 * 1024 * 1024
"""Bytes of any other file that is read whole; pip's RECORD of the largest package has about two million."""
FOLDER_LIMIT = 20_000
"""Entries of one folder that are looked at."""


def read_bytes(path: Path, limit: int = TEXT_LIMIT) -> bytes:
    """Return what the regular file ``path`` holds; raises OSError if it is none, or longer than ``limit`` bytes."""
    data = read_head(path, limit + 1)
    if len(data) > limit:
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), str(path))
    return data


def read_head(path: Path, length: int) -> bytes:
    """Return the first ``length`` bytes of the regular file ``path`` or what there is; raises OSError if it is none."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a pipe must not keep us waiting
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL), str(path))
        with open(descriptor, "rb", closefd=False) as file:
            return file.read(length)
    finally:
        os.close(descriptor)


def refuse_odd(path: Path, limit: int = JSON_LIMIT) -> None:
    """Raise OSError unless ``path`` is a regular file of ``limit`` bytes at most: for others' code that reads it."""
    found = os.stat(path)
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL), str(path))
    if found.st_size > limit:
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), str(path))


def read_text(path: Path, limit: int = TEXT_LIMIT) -> str:
    """The same as text; bytes that are no UTF-8 become U+FFFD."""
    return read_bytes(path, limit).decode("utf-8", errors="replace")


def read_json(path: Path, limit: int = JSON_LIMIT) -> dict[str, Any]:
    """Return the JSON object in ``path``; raises OSError, or ValueError if it is none."""
    try:
        data = json.loads(read_bytes(path, limit).decode("utf-8"))  # of bytes it would guess what others do not
    except RecursionError:
        raise ValueError(f"{path} is nested too deeply") from None
    if not isinstance(data, dict):
        raise ValueError(f"{path} holds no JSON object")  # noqa: TRY004 - the content is wrong, not the caller
    return data


def list_names(folder: Path) -> list[str]:
    """Return the sorted names in ``folder``, FOLDER_LIMIT at most; [] where there is none or it cannot be read."""
    try:
        with os.scandir(folder) as entries:
            return sorted(entry.name for entry in islice(entries, FOLDER_LIMIT))
    except OSError:
        return []


def show(text: str, length: int = 300) -> str:
    """Return the beginning of ``text`` as one line that a page or terminal takes for nothing more than text."""
    return "".join(char if char.isprintable() else "?" for char in text[:length])


def exists(path: Path) -> bool:
    """True when ``path`` is there and whatever it links to; an unreadable folder on the way counts as absent."""
    return os.path.exists(path)
