"""The notebook environment as its owner's server knows it: where it is, and what keeps kernels from starting.

In the user's Jupyter server.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from neuronhub.environments.layout import Layout
from neuronhub.language import translate as _


@dataclass(frozen=True, slots=True)
class Notebook:
    """The environment to which kernels and terminals belong."""

    layout: Layout
    trouble: str | None = None
    """Why this start could not make it: a sentence."""

    @property
    def prefix(self) -> Path:
        """Its folder (row P1)."""
        return self.layout.prefix

    @property
    def python(self) -> Path:
        """Its Python, which runs the kernel "Python 3"."""
        return self.prefix / "bin" / "python"

    def find_obstacle(self) -> str | None:
        """Return why nothing can be started in it and what to do, a sentence; None when a first look finds nothing."""
        if not os.path.lexists(self.prefix):
            text = _(
                "There is no notebook environment. Open Environment and press Create, then start the kernel again."
            )
            return f"{text} {self.trouble}" if self.trouble else text
        if not os.access(self.python, os.X_OK):
            return _(
                "The Python of the notebook environment is gone. "
                "Open Environment and press Repair, then start the kernel again."
            )
        return None
