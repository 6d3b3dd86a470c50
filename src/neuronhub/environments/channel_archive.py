"""One conda package file (``.conda``), written as a stream. Runs in ``neuronhub base channel``, in its workers."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any, Literal, cast

from conda_package_streaming.create import CondaTarFile, conda_builder

PREFIX = "/opt/" + "_placehold" * 22
"""Stands in packages where the path of the environment belongs; whoever installs the package replaces it."""
LEVEL = 3
"""Of zstd: twice the speed of 9 for a tenth more bytes, on a disk that is near."""


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
    """A package that is being written; see ``open_archive``."""

    tar: CondaTarFile
    entry_points: list[str] = field(default_factory=list)
    """``command = module:attribute``: commands of a package for any Python, made when it is installed."""
    paths: list[dict[str, Any]] = field(default_factory=list)
    # Not a date of long ago, as wheels have it: Python takes old bytecode for good where a file's date and size match.
    date: int = field(default_factory=lambda: int(time.time()))

    def add(self, path: str, size: int, stream: IO[bytes], *, program: bool = False) -> Entry:
        """Add a file of ``size`` bytes."""
        hashing = _Hashing(stream)
        self.tar.addfile(self._describe(path, size, program), cast(IO[bytes], hashing))
        return self._note(path, hashing.digest.hexdigest(), size, prefixed=False)

    def add_text(self, path: str, text: str, *, program: bool = False) -> Entry:
        """Add a text; if it holds PREFIX, that is replaced when the package is installed."""
        data = text.encode("utf-8")
        self.tar.addfile(self._describe(path, len(data), program), io.BytesIO(data))
        return self._note(path, hashlib.sha256(data).hexdigest(), len(data), prefixed=PREFIX in text)

    def add_link(self, path: str, target: str) -> None:
        """Add a symbolic link."""
        header = self._describe(path, 0, program=True)
        header.type, header.linkname = tarfile.SYMTYPE, target
        self.tar.addfile(header)
        self.paths.append({"_path": path, "path_type": "softlink", "sha256": _EMPTY, "size_in_bytes": 0})

    def _describe(self, path: str, size: int, program: bool) -> tarfile.TarInfo:
        header = tarfile.TarInfo(path)
        header.size, header.mtime, header.mode = size, self.date, 0o755 if program else 0o644
        return header

    def _note(self, path: str, sha256: str, size: int, *, prefixed: bool) -> Entry:
        fact = {"_path": path, "path_type": "hardlink", "sha256": sha256, "size_in_bytes": size}
        if prefixed:
            fact |= {"file_mode": "text", "prefix_placeholder": PREFIX}
        self.paths.append(fact)
        return Entry(path, sha256, size)

    def add_information(self, record: Record) -> None:
        """Add what conda wants to know of the package; the last thing to add."""
        paths = sorted(self.paths, key=lambda fact: str(fact["_path"]))
        self._add_json("index.json", render_index(record, self.date))
        self._add_json("paths.json", {"paths": paths, "paths_version": 1})
        self._add_json("about.json", {"summary": record.summary, "license": record.license})
        if record.noarch == "python":
            noarch = {"type": "python", "entry_points": self.entry_points}
            self._add_json("link.json", {"noarch": noarch, "package_metadata_version": 1})

    def _add_json(self, name: str, content: Any) -> None:
        data = json.dumps(content, indent=1).encode()
        self.tar.addfile(self._describe(f"info/{name}", len(data), program=False), io.BytesIO(data))


class _Hashing:
    """A stream that is hashed while it is read."""

    def __init__(self, stream: IO[bytes]) -> None:
        self.digest = hashlib.sha256()
        self._stream = stream

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(size)
        self.digest.update(data)
        return data


_EMPTY = hashlib.sha256().hexdigest()


def render_index(record: Record, date: int) -> dict[str, Any]:
    """``info/index.json`` of a package made at ``date`` (seconds)."""
    index: dict[str, Any] = {
        "build": record.build,
        "build_number": record.build_number,
        "depends": list(record.depends),
        "name": record.name,
        "subdir": record.subdir,
        "timestamp": date * 1000,
        "version": record.version,
    }
    if record.license:
        index["license"] = record.license
    if record.noarch:
        index["noarch"] = record.noarch
    else:
        index |= {"arch": "x86_64", "platform": "linux"}
    return index


@contextmanager
def open_archive(record: Record, folder: Path) -> Iterator[Archive]:
    """Write the package ``record`` into ``folder``; the file is whole once the context is left."""
    with conda_builder(record.stem, folder, compression_level=LEVEL, compression_threads=0) as tar:
        archive = Archive(tar)
        yield archive
        archive.add_information(record)
