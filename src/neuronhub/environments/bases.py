"""The versions of the site's base that are there, and which of them is active.

Read on login nodes, in jobs and by the hub, also while a Jupyter server starts: the standard library only.
"""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from neuronhub.environments.layout import CURRENT
from neuronhub.errors import BaseMissing
from neuronhub.language import translate as _

FORMAT = 1
"""Of the marker; changes when an older base cannot be used any more."""
MARKER = Path("conda-meta", "neuronhub-base")
"""In each base, written last: a folder without it is none. JSON; conda takes every ``*.json`` there for a package."""


@dataclass(frozen=True, slots=True)
class Base:
    """One version of the base: a conda prefix that is never changed after it was made."""

    version: str
    path: Path
    """Its own folder, not the link ``current``: what stands on a base keeps it when another one is activated.

    Links above it stay as the site names them: they may lead elsewhere on another node.
    """
    python: str
    """Version, for instance ``3.11.2``."""
    made_at: datetime
    """UTC."""
    spec: tuple[str, ...]
    """What was asked for, in conda's words."""

    @property
    def interpreter(self) -> Path:
        """Its Python."""
        return self.path / "bin" / "python"

    @property
    def site_packages(self) -> Path:
        """Where its Python packages lie."""
        major, minor = self.python.split(".")[:2]
        return self.path / "lib" / f"python{major}.{minor}" / "site-packages"

    def to_json(self) -> dict[str, Any]:
        """As the marker holds it."""
        return {
            "format": FORMAT,
            "version": self.version,
            "made_at": self.made_at.isoformat(),
            "python": self.python,
            "spec": list(self.spec),
        }


def read_base(path: Path) -> Base:
    """Return the base at ``path``, which may be a link to it; raises BaseMissing when there is none or half of one."""
    try:
        folder = path.parent / path.readlink() if path.is_symlink() else path
        marker = json.loads((folder / MARKER).read_text(encoding="utf-8"))
        if marker["format"] != FORMAT:
            text = _("The base {path} was made by another version of NeuronHub. Build it anew: neuronhub base build.")
            raise BaseMissing(text.format(path=path))
        return Base(
            version=str(marker["version"]),
            path=folder.absolute(),
            python=str(marker["python"]),
            made_at=datetime.fromisoformat(marker["made_at"]),
            spec=tuple(str(word) for word in marker["spec"]),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        text = _("{path} is no base environment. Those that are there: neuronhub base list.")
        raise BaseMissing(text.format(path=path)) from error


def read_active(bases: Path) -> Base:
    """Return the base that the site has activated among ``bases``; raises BaseMissing when there is none."""
    link = bases / CURRENT
    if not link.is_symlink() and not link.exists():
        text = _("The site has no active base in {bases}. An operator makes one: neuronhub base build, base activate.")
        raise BaseMissing(text.format(bases=bases))
    return read_base(link)


def list_bases(bases: Path) -> tuple[Base, ...]:
    """Return the whole bases in the folder ``bases``, the oldest first; half made ones are not among them."""
    found = []
    for folder in bases.iterdir() if bases.is_dir() else ():
        if not folder.name.startswith(".") and not folder.is_symlink():
            with contextlib.suppress(BaseMissing):  # it is something else, or half of one
                found.append(read_base(folder))
    return tuple(sorted(found, key=lambda base: (base.made_at, base.version)))
