"""The marker of an environment: what it is and what it stands on, written last of all.

Read while a Jupyter server starts, so the standard library only. A folder without a marker is not whole.
"""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

from neuronhub.environments.bases import Base
from neuronhub.environments.layout import Kind
from neuronhub.environments.user_files import read_json

FORMAT = 1
"""Changes when an older environment cannot be mended any more."""
PLACE = Path("conda-meta", "neuronhub")
"""In each environment. JSON, but not called so: conda takes every ``*.json`` there for the record of a package."""


@dataclass(frozen=True, slots=True)
class Marker:
    """What an environment is."""

    format: int
    kind: Kind
    base: str
    """Version of the base that it stands on, or from whose list it was made."""
    base_path: str
    """Real folder of that base, not the link to the active one."""
    python: str
    """Version, for instance ``3.11.2``."""
    made_at: str
    """ISO 8601, UTC."""

    @classmethod
    def of(cls, kind: Kind, base: Base) -> Marker:
        """The marker of an environment that is made now, of ``kind``, from ``base``."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        return cls(FORMAT, kind, base.version, str(base.path), base.python, now)

    def to_json(self) -> dict[str, object]:
        """As the file holds it."""
        return asdict(self)


def read_marker(prefix: Path) -> Marker | None:
    """Return the marker of the environment at ``prefix``; None when there is none that can be read and understood."""
    try:
        data = read_json(prefix / PLACE)
    except (OSError, ValueError):
        return None
    texts = [data.get(name) for name in ("base", "base_path", "python", "made_at")]
    if data.get("format") != FORMAT or data.get("kind") not in get_args(Kind):
        return None
    if not all(isinstance(text, str) for text in texts):
        return None
    return Marker(FORMAT, data["kind"], *(str(text) for text in texts))


def is_sound(prefix: Path) -> bool:
    """True when the environment at ``prefix`` looks whole: it has its marker, and a Python that can be run.

    A few system calls, no process; what a kernel needs is only known by ``diagnosis``.
    """
    if os.path.islink(prefix) or read_marker(prefix) is None:
        return False
    return os.access(prefix / "bin" / "python", os.X_OK)
