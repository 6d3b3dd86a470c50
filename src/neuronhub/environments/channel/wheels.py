"""Wheels: what one says of itself, and its files laid out as a conda package has them.

Runs in ``neuronhub base channel``.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import zipfile
import zlib
from collections.abc import Iterable
from configparser import Error as ConfigParserError
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from installer.utils import SCHEME_NAMES, parse_entrypoints, parse_metadata_file
from packaging.tags import Tag
from packaging.utils import InvalidWheelFilename, parse_wheel_filename
from packaging.version import Version

from neuronhub.environments.channel.archive import PREFIX, Archive, Entry
from neuronhub.errors import ConflictingState
from neuronhub.language import translate as _

SITE_PACKAGES = "site-packages"
BROKEN = (InvalidWheelFilename, zipfile.BadZipFile, zlib.error, NotImplementedError, KeyError, ValueError, EOFError)
"""What the libraries raise where a wheel is not as it should be."""

SCRIPT = """\
#!{prefix}/bin/python
import sys

from {module} import {top}

if __name__ == "__main__":
    sys.exit({attribute}())
"""


@dataclass(frozen=True, slots=True)
class Wheel:
    """What a wheel says of itself: all that is needed to say what the conda package of it would be."""

    file_name: str
    sha256: str
    requires: tuple[str, ...]
    """Lines ``Requires-Dist``."""
    requires_python: str
    has_headers: bool
    summary: str
    license: str

    @property
    def name(self) -> str:
        """Of the distribution, in normal form."""
        return parse_wheel_filename(self.file_name)[0]

    @property
    def version(self) -> Version:
        """Of the distribution."""
        return parse_wheel_filename(self.file_name)[1]

    @property
    def tags(self) -> frozenset[Tag]:
        """Where it runs."""
        return parse_wheel_filename(self.file_name)[3]

    @property
    def is_pure(self) -> bool:
        """True where the same files do for every platform and every minor version of Python."""
        return all(tag.abi == "none" and tag.platform == "any" for tag in self.tags) and not self.has_headers

    def to_json(self) -> dict[str, Any]:
        """As the inventory of a channel keeps it."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Wheel:
        """The opposite of to_json; raises KeyError or TypeError when ``data`` is no wheel."""
        return cls(**{**data, "requires": tuple(data["requires"])})


def read_wheel(path: Path) -> Wheel:
    """What the wheel at ``path`` says; raises ConflictingState when it is broken."""
    try:
        parse_wheel_filename(path.name)
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        with zipfile.ZipFile(path) as archive:
            info = find_dist_info(archive)
            metadata = parse_metadata_file(archive.read(f"{info}/METADATA").decode("utf-8", "replace"))
            headers = any(find_place(entry.filename, info)[0] == "headers" for entry in list_files(archive))
    except BROKEN as error:
        raise broken(path, error) from error
    return Wheel(
        file_name=path.name,
        sha256=digest,
        requires=tuple(metadata.get_all("Requires-Dist", [])),
        requires_python=str(metadata.get("Requires-Python", "")),
        has_headers=headers,
        summary=str(metadata.get("Summary", "")),
        license=str(metadata.get("License-Expression", "")),
    )


def broken(path: Path, error: Exception) -> ConflictingState:
    """The error that says that the wheel at ``path`` cannot be used."""
    text = _("{wheel} is no sound wheel ({error}). Delete it, and have it fetched again.")
    return ConflictingState(text.format(wheel=path, error=error))


def find_dist_info(archive: zipfile.ZipFile) -> str:
    """The name of the one ``.dist-info`` folder; raises ValueError when there is not exactly one."""
    found = {name.split("/", 1)[0] for name in archive.namelist()}
    infos = sorted(name for name in found if name.endswith(".dist-info"))
    if len(infos) != 1:
        raise ValueError(f"{len(infos)} dist-info folders")
    return infos[0]


def list_files(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """The files of a wheel; raises ValueError for one that would land outside the environment."""
    files = [entry for entry in archive.infolist() if not entry.is_dir()]
    for entry in files:
        if {"", ".", ".."} & set(entry.filename.split("/")):  # an empty one is the root's, once others are cut off
            raise ValueError(f"{entry.filename}: leads elsewhere")
    return files


def find_place(name: str, info: str) -> tuple[str, str]:
    """(scheme, path within it) of a file of a wheel; the scheme is ``purelib`` for all that is not in ``.data``.

    ``info`` is the wheel's ``.dist-info`` folder. Raises ValueError for a scheme that there is not.
    """
    folder, _slash, rest = name.partition("/")
    if folder != f"{info.removesuffix('.dist-info')}.data":
        return "purelib", name
    scheme, _slash, inner = rest.partition("/")
    if scheme not in SCHEME_NAMES or not inner or (scheme == "data" and inner.split("/")[0] == "conda-meta"):
        raise ValueError(f"{name}: unknown place")
    return ("purelib" if scheme == "platlib" else scheme), inner


@dataclass(frozen=True, slots=True)
class Places:
    """Where the files of a package go, relative to the prefix."""

    modules: str
    scripts: str
    headers: str
    of_any: bool
    """True in a package for any Python, whose commands are made when it is installed."""

    @classmethod
    def of_any_python(cls) -> Places:
        """As ``noarch: python`` has them: whoever installs the package knows the version of Python."""
        return cls(SITE_PACKAGES, "python-scripts", "", True)

    @classmethod
    def of_one_python(cls, minor: str, name: str) -> Places:
        """Of the package ``name`` for the Python ``minor``."""
        return cls(f"lib/python{minor}/{SITE_PACKAGES}", "bin", f"include/python{minor}/{name}", False)

    def place(self, scheme: str, inner: str) -> str:
        """Where the file ``inner`` of ``scheme`` goes."""
        folder = {"purelib": self.modules, "scripts": self.scripts, "headers": self.headers, "data": ""}[scheme]
        return f"{folder}/{inner}" if folder else inner


def list_entry_points(archive: zipfile.ZipFile) -> list[tuple[str, str, str]]:
    """(command, module, attribute) of each command that a wheel has; raises ValueError for one that makes no sense."""
    try:
        text = archive.read(f"{find_dist_info(archive)}/entry_points.txt").decode("utf-8")
    except KeyError:
        return []
    try:
        found = [(name, module, attribute) for name, module, attribute, _kind in parse_entrypoints(text)]
    except (AssertionError, ConfigParserError) as error:  # installer's ways to say so
        raise ValueError("entry_points.txt makes no sense") from error
    if any("/" in name for name, _module, _attribute in found):
        raise ValueError("entry_points.txt leads elsewhere")
    return found


def add_wheel(archive: zipfile.ZipFile, package: Archive, places: Places) -> None:
    """Add the files of a wheel to ``package``, and RECORD and INSTALLER, from which pip knows what is there."""
    info = find_dist_info(archive)
    rows = []
    for entry in list_files(archive):
        scheme, inner = find_place(entry.filename, info)
        if inner in _replaced(info):
            continue
        path = places.place(scheme, inner)
        with archive.open(entry) as stream:
            if scheme == "scripts":
                _add_script(package, path, stream.read())
                rows.append((f"../../../bin/{inner}", "", ""))
            else:
                added = package.add(path, entry.file_size, stream, program=bool(entry.external_attr >> 16 & 0o111))
                rows.append((inner if scheme == "purelib" else f"../../../{path}", _hash_of(added), str(added.size)))
    for command, module, attribute in list_entry_points(archive):
        rows.append((f"../../../bin/{command}", "", ""))
        if places.of_any:
            package.entry_points.append(f"{command} = {module}:{attribute}")
        else:
            package.add_text(f"{places.scripts}/{command}", render_script(module, attribute), program=True)
    package.add_text(f"{places.modules}/{info}/INSTALLER", "conda\n")
    rows += [(f"{info}/INSTALLER", "", ""), (f"{info}/RECORD", "", "")]
    package.add_text(f"{places.modules}/{info}/RECORD", render_record(rows))


def _replaced(info: str) -> frozenset[str]:
    """What a wheel has, or another installer left in it, that is not true of what becomes of it."""
    names = ("RECORD", "RECORD.jws", "RECORD.p7s", "INSTALLER", "REQUESTED", "direct_url.json")
    return frozenset(f"{info}/{name}" for name in names)


def _add_script(package: Archive, path: str, data: bytes) -> None:
    """Add a command that a wheel carries; the interpreter ``#!python`` becomes that of the environment."""
    if data.startswith(b"#!python"):
        rest = data.decode("utf-8").partition("\n")[2]
        package.add_text(path, f"#!{PREFIX}/bin/python\n{rest}", program=True)
    else:
        package.add(path, len(data), io.BytesIO(data), program=True)


def _hash_of(entry: Entry) -> str:
    digest = base64.urlsafe_b64encode(bytes.fromhex(entry.sha256)).decode().rstrip("=")
    return f"sha256={digest}"


def render_record(rows: Iterable[tuple[str, str, str]]) -> str:
    """RECORD: (path, hash, size) of each file, sorted."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(sorted(rows))
    return text.getvalue()


def render_script(module: str, attribute: str) -> str:
    """The command that calls ``attribute`` of ``module``."""
    return SCRIPT.format(prefix=PREFIX, module=module, top=attribute.split(".")[0], attribute=attribute)
