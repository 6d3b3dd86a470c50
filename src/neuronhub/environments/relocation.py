"""Commands of an environment that was made at one place and is used at another. The standard library only."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from neuronhub.environments.user_files import list_names, read_bytes, read_head

_EXEC = b"#!/bin/sh\n'''exec' "
"""How scripts begin whose Python's path is too long for the first line."""
_HEAD_BYTES = 4096


def relocate_commands(prefix: Path, location: Path) -> None:
    """Have the commands in ``prefix`` that start its Python start that of ``location``. Raises OSError."""
    for name in list_names(prefix / "bin"):
        relocate_command(prefix / "bin" / name, prefix, location)


def relocate_command(path: Path, old: Path, new: Path) -> None:
    """Have the script ``path``, if its Python lies below ``old``, start that below ``new``. Raises OSError.

    The file is replaced, never changed: it may be a hard link into a package cache.
    """
    mode = os.lstat(path).st_mode
    if not stat.S_ISREG(mode) or read_head(path, 2) != b"#!":
        return
    data = read_bytes(path)
    head = b"\n".join(data.split(b"\n", 2)[: 2 if data.startswith(_EXEC) else 1])
    changed = head.replace(os.fsencode(old), os.fsencode(new))
    if changed == head:
        return
    beside = path.with_name(f".{path.name}.new")
    beside.write_bytes(changed + data[len(head) :])
    beside.chmod(stat.S_IMODE(mode))
    beside.replace(path)


def read_interpreter(path: Path) -> str:
    """The program that starts the script ``path``: of its first line, or of the second where a shell runs it; or ''."""
    try:
        script = read_head(path, _HEAD_BYTES)
    except OSError:
        return ""
    lines = script.split(b"\n", 2)
    if script.startswith(_EXEC):
        return os.fsdecode(lines[1].removeprefix(b"'''exec'").strip().split(b' "$0"')[0].strip(b"\"'"))
    words = lines[0].removeprefix(b"#!").split() if script.startswith(b"#!") else []
    return os.fsdecode(words[0]) if words else ""
