"""Ways in which people break their notebook environment, each with what is to be found and what helps."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from neuronhub.environments.bases import Base
from neuronhub.environments.layout import Layout
from neuronhub.environments.marker import PLACE
from neuronhub.environments.types import Action

LAYERED, FULL, BOTH = ("layered",), ("full",), ("layered", "full")


@dataclass(frozen=True, slots=True)
class Breakage:
    """One way."""

    name: str
    do: Callable[[Layout, Base], None]
    code: str
    """Of the first problem that is to be found."""
    remedy: Action
    kinds: tuple[str, ...] = BOTH


def find_packages(layout: Layout, base: Base) -> Path:
    """The site-packages of the environment."""
    return layout.prefix / base.site_packages.relative_to(base.path)


def install_by_hand(packages: Path, name: str, version: str, module: str, code: str) -> None:
    """What pip leaves of a package with one module, in place of what was there."""
    for old in (*packages.glob(f"{name.replace('-', '_')}-*.dist-info"), packages / module):
        shutil.rmtree(old, ignore_errors=True)
    info = packages / f"{name.replace('-', '_')}-{version}.dist-info"
    files = {
        packages / module / "__init__.py": code,
        info / "METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        info / "INSTALLER": "pip\n",
    }
    for path, text in files.items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    rows = [f"{path.relative_to(packages)},,{len(text)}\n" for path, text in files.items()]
    (info / "RECORD").write_text("".join(rows), encoding="utf-8")


def _delete_marker(layout: Layout, _base: Base) -> None:
    (layout.prefix / PLACE).unlink()


def _cut_marker(layout: Layout, _base: Base) -> None:
    marker = layout.prefix / PLACE
    marker.write_text(marker.read_text(encoding="utf-8")[:20], encoding="utf-8")


def _age_marker(layout: Layout, _base: Base) -> None:
    marker = json.loads((layout.prefix / PLACE).read_text(encoding="utf-8"))
    (layout.prefix / PLACE).write_text(json.dumps({**marker, "format": 99}), encoding="utf-8")


def _unlink_python(layout: Layout, _base: Base) -> None:
    for link in (layout.prefix / "bin").glob("python*"):
        link.unlink()
    (layout.prefix / "bin" / "python").symlink_to("/nowhere/bin/python3")


def _empty_configuration(layout: Layout, _base: Base) -> None:
    (layout.prefix / "pyvenv.cfg").write_text("", encoding="utf-8")


def _delete_path_file(layout: Layout, base: Base) -> None:
    for path in find_packages(layout, base).glob("*.pth"):
        path.unlink()


def _delete_programs(layout: Layout, _base: Base) -> None:
    shutil.rmtree(layout.prefix / "bin")


def _close_packages(layout: Layout, base: Base) -> None:
    find_packages(layout, base).chmod(0)


def _move(layout: Layout, _base: Base) -> None:
    """As if the environment had been made under another name: its commands start that one's Python."""
    for command in ("pip", "ipython", "jupyter"):
        path = layout.prefix / "bin" / command
        if path.exists():
            text = path.read_text(encoding="utf-8").replace(f"{layout.prefix}/bin", "/scratch/somewhere/else/bin")
            path.unlink()  # it may be a hard link into the cache
            path.write_text(text, encoding="utf-8")
            path.chmod(0o755)


def _overwrite_tornado(layout: Layout, base: Base) -> None:
    install_by_hand(find_packages(layout, base), "tornado", "2.0", "tornado", "raise ImportError('too old')\n")


def _half_remove_traitlets(layout: Layout, base: Base) -> None:
    packages = find_packages(layout, base)
    for old in packages.glob("traitlets*"):
        shutil.rmtree(old)
    (packages / "traitlets").mkdir()
    (packages / "traitlets" / "__init__.py").write_text("import _missing_\n", encoding="utf-8")


def _edit_kernel(layout: Layout, base: Base) -> None:
    """Edited in place: where it is a hard link, the package cache is poisoned as well."""
    with (find_packages(layout, base) / "ipykernel" / "__init__.py").open("a", encoding="utf-8") as file:
        file.write("raise RuntimeError('edited')\n")


def _delete_kernel(layout: Layout, base: Base) -> None:
    shutil.rmtree(find_packages(layout, base) / "ipykernel")


def _customise_python(layout: Layout, base: Base) -> None:
    (find_packages(layout, base) / "own.pth").write_text("import os; os._exit(3)\n", encoding="utf-8")


def _loop_links(layout: Layout, _base: Base) -> None:
    shutil.rmtree(layout.prefix / "conda-meta")
    os.symlink("conda-meta", layout.prefix / "conda-meta")


BREAKAGES = (
    Breakage("marker deleted", _delete_marker, "half-made", Action.REPAIR),
    Breakage("marker cut off", _cut_marker, "half-made", Action.REPAIR),
    Breakage("marker of a newer NeuronHub", _age_marker, "newer", Action.RESET),
    Breakage("links to Python lead nowhere", _unlink_python, "python", Action.REPAIR),
    Breakage("pyvenv.cfg emptied", _empty_configuration, "configuration", Action.REPAIR, LAYERED),
    Breakage("path file deleted", _delete_path_file, "unlinked", Action.REPAIR, LAYERED),
    Breakage("folder bin deleted", _delete_programs, "folder", Action.REPAIR),
    Breakage("site-packages closed", _close_packages, "permissions", Action.REPAIR),
    Breakage("made at another place", _move, "moved", Action.REPAIR),
    Breakage("tornado replaced by pip", _overwrite_tornado, "kernel", Action.REPAIR),
    Breakage("traitlets half removed", _half_remove_traitlets, "kernel", Action.REPAIR),
    Breakage("ipykernel edited", _edit_kernel, "kernel", Action.REPAIR, FULL),
    Breakage("ipykernel deleted", _delete_kernel, "kernel", Action.REPAIR, FULL),
    Breakage("Python ends at once", _customise_python, "kernel", Action.RESET, LAYERED),
    Breakage("conda-meta a loop of links", _loop_links, "half-made", Action.REPAIR),
)
