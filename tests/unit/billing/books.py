"""A collector with its Slurm in memory and its ledger on disk, and the whole way of one job."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from tests.unit.billing.entries import HOUR, make_start
from tests.unit.billing.slurm_world import World, make_site

from neuronhub.billing.collector import Collected, Collector
from neuronhub.billing.ledger import Ledger
from neuronhub.billing.types import Charge, Filter, Start
from neuronhub.site import Site


@dataclass
class Workroom:
    """A collector, with its Slurm and its ledger."""

    world: World
    ledger: Ledger
    site: Site = field(default_factory=make_site)
    clock: float = 10_000.0
    collector: Collector = field(init=False)

    def __post_init__(self) -> None:
        self.restart()
        self.collector._answering_since = 0.0  # accounting has answered for long

    def restart(self) -> None:
        """Another hub process."""
        self.collector = Collector(
            self.site, self.world, self.ledger, clock=lambda: self.clock, now=lambda: self.world.now
        )

    def start(self, name: str, *, known: bool = True, **changes: Any) -> Start:
        """Note a start and submit it."""
        start = make_start(name, **({"noted_at": self.world.now, "ready_at": self.world.now} | changes))
        self.ledger.open_starts([start], policy="allow")
        number = self.world.submit(name, user=start.user, account=start.account, queue=start.queue)
        if known:
            self.ledger.note_job(name, number)
        return start

    def pass_time(self, length: timedelta) -> None:
        """On all clocks."""
        self.world.advance(length)
        self.clock += length.total_seconds()

    async def collect(self) -> Collected:
        """One turn."""
        return await self.collector.collect()

    def charges(self) -> list[Charge]:
        """All of them, in the order of their ends."""
        return self.ledger.fetch_charges(Filter())

    def held(self) -> int:
        """What is held back of the one account."""
        return self.ledger.balances(["physics"])["physics"].held_minor

    async def run_job(self, name: str, length: timedelta = HOUR, **changes: Any) -> None:
        """A job that has it all: noted, submitted, begun, and ended after ``length``."""
        self.start(name, **changes)
        number = len(self.world.jobs)
        self.world.begin(number)
        self.pass_time(length)
        self.world.end(number)
