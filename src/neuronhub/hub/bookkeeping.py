"""What the hub runs where the site file has a table [billing]: the ledger, the till, and what fills the ledger."""

from __future__ import annotations

import asyncio
from typing import Any

from neuronhub.billing.collector import Collector
from neuronhub.billing.ledger import open_ledger
from neuronhub.billing.recent import Recent
from neuronhub.billing.till import LedgerTill
from neuronhub.hub.away import AwayWatch
from neuronhub.hub.reading import Reading
from neuronhub.site import Site
from neuronhub.slurm.commands import Commands
from neuronhub.slurm.usage import Associations
from neuronhub.slurm.watch import Watch
from neuronhub.spawn.desk import Desk
from neuronhub.spawn.engines import Engines
from neuronhub.spawn.options import Choice
from neuronhub.spawn.orders import make_order
from neuronhub.spawn.record import StartRecord

MEMBERS_AGE_S = 60.0
"""Slurm is asked again who belongs to which account when that is known for so long."""


class Bookkeeping:
    """One per hub process; raises LedgerUnavailable when the ledger cannot be used as it is."""

    def __init__(self, site: Site, commands: Commands, watch: Watch) -> None:
        self._site = site
        assert site.billing is not None, "books without billing in the site file"
        self.ledger = open_ledger(site)
        self.ledger.ensure_schema()
        self.members: Recent[Associations] = Recent("accounts", commands.fetch_associations, MEMBERS_AGE_S)
        self.reading = Reading(self.ledger, site.billing, self.members)
        self.till = LedgerTill(site, self.ledger, self.members, watch)
        self._collector = Collector(site, commands, self.ledger)
        self._collecting: asyncio.Task[None] | None = None
        self._away: AwayWatch | None = None

    def start(self, hub: Any, desk: Desk, engines: Engines) -> None:
        """Begin to collect charges and to look for servers that are away; ``hub`` is JupyterHub's application."""
        self._collecting = asyncio.create_task(self._collector.run(), name="neuronhub-collector")
        self._away = AwayWatch(hub, self._site, desk, engines, self.ledger)
        self._away.start()

    async def note_again(self, start: StartRecord) -> None:
        """Tell the ledger of a start that an earlier hub has saved: it may have died before it told."""
        choice = Choice(start.queue, start.time_limit, start.account)
        await self.till.note_again(make_order(self._site, start.user, start.job_name, choice), start.submitted_at)
        if start.job_id is not None:
            await self.till.note_job(start.job_name, start.job_id)
        if start.url is not None:
            await self.till.note_ready(start.job_name)

    async def close(self) -> None:
        """End what runs, and let go of the ledger."""
        if self._away:
            await self._away.close()
        if self._collecting:
            self._collecting.cancel()
            await asyncio.gather(self._collecting, return_exceptions=True)
        self.reading.close()
        await self.till.end()
        await self.members.close()
        self.ledger.close()
