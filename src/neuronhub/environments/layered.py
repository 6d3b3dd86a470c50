"""The thin environment over the base: what it consists of, and how it is made and mended.

A virtual environment that is a conda environment too: its own ``site-packages`` come first, then those of the base
version that it was made on. The standard library only: it is also made while a Jupyter server starts.
"""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from neuronhub.environments.bases import Base
from neuronhub.environments.entries import EXECUTABLE, Entry, mend_entries, open_folders, write_entries
from neuronhub.environments.jupyter_files import draw_kernels, draw_settings
from neuronhub.environments.layout import Layout
from neuronhub.environments.marker import PLACE, Marker
from neuronhub.environments.owned_files import list_owned_files
from neuronhub.environments.scripts import read_commands, render_command, render_door, render_first_line
from neuronhub.environments.types import Progress, Report
from neuronhub.environments.user_files import read_head
from neuronhub.language import translate as _

_NOT_FOR_USERS = re.compile(r"python.*|(de)?activate.*|conda.*|neuronhub.*|2to3.*|idle3.*|pydoc.*")
"""Programs of the base that an environment has in its own way, or not at all."""
_HISTORY = "conda-meta/history"


def make_layered(layout: Layout, base: Base, target: Path, report: Report) -> None:
    """Fill the empty folder ``target`` so that it may be renamed to ``layout.prefix``. Raises OSError."""
    report(Progress(_("Making the environment on base {version}.").format(version=base.version), 0.1))
    write_entries(chain(draw_layered(layout, base), [draw_marker(base)]), target)


def open_layered(layout: Layout, base: Base) -> None:
    """Let the owner into the folders of the environment that carry it. Raises OSError."""
    os.chmod(layout.prefix, stat.S_IMODE(os.lstat(layout.prefix).st_mode) | stat.S_IRWXU)
    open_folders(draw_layered(layout, base), layout.prefix)


def can_mend_layered(layout: Layout, base: Base) -> bool:
    """True when what lies at ``layout.prefix`` can be put right in place, with all that the user has added."""
    library = layout.prefix / "lib" / _python_folder(base)
    if (library / "os.py").exists():
        return False  # it has a Python of its own
    return all(path.is_dir() and not path.is_symlink() for path in (library.parent, library, library / "site-packages"))


def mend_layered(layout: Layout, base: Base, scratch: Path, report: Report) -> None:
    """Put the environment at ``layout.prefix`` on ``base``; the user's own packages, and their commands, stay.

    ``scratch`` is a folder beside it, for what was wrong. Needs ``can_mend_layered``. Raises OSError.
    """
    report(Progress(_("Putting the environment on base {version}.").format(version=base.version), 0.3))
    packages = layout.prefix / "lib" / _python_folder(base) / "site-packages"
    owned = list_owned_files(layout.prefix, packages)
    entries = [
        entry
        for entry in draw_layered(layout, base)
        if not (entry.place in owned and _is_usable(entry, layout.prefix))
        and not (entry.place == _HISTORY and (layout.prefix / _HISTORY).is_file())
    ]
    mend_entries([*entries, draw_marker(base)], layout.prefix, scratch)


def _is_usable(entry: Entry, prefix: Path) -> bool:
    """True when the file that a package of the user's has put at the place of ``entry`` may stay."""
    try:
        head = read_head(prefix / entry.place, 1024)
    except OSError:
        return False
    return entry.mode != EXECUTABLE or os.fsencode(f"{prefix}/bin/python") in head


def draw_layered(layout: Layout, base: Base) -> Iterator[Entry]:
    """All files and links of the environment but its marker."""
    python = layout.prefix / "bin" / "python"
    version = _python_folder(base)
    yield Entry("pyvenv.cfg", _render_configuration(base))
    yield Entry("bin/python", link=str(base.path / "bin" / version))
    yield Entry("bin/python3", link="python")
    yield Entry(f"bin/{version}", link="python")
    yield from draw_programs(base, python)
    yield from draw_doors(layout)
    # Read after the environment's own packages; packages of the base may bring such files as well.
    path = f"import site; site.addsitedir({str(base.site_packages)!r})\n"
    yield Entry(f"lib/{version}/site-packages/neuronhub-base.pth", path)
    yield from draw_kernels(base.path, python)
    yield from draw_settings(base.path)
    yield Entry(_HISTORY)


def draw_marker(base: Base) -> Entry:
    """The entry that makes an environment whole."""
    return Entry(str(PLACE), json.dumps(Marker.of("layered", base).to_json(), indent=1) + "\n")


def draw_programs(base: Base, python: Path) -> Iterator[Entry]:
    """The base's commands, started by ``python``, and links to its other programs."""
    commands = {
        name: target for name, target in read_commands(base.site_packages).items() if not _NOT_FOR_USERS.fullmatch(name)
    }
    for name, target in sorted(commands.items()):
        yield Entry(f"bin/{name}", render_command(python, target), mode=EXECUTABLE)
    for name in sorted(os.listdir(base.path / "bin")):
        program = base.path / "bin" / name
        if name in commands or _NOT_FOR_USERS.fullmatch(name) or not _is_program(program):
            continue
        yield _draw_program(program, python, _python_folder(base))


def draw_doors(layout: Layout) -> Iterator[Entry]:
    """The commands of NeuronHub: always those of the active base."""
    yield Entry("bin/neuronhub", render_door(layout.base / "bin" / "neuronhub"), mode=EXECUTABLE)
    if layout.program is None:
        yield Entry("bin/conda", render_door(layout.base / "bin" / "neuronhub-conda"), mode=EXECUTABLE)


def _draw_program(program: Path, python: Path, version: str) -> Entry:
    """A link to ``program`` of the base; where it is a script of the base's Python, the same one for ``python``."""
    place = f"bin/{program.name}"
    first = read_head(program, 256).partition(b"\n")[0]
    if not (first.startswith(b"#!") and first.endswith((f"/bin/{version}".encode(), b"/bin/python", b"/bin/python3"))):
        return Entry(place, link=str(program))
    return Entry(place, render_first_line(python) + _read_rest(program), mode=EXECUTABLE)


def _read_rest(script: Path) -> str:
    """All but the first line, whatever bytes they have."""
    return script.read_text(encoding="utf-8", errors="surrogateescape").partition("\n")[2]


def _render_configuration(base: Base) -> str:
    return (
        f"home = {base.path / 'bin'}\n"
        "include-system-site-packages = false\n"
        f"version = {base.python}\n"
        f"executable = {base.path / 'bin' / _python_folder(base)}\n"
    )


def _python_folder(base: Base) -> str:
    return base.site_packages.parent.name


def _is_program(path: Path) -> bool:
    return path.is_file() and os.access(path, os.X_OK)
