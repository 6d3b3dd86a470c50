"""Tiny wheels, made by hand."""

from __future__ import annotations

import base64
import hashlib
import zipfile
from collections.abc import Mapping
from pathlib import Path

from packaging.utils import canonicalize_name

from neuronhub.environments.channel.wheels import Wheel, read_wheel


def make_wheel(
    folder: Path,
    name: str,
    version: str = "1.0",
    *,
    tag: str = "py3-none-any",
    metadata: str = "",
    files: Mapping[str, str] | None = None,
    entry_points: str = "",
) -> Path:
    """Write a wheel with the module of its name, and ``files``; ``metadata`` are further lines of METADATA."""
    stem = f"{canonicalize_name(name).replace('-', '_')}-{version}"
    info = f"{stem}.dist-info"
    content = {
        f"{canonicalize_name(name).replace('-', '_')}.py": f"__version__ = {version!r}\n",
        **(files or {}),
        f"{info}/METADATA": f"Metadata-Version: 2.4\nName: {name}\nVersion: {version}\n{metadata}\n",
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: hand\nRoot-Is-Purelib: true\nTag: {tag}\n",
    }
    if entry_points:
        content[f"{info}/entry_points.txt"] = entry_points
    record = "".join(f"{path},sha256={_digest(text)},{len(text.encode())}\n" for path, text in content.items())
    content[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n"
    folder.mkdir(parents=True, exist_ok=True)
    wheel = folder / f"{stem}-{tag}.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.mkdir(f"{info}/")
        for path, text in content.items():
            archive.writestr(zipfile.ZipInfo(path), text)
    return wheel


def describe_wheel(
    folder: Path, name: str, version: str = "1.0", *, tag: str = "py3-none-any", metadata: str = ""
) -> Wheel:
    """Write a wheel, and return what it says of itself."""
    return read_wheel(make_wheel(folder, name, version, tag=tag, metadata=metadata))


def _digest(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")
