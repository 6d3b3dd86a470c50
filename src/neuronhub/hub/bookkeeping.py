"""What the hub runs where the site file has a table [billing]: the ledger, the till, and what fills the ledger."""

from __future__ import annotations

from neuronhub.billing.ledger import open_ledger
from neuronhub.billing.till import LedgerTill
from neuronhub.site import Site
from neuronhub.slurm.commands import Commands
from neuronhub.slurm.watch import Watch
from neuronhub.spawn.record import StartRecord


class Bookkeeping:
    """One per hub process; raises LedgerUnavailable when the ledger cannot be used as it is."""

    SETTING = "neuronhub_bookkeeping"

    def __init__(self, site: Site, commands: Commands, watch: Watch) -> None:
        self.ledger = open_ledger(site)
        self.ledger.ensure_schema()
        self.till = LedgerTill(site, commands, self.ledger, watch)

    async def note_again(self, start: StartRecord) -> None:
        """Tell the ledger of a start that an earlier hub has saved: it may have died before it told."""
        if start.job_id is not None:
            await self.till.note_job(start.job_name, start.job_id)
        if start.url is not None:
            await self.till.note_ready(start.job_name)

    async def close(self) -> None:
        """End what runs, and let go of the ledger."""
        await self.till.end()
        self.ledger.close()
