"""Commands of an environment that was made at one place and is used at another. The standard library only."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from neuronhub.environments.user_files import list_names, read_bytes, read_head

_EXEC = b"#!/bin/sh\n'''exec' "
"""How scripts begin whose Python's path is too long for the first line."""


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
        data = read_bytes(path)
        head = b"\n".join(data.split(b"\n", 2)[: 2 if data.startswith(_EXEC) else 1])
        if old not in head:
            continue
        beside = path.with_name(f".{name}.new")
        beside.write_bytes(head.replace(old, new) + data[len(head) :])
        beside.chmod(stat.S_IMODE(mode))
        beside.replace(path)
