"""Where the environments of a site and of one user lie, and of what kind they are.

Made from the site file by the hub and the command line; a start ticket carries it to the compute node. Imported
while a Jupyter server starts, so the standard library only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from neuronhub.site import Site

NAME = "notebook"
"""Of the environment that Jupyter's kernel "Python 3" and terminals belong to (row P1)."""
CURRENT = "current"
"""Link among the bases to the version that the site has activated."""

Kind = Literal["layered", "full"]


@dataclass(frozen=True, slots=True)
class Layout:
    """The places of one user's environments, and what the site decides of them."""

    conda: Path
    """``/scratch/ID/.conda``: ``envs`` and ``pkgs`` lie below it. Nothing outside it is ever changed by an action."""
    bases: Path
    """Folder of the site's base versions, and of the link ``current`` to the active one."""
    kind: Kind
    channels: tuple[str, ...]
    """conda channels in order of priority: names or ``https://`` and ``file://`` URLs."""
    mirrors: Mapping[str, tuple[str, ...]]
    """Channel -> where to fetch it from instead, in order."""
    program: Path | None
    """The site's own conda, mamba or micromamba; None: NeuronHub's conda."""

    @classmethod
    def of(cls, site: Site, user: str) -> Layout:
        """The layout of ``user`` as the site file says it."""
        environments = site.environments
        return cls(
            conda=site.places.conda(user),
            bases=site.places.bases,
            kind=environments.kind,
            channels=environments.channels,
            mirrors=dict(environments.mirrors),
            program=environments.conda,
        )

    @property
    def envs(self) -> Path:
        """The user's environments, each a folder."""
        return self.conda / "envs"

    @property
    def packages(self) -> Path:
        """The user's package cache."""
        return self.conda / "pkgs"

    @property
    def prefix(self) -> Path:
        """The notebook environment (row P1)."""
        return self.envs / NAME

    @property
    def base(self) -> Path:
        """The link to the active base."""
        return self.bases / CURRENT

    def to_json(self) -> dict[str, Any]:
        """As a start ticket carries it."""
        return {
            "conda": str(self.conda),
            "bases": str(self.bases),
            "kind": self.kind,
            "channels": list(self.channels),
            "mirrors": {channel: list(urls) for channel, urls in self.mirrors.items()},
            "program": str(self.program) if self.program else None,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Layout:
        """The opposite of to_json; raises KeyError or TypeError when ``data`` is no layout."""
        return cls(
            conda=Path(data["conda"]),
            bases=Path(data["bases"]),
            kind=data["kind"],
            channels=tuple(data["channels"]),
            mirrors={channel: tuple(urls) for channel, urls in data["mirrors"].items()},
            program=Path(data["program"]) if data["program"] else None,
        )
