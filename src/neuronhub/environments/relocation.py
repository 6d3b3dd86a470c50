"""Commands of an environment that was made at one place and is used at another. The standard library only."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from neuronhub.environments.user_files import list_names, read_bytes, read_head

_FIRST_LINES = 2
"""The second one counts where the path is too long for the first, and a shell starts Python."""


def relocate_commands(prefix: Path, location: Path) -> None:
    """Have the commands in ``prefix`` that start its Python start that of ``location``. Raises OSError.

    Files are replaced, never changed: they may be hard links into a package cache.
    """
    old, new = os.fsencode(prefix), os.fsencode(location)
    for name in list_names(prefix / "bin"):
        path = prefix / "bin" / name
        mode = os.lstat(path).st_mode
        if not stat.S_ISREG(mode) or read_head(path, 2) != b"#!":
            continue
        lines = read_bytes(path).split(b"\n", _FIRST_LINES)
        head = [line.replace(old, new) for line in lines[:_FIRST_LINES]]
        if head == lines[:_FIRST_LINES]:
            continue
        beside = path.with_name(f".{name}.new")
        beside.write_bytes(b"\n".join([*head, *lines[_FIRST_LINES:]]))
        beside.chmod(stat.S_IMODE(mode))
        beside.replace(path)
