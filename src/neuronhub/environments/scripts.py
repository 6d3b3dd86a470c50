"""The commands of Python packages: which ones a base has, and the text that starts one with another Python.

The standard library only.
"""

from __future__ import annotations

import os
import re
import shlex
from configparser import ConfigParser, Error
from pathlib import Path

from neuronhub.environments.user_files import read_text

_GROUPS = ("console_scripts", "gui_scripts")
_NAME = re.compile(r"[^/\0\s][^/\0]*")
_TARGET = re.compile(r"(?P<module>[\w.]+)\s*:\s*(?P<function>[\w.]+)\s*(\[[^\]]*\])?")
_SHEBANG_LIMIT = 127
"""Bytes of the first line that every Linux reads."""


def read_commands(site_packages: Path) -> dict[str, str]:
    """Return the commands of the packages in ``site_packages``: name -> ``module:function``."""
    commands: dict[str, str] = {}
    for folder in sorted(os.listdir(site_packages)):
        if folder.endswith((".dist-info", ".egg-info")):
            commands.update(_read_entry_points(site_packages / folder / "entry_points.txt"))
    return commands


def _read_entry_points(path: Path) -> dict[str, str]:
    parser = ConfigParser(delimiters=("=",), interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign] # names keep their case
    try:
        parser.read_string(read_text(path))
    except (FileNotFoundError, NotADirectoryError, Error):
        return {}
    found = {}
    for group in _GROUPS:
        for name, target in parser.items(group) if parser.has_section(group) else ():
            match = _TARGET.fullmatch(target.strip())
            if match and _NAME.fullmatch(name):
                found[name] = f"{match['module']}:{match['function']}"
    return found


def render_command(python: Path, target: str, *, isolated: bool = False) -> str:
    """The script that runs ``target`` (``module:function``) with ``python``.

    ``isolated``: whatever packages are in the user's home folder, and whatever variables for Python are set.
    """
    module, function = target.split(":")
    imported = function.partition(".")[0]
    return (
        f"{render_first_line(python, ' -I' if isolated else '')}import sys\n"
        f"from {module} import {imported}\n"
        f"if __name__ == '__main__':\n"
        f"    sys.exit({function}())\n"
    )


def render_first_line(python: Path, option: str = "") -> str:
    """What makes the rest of the text a script of ``python``, also where its path is too long for the kernel."""
    line = f"#!{python}{option}\n"
    if len(os.fsencode(line)) <= _SHEBANG_LIMIT and not re.search(r"\s", str(python)):
        return line
    # To sh this is a command that ends it, to Python a text.
    return f"#!/bin/sh\n'''exec' {shlex.quote(str(python))}{option} \"$0\" \"$@\"\n' '''\n"


def render_door(program: Path) -> str:
    """The script that is ``program`` at another place."""
    return f'#!/bin/sh\nexec {shlex.quote(str(program))} "$@"\n'
