"""One conda package file (``.conda``), written as a stream: the same content gives the same bytes, on any day.

Runs in ``neuronhub base channel``, in its workers.
"""

from __future__ import annotations

import hashlib
import io
import json
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any, Literal, cast

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

PREFIX = "/opt/" + "_placehold" * 22
"""Stands in packages where the path of the environment belongs; whoever installs the package replaces it."""
LEVEL = 3
"""Of zstd: a third of the time of 9, for an eighth more bytes on a disk that is near."""
_HUGE = 1 << 30
"""Bytes from which on a package might outgrow a zip archive of the old kind."""
_FIRST_DAY = 1577836800
"""2020-01-01."""


@dataclass(frozen=True, slots=True)
class Record:
    """What the index of a channel says of a package."""

    name: str
    version: str
    build: str
    build_number: int
    subdir: str
    noarch: Literal["python", "generic"] | None
    depends: tuple[str, ...]
    summary: str = ""
    license: str = ""

    @property
    def stem(self) -> str:
        """The name of its file, without the suffix."""
        return f"{self.name}-{self.version}-{self.build}"

    def with_build(self, build: str, number: int = 0) -> Record:
        """The same with another build string."""
        return replace(self, build=build, build_number=number)


@dataclass(frozen=True, slots=True)
class Entry:
    """A file that a package holds."""

    path: str
    sha256: str
    size: int


@dataclass
class Archive:
    """The files of a package that is being written; see ``open_archive``."""

    tar: tarfile.TarFile
    date: int
    entry_points: list[str] = field(default_factory=list)
    """``command = module:attribute``: commands of a package for any Python, made when it is installed."""
    paths: list[dict[str, Any]] = field(default_factory=list)

    def add(self, path: str, size: int, stream: IO[bytes], *, program: bool = False) -> Entry:
        """Add a file of ``size`` bytes."""
        hashing = _Hashing(stream)
        self.tar.addfile(_describe(path, size, self.date, program), cast(IO[bytes], hashing))
        return self._note(path, hashing.digest.hexdigest(), size, {})

    def add_text(self, path: str, text: str, *, program: bool = False) -> Entry:
        """Add a text; if it holds PREFIX, that is replaced when the package is installed."""
        data = text.encode("utf-8")
        self.tar.addfile(_describe(path, len(data), self.date, program), io.BytesIO(data))
        prefixed = {"file_mode": "text", "prefix_placeholder": PREFIX} if PREFIX in text else {}
        return self._note(path, hashlib.sha256(data).hexdigest(), len(data), prefixed)

    def add_link(self, path: str, target: str) -> None:
        """Add a symbolic link."""
        header = _describe(path, 0, self.date, program=True)
        header.type, header.linkname = tarfile.SYMTYPE, target
        self.tar.addfile(header)
        nothing = hashlib.sha256().hexdigest()
        self.paths.append({"_path": path, "path_type": "softlink", "sha256": nothing, "size_in_bytes": 0})

    def _note(self, path: str, sha256: str, size: int, prefixed: dict[str, str]) -> Entry:
        fact = {"_path": path, "path_type": "hardlink", "sha256": sha256, "size_in_bytes": size}
        self.paths.append(fact | prefixed)
        return Entry(path, sha256, size)


class _Hashing:
    """A stream that is hashed while it is read."""

    def __init__(self, stream: IO[bytes]) -> None:
        self.digest = hashlib.sha256()
        self._stream = stream

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(size)
        self.digest.update(data)
        return data


def _describe(path: str, size: int, date: int, program: bool = False) -> tarfile.TarInfo:
    header = tarfile.TarInfo(path)
    header.size, header.mtime, header.mode = size, date, 0o755 if program else 0o644
    return header


@contextmanager
def open_archive(record: Record, folder: Path, size: int = 0) -> Iterator[Archive]:
    """Write the package ``record`` into ``folder``; the file is whole once the context is left without an error.

    ``size``: of what it is made from, in bytes, about.
    """
    # Dates tell builds apart: Python trusts old bytecode where a file's date and size are those that it knows.
    date = _FIRST_DAY + int(hashlib.sha256(record.stem.encode()).hexdigest()[:7], 16)
    with zipfile.ZipFile(folder / f"{record.stem}.conda", "x") as package:
        package.writestr(zipfile.ZipInfo("metadata.json"), json.dumps({"conda_pkg_format_version": 2}))
        with _open_tar(package, f"pkg-{record.stem}", size > _HUGE) as tar:
            archive = Archive(tar, date)
            yield archive
        with _open_tar(package, f"info-{record.stem}") as tar:
            for name, content in render_information(record, archive).items():
                data = json.dumps(content, indent=1).encode()
                tar.addfile(_describe(f"info/{name}", len(data), date), io.BytesIO(data))


@contextmanager
def _open_tar(package: zipfile.ZipFile, stem: str, huge: bool = False) -> Iterator[tarfile.TarFile]:
    """A compressed tar archive as one member of ``package``."""
    with (
        package.open(zipfile.ZipInfo(f"{stem}.tar.zst"), "w", force_zip64=huge) as member,
        zstd.ZstdFile(member, "w", level=LEVEL) as compressed,
        tarfile.open(fileobj=compressed, mode="w|", format=tarfile.PAX_FORMAT) as tar,
    ):
        yield tar


def render_information(record: Record, archive: Archive) -> dict[str, Any]:
    """What conda wants to know of a package: name of a file below ``info/`` -> its content."""
    paths = sorted(archive.paths, key=lambda fact: str(fact["_path"]))
    information: dict[str, Any] = {
        "index.json": render_index(record),
        "paths.json": {"paths": paths, "paths_version": 1},
        "about.json": {"summary": record.summary, "license": record.license},
    }
    if record.noarch == "python":
        noarch = {"type": "python", "entry_points": archive.entry_points}
        information["link.json"] = {"noarch": noarch, "package_metadata_version": 1}
    return information


def render_index(record: Record) -> dict[str, Any]:
    """``info/index.json`` of a package."""
    index: dict[str, Any] = {
        "build": record.build,
        "build_number": record.build_number,
        "depends": list(record.depends),
        "name": record.name,
        "subdir": record.subdir,
        "version": record.version,
    }
    if record.license:
        index["license"] = record.license
    if record.noarch:
        index["noarch"] = record.noarch
    else:
        index |= {"arch": "x86_64", "platform": "linux"}
    return index
