"""A stand-in for ``neuronhub env``: a shell script that a test writes, called as the real one is."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from neuronhub.environments.errand import Command
from neuronhub.environments.types import Action, Condition, Package, Problem, Status

STATUS = Status(
    condition=Condition.READY,
    kind="layered",
    prefix="/scratch/alice/.conda/envs/notebook",
    python="3.11.2",
    base="2026.11",
    newest_base="2026.12",
    packages=(Package("torch", "2.9", 800_000_000, "pip"),),
    problems=(Problem("base-old", "There is a newer base.", Action.REPAIR, serious=False),),
)


def tell(**line: Any) -> str:
    """Shell text that prints one line as ``--json`` does."""
    text = json.dumps(line).replace("'", "'\\''")
    return f"printf '%s\\n' '{text}'\n"


def script(folder: Path, text: str) -> Command:
    """A command whose ``env ...`` runs ``text``; its arguments are in ``$@``."""
    program = folder / "neuronhub"
    program.write_text(f"#!/bin/sh\n{text}")
    program.chmod(0o755)
    return Command((str(program), "--site", "/etc/neuronhub/site.toml"), {"PATH": "/usr/bin:/bin"})


async def until(condition: Callable[[], bool]) -> None:
    """Return when ``condition`` holds; the caller sets the limit."""
    while not condition():  # noqa: ASYNC110 (what a process does has no event here)
        await asyncio.sleep(0.01)
