"""A base made by hand: this Python, with modules that only say what the kernel's are called."""

from __future__ import annotations

import json
import os
import platform
import sysconfig
from pathlib import Path

from tests.contract.environments.breakages import install_by_hand

from neuronhub.environments.bases import MARKER, Base, read_base
from neuronhub.environments.layout import Kind, Layout

MODULES = {
    "ipykernel": "ipykernel",
    "ipython": "IPython",
    "jupyter-client": "jupyter_client",
    "pyzmq": "zmq",
    "tornado": "tornado",
    "traitlets": "traitlets",
}


def make_base(bases: Path, version: str) -> Base:
    """Make a base and activate it."""
    minor = f"python{sysconfig.get_python_version()}"
    prefix = bases / version
    library = prefix / "lib" / minor
    for folder in (prefix / "bin", prefix / "conda-meta", library / "site-packages"):
        folder.mkdir(parents=True)
    standard = Path(os.__file__).parent
    for entry in standard.iterdir():
        if entry.name not in ("site-packages", "dist-packages", "__pycache__"):
            (library / entry.name).symlink_to(entry)
    (prefix / "bin" / minor).symlink_to(os.path.realpath(f"/proc/{os.getpid()}/exe"))
    for name, module in MODULES.items():
        install_by_hand(library / "site-packages", name, "1.0", module, "")
    (library / "site-packages" / "ipykernel" / "kernelapp.py").touch()
    (library / "site-packages" / "tornado" / "ioloop.py").touch()
    info = library / "site-packages" / "ipython-1.0.dist-info"
    (info / "entry_points.txt").write_text("[console_scripts]\nipython = IPython:start\n", encoding="utf-8")
    marker = {
        "format": 1,
        "version": version,
        "made_at": "2026-11-01T00:00:00+00:00",
        "python": platform.python_version(),
        "spec": ["ipykernel"],
    }
    (prefix / MARKER).write_text(json.dumps(marker), encoding="utf-8")
    activate(bases, version)
    return read_base(prefix)


def activate(bases: Path, version: str) -> None:
    """Let ``current`` lead to a version."""
    link = bases / "current"
    link.unlink(missing_ok=True)
    link.symlink_to(version)


def make_layout(folder: Path, kind: Kind = "layered") -> Layout:
    """A user's places in ``folder``, and the site's bases."""
    (folder / "alice").mkdir(exist_ok=True)
    channel = f"file://{folder}/channel"
    return Layout(folder / "alice" / ".conda", folder / "bases", kind, (channel,), {}, None)
