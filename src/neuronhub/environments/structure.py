"""What is wrong with the files of an environment that carry all others: Python, the way to the base, the commands.

A few system calls and no process. The standard library only.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from neuronhub.environments.bases import Base
from neuronhub.environments.packages import find_site_packages
from neuronhub.environments.relocation import read_interpreter
from neuronhub.environments.types import Action, Problem
from neuronhub.environments.user_files import list_names, read_head, show
from neuronhub.language import translate as _

_COMMANDS = ("jupyter", "ipython", "pip")
_HEAD_BYTES = 4096


def find_faults(prefix: Path, python: str, base: Base | None) -> Iterator[Problem]:
    """Yield what is wrong with the environment at ``prefix``; ``base`` is what a layered one stands on."""
    yield from _find_closed_folders(prefix, python)
    interpreter = prefix / "bin" / "python"
    if not os.access(interpreter, os.X_OK):
        text = _("{path} leads nowhere or cannot be run.").format(path=interpreter)
        yield Problem("python", text, Action.REPAIR)
    if base is not None:
        yield from _find_lost_base(prefix, base)
    if moved := _find_moved_command(prefix):
        text = _("The environment was made at another place: {command} starts {python}.")
        yield Problem("moved", text.format(command=moved[0], python=moved[1]), Action.REPAIR)


def _find_closed_folders(prefix: Path, python: str) -> Iterator[Problem]:
    for folder in (prefix, prefix / "bin", prefix / "conda-meta", find_site_packages(prefix, python)):
        try:
            mode = os.stat(folder).st_mode
        except OSError as error:
            text = _("The folder {path} cannot be used ({reason}).").format(path=folder, reason=error.strerror)
            yield Problem("folder", text, Action.REPAIR)
            continue
        if not stat.S_ISDIR(mode):
            yield Problem("folder", _("{path} should be a folder.").format(path=folder), Action.REPAIR)
        elif mode & stat.S_IRWXU != stat.S_IRWXU:
            text = _("The permissions of {path} keep its owner out.").format(path=folder)
            yield Problem("permissions", text, Action.REPAIR)


def _find_lost_base(prefix: Path, base: Base) -> Iterator[Problem]:
    """What keeps a layered environment from its base: Python finds it by pyvenv.cfg, packages by a .pth file."""
    configuration = _read(prefix / "pyvenv.cfg")
    homes = [line.partition("=")[2].strip() for line in configuration.splitlines() if line.startswith("home")]
    if [Path(home) for home in homes] != [base.path / "bin"]:
        text = _("pyvenv.cfg does not lead to the base {version}.").format(version=base.version)
        yield Problem("configuration", text, Action.REPAIR)
    site_packages = find_site_packages(prefix, base.python)
    paths = (_read(site_packages / name) for name in list_names(site_packages) if name.endswith(".pth"))
    if not any(str(base.site_packages) in path for path in paths):
        text = _("The environment does not see the packages of the base {version}.").format(version=base.version)
        yield Problem("unlinked", text, Action.REPAIR)


def _find_moved_command(prefix: Path) -> tuple[str, str] | None:
    """One of the commands that are always there which starts the Python of another environment or none; that Python."""
    folder = prefix / "bin"
    for name in _COMMANDS:
        interpreter = read_interpreter(folder / name)
        place = Path(interpreter)
        if not place.name.startswith("python") or place.parent in (folder, Path("/usr/bin"), Path("/bin")):
            continue
        if not os.access(place, os.X_OK) or os.path.isdir(place.parent.parent / "conda-meta"):
            return str(folder / name), show(interpreter)
    return None


def _read(path: Path) -> str:
    """The beginning of a file as text; '' where there is no file that can be read."""
    try:
        return read_head(path, _HEAD_BYTES).decode("utf-8", errors="replace")
    except OSError:
        return ""
