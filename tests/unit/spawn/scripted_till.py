"""A till that says what a test wants, and remembers what it was told."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from neuronhub.errors import StartRefused
from neuronhub.payment import NothingCharged, Order


@dataclass
class ScriptedTill(NothingCharged):
    """Has every start charged to ``account``, or refuses them all."""

    account: str = "lab-a"
    refusal: StartRefused | None = None
    opened: list[Order] = field(default_factory=list)
    jobs: dict[str, int] = field(default_factory=dict)
    closed: list[str] = field(default_factory=list)

    async def open(self, orders: Sequence[Order]) -> str:
        """As a ledger does: not within one round of the loop."""
        await asyncio.sleep(0.001)
        if self.refusal is not None:
            raise self.refusal
        self.opened += orders
        return self.account

    async def note_job(self, job_name: str, job_id: int) -> None:
        """Remember it."""
        self.jobs[job_name] = job_id

    async def close(self, job_names: Collection[str]) -> None:
        """Remember it."""
        self.closed += job_names
