"""Small conda packages and a channel in a folder, made by hand: what a package holds is what the test says."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SUBDIRS = ("linux-64", "noarch")


@dataclass(frozen=True)
class Made:
    """One package to be."""

    name: str
    version: str
    depends: tuple[str, ...] = ()
    files: dict[str, str] = field(default_factory=dict)
    """Path below the prefix -> text."""
    noarch: bool = False
    """A noarch Python package: ``site-packages/...`` goes where the environment's Python looks."""
    entry_points: tuple[str, ...] = ()

    @property
    def file_name(self) -> str:
        return f"{self.name}-{self.version}-0.tar.bz2"

    @property
    def subdir(self) -> str:
        return "noarch" if self.noarch else "linux-64"

    def index(self) -> dict[str, Any]:
        """What info/index.json says."""
        index: dict[str, Any] = {
            "name": self.name,
            "version": self.version,
            "build": "0",
            "build_number": 0,
            "depends": list(self.depends),
            "subdir": self.subdir,
        }
        return {**index, "noarch": "python"} if self.noarch else index


def python_package(name: str, version: str, depends: tuple[str, ...] = (), text: str = "", **more: Any) -> Made:
    """A noarch Python package with one module, which knows its version, and its metadata."""
    info = f"site-packages/{name.replace('-', '_')}-{version}.dist-info"
    files = {
        f"site-packages/{name.replace('-', '_')}.py": f"__version__ = {version!r}\n{text}",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/INSTALLER": "conda\n",
        f"{info}/RECORD": "",
    }
    return Made(name, version, ("python", *depends), files, noarch=True, **more)


def make_channel(folder: Path, *packages: Made) -> str:
    """Write ``packages`` as a channel into ``folder``; return its URL."""
    listed: dict[str, dict[str, Any]] = {subdir: {} for subdir in SUBDIRS}
    for package in packages:
        archive = _pack(package)
        place = folder / package.subdir / package.file_name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(archive)
        sums = {"md5": hashlib.md5(archive).hexdigest(), "sha256": hashlib.sha256(archive).hexdigest()}
        listed[package.subdir][package.file_name] = {**package.index(), **sums, "size": len(archive)}
    for subdir, records in listed.items():
        (folder / subdir).mkdir(parents=True, exist_ok=True)
        text = json.dumps({"info": {"subdir": subdir}, "packages": records, "packages.conda": {}})
        (folder / subdir / "repodata.json").write_text(text)
    return folder.as_uri()


def _pack(package: Made) -> bytes:
    contents = {name: text.encode() for name, text in package.files.items()}
    paths = [
        {"_path": name, "path_type": "hardlink", "sha256": hashlib.sha256(data).hexdigest(), "size_in_bytes": len(data)}
        for name, data in contents.items()
    ]
    contents["info/index.json"] = json.dumps(package.index()).encode()
    contents["info/paths.json"] = json.dumps({"paths": paths, "paths_version": 1}).encode()
    if package.noarch:
        noarch = {"type": "python", "entry_points": list(package.entry_points)}
        contents["info/link.json"] = json.dumps({"noarch": noarch, "package_metadata_version": 1}).encode()
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:bz2") as archive:
        for name, data in contents.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            member.mode = 0o755 if name.startswith("bin/") else 0o644
            archive.addfile(member, io.BytesIO(data))
    return buffer.getvalue()
