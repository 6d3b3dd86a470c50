"""The packages of the user's own in a notebook environment, and those among them that hide what the kernel needs.

What conda's records and pip's metadata say is read, no file tree is walked. The standard library only.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neuronhub.environments.bases import Base
from neuronhub.environments.types import Package
from neuronhub.environments.user_files import exists, list_names, read_head, read_json, read_text

FIRST_STATE = Path("conda-meta", "neuronhub-first-state")
"""In a full environment: names of the conda records that it was made with, one a line. The others are the user's."""
UNFINISHED = Path("conda-meta", "neuronhub-unfinished")
"""In an environment that conda is changing: names of the packages that may be half there. JSON, and no package."""

KERNEL_MODULES: Mapping[str, tuple[str, ...]] = {
    "asttokens": ("asttokens",),
    "comm": ("comm",),
    "debugpy": ("debugpy",),
    "decorator": ("decorator.py",),
    "executing": ("executing",),
    "ipykernel": ("ipykernel", "ipykernel_launcher.py"),
    "ipython": ("IPython",),
    "ipython-pygments-lexers": ("ipython_pygments_lexers.py",),
    "jedi": ("jedi",),
    "jupyter-client": ("jupyter_client",),
    "jupyter-core": ("jupyter_core", "jupyter.py"),
    "matplotlib-inline": ("matplotlib_inline",),
    "nest-asyncio": ("nest_asyncio.py",),
    "nest-asyncio2": ("nest_asyncio2.py",),
    "packaging": ("packaging",),
    "parso": ("parso",),
    "pexpect": ("pexpect",),
    "platformdirs": ("platformdirs",),
    "prompt-toolkit": ("prompt_toolkit",),
    "psutil": ("psutil",),
    "ptyprocess": ("ptyprocess",),
    "pure-eval": ("pure_eval",),
    "pygments": ("pygments",),
    "python-dateutil": ("dateutil",),
    "pyzmq": ("zmq",),
    "six": ("six.py",),
    "stack-data": ("stack_data",),
    "tornado": ("tornado",),
    "traitlets": ("traitlets",),
    "typing-extensions": ("typing_extensions.py",),
    "wcwidth": ("wcwidth",),
}
"""Packages without which the kernel "Python 3" does not start -> what they put into site-packages."""

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,126}[A-Za-z0-9])?")
_CONDA_NAME = re.compile(r"[a-z0-9_][a-z0-9_.-]{0,127}")
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9.!+_-]{0,127}")
_INFO_FOLDER = re.compile(r"[^/]+\.(?:dist|egg)-info")
_MODULE_ENDINGS = (".py", ".pyc", ".so")
_HEAD_BYTES = 65536
_SIZE_LIMIT = 1 << 50
"""Bytes; a file that is said to be larger is not counted."""


@dataclass(frozen=True, slots=True)
class Installed:
    """A package, and what says that it is there: its folder ``.dist-info``, or conda's record of it."""

    package: Package
    record: Path

    @property
    def name(self) -> str:
        """The normalised name."""
        return normalise_name(self.package.name)


@dataclass(frozen=True, slots=True)
class Inventory:
    """What the user has installed."""

    installed: tuple[Installed, ...]
    """Sorted by name."""
    unreadable: tuple[Path, ...]
    """Records of conda and metadata of Python packages that make no sense."""

    @property
    def packages(self) -> tuple[Package, ...]:
        """The packages, sorted by name."""
        return tuple(one.package for one in self.installed)


def normalise_name(name: str) -> str:
    """Return the one spelling of a Python package's name (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def find_site_packages(prefix: Path, python: str) -> Path:
    """Return where ``prefix`` keeps Python packages for ``python``, a version; '': for the newest Python in it."""
    if python:
        return prefix / "lib" / f"python{'.'.join(python.split('.')[:2])}" / "site-packages"
    minors = [match[1] for name in list_names(prefix / "lib") if (match := re.fullmatch(r"python3\.(\d{1,3})", name))]
    return prefix / "lib" / f"python3.{max(map(int, minors), default=0)}" / "site-packages"


def read_inventory(prefix: Path, python: str) -> Inventory:
    """Return what the user has installed into ``prefix``, an environment of either kind, with ``python``, a version."""
    site_packages = find_site_packages(prefix, python)
    installed, unreadable, conda_folders = _read_conda(prefix, site_packages.relative_to(prefix).as_posix())
    for name in list_names(site_packages):
        if (
            not _INFO_FOLDER.fullmatch(name) or name in conda_folders or name.startswith("~")
        ):  # "~": half removed by pip
            continue
        try:
            installed.append(Installed(_read_distribution(site_packages / name), site_packages / name))
        except (OSError, ValueError):
            unreadable.append(site_packages / name)
    installed.sort(key=lambda one: (one.name, one.package.installer))
    return Inventory(tuple(installed), tuple(unreadable))


def find_shadowing(prefix: Path, base: Base) -> tuple[Package, ...]:
    """Return the packages in ``prefix`` that hide those of ``base`` which the kernel needs, sorted by name.

    A package without metadata (a removal that was interrupted, a folder copied in) has an empty version.
    """
    return select_shadowing(read_inventory(prefix, base.python), find_site_packages(prefix, base.python))


def select_shadowing(inventory: Inventory, site_packages: Path) -> tuple[Package, ...]:
    """The same of an ``inventory`` that has been read."""
    own = [one.package for one in inventory.installed if one.name in KERNEL_MODULES]
    bare = [Package(name, "", 0, "pip") for name in _find_bare(list_names(site_packages))]
    return tuple(sorted((*own, *bare), key=lambda package: normalise_name(package.name)))


def list_shadowing_paths(prefix: Path, base: Base) -> tuple[Path, ...]:
    """Return the modules and records in ``prefix`` of the packages that find_shadowing names.

    Once these are gone, the kernel finds those of ``base`` again.
    """
    site_packages = find_site_packages(prefix, base.python)
    inventory = read_inventory(prefix, base.python)
    shadowing = {normalise_name(package.name) for package in select_shadowing(inventory, site_packages)}
    modules = {_find_module(module) for name in shadowing for module in KERNEL_MODULES[name]}
    found = [one.record for one in inventory.installed if one.name in shadowing and one.package.installer == "conda"]
    for name in list_names(site_packages):
        info = _INFO_FOLDER.fullmatch(name) and normalise_name(name.rsplit(".", 1)[0].split("-")[0])
        if _find_module(name) in modules or info in shadowing:
            found.append(site_packages / name)
    return tuple(found)


def _find_bare(names: Sequence[str]) -> Iterator[str]:
    """Yield the packages that the kernel needs whose modules are among ``names`` with no metadata beside them."""
    known = {normalise_name(name.split("-")[0]) for name in names if _INFO_FOLDER.fullmatch(name)}
    present = {_find_module(name) for name in names}
    for package, modules in KERNEL_MODULES.items():
        if package not in known and any(_find_module(module) in present for module in modules):
            yield package


def _find_module(name: str) -> str:
    """What Python calls a file or folder of site-packages; one that is no module keeps its name.

    What is a folder in one version may be a file in another, or compiled.
    """
    return name.partition(".")[0] if name.endswith(_MODULE_ENDINGS) else name


def _read_conda(prefix: Path, site_packages: str) -> tuple[list[Installed], list[Path], set[str]]:
    """Return the user's own conda packages, the unreadable records, and the metadata folders that belong to conda."""
    try:
        first = set(read_text(prefix / FIRST_STATE).splitlines())
    except OSError:
        first = set()
    installed: list[Installed] = []
    unreadable: list[Path] = []
    folders: set[str] = set()
    start = site_packages + "/"
    for name in list_names(prefix / "conda-meta"):
        if not name.endswith(".json"):
            continue
        try:
            record = read_json(prefix / "conda-meta" / name)
            files = [file for file in record["files"] if isinstance(file, str) and file.startswith(start)]
            package = _parse_conda(record)
        except (OSError, ValueError, KeyError, TypeError):
            unreadable.append(prefix / "conda-meta" / name)
            continue
        folders |= {file[len(start) :].split("/", 1)[0] for file in files}
        if name.removesuffix(".json") not in first:
            installed.append(Installed(package, prefix / "conda-meta" / name))
    return installed, unreadable, folders


def _parse_conda(record: dict[str, Any]) -> Package:
    """Raises ValueError, KeyError or TypeError when ``record`` is not conda's record of an installed package."""
    name, version = record["name"], record["version"]
    if not _CONDA_NAME.fullmatch(name) or not _VERSION.fullmatch(version):
        raise ValueError("no package has such a name or version")
    data = record.get("paths_data")
    paths = data.get("paths") if isinstance(data, dict) else None
    sizes = [path.get("size_in_bytes") for path in paths if isinstance(path, dict)] if isinstance(paths, list) else []
    return Package(name, version, sum(size for size in sizes if type(size) is int and 0 < size < _SIZE_LIMIT), "conda")


def _read_distribution(folder: Path) -> Package:
    """Raises OSError or ValueError when ``folder`` is not the metadata of an installed Python package."""
    file = folder
    if os.path.isdir(folder):
        file = folder / ("METADATA" if folder.suffix == ".dist-info" else "PKG-INFO")
    head = read_head(file, _HEAD_BYTES).decode("utf-8", errors="replace")
    fields: dict[str, str] = {}
    for line in head.splitlines():
        key, colon, value = line.partition(":")
        if not colon:
            break  # the header ends at the first empty line
        fields.setdefault(key.lower(), value.strip())
    name, version = fields.get("name", ""), fields.get("version", "")
    if not _NAME.fullmatch(name) or not _VERSION.fullmatch(version):
        raise ValueError(f"{file} names no package")
    return Package(name, version, _sum_record(folder / "RECORD"), "pip")


def _sum_record(record: Path) -> int:
    """Return the bytes of all files in pip's ``record``; 0 when there is none."""
    if not exists(record):
        return 0
    sizes = (line.rpartition(",")[2] for line in read_text(record).splitlines())
    return sum(int(size) for size in sizes if len(size) < 16 and size.isascii() and size.isdecimal())
