"""The collector as a process of its own, so that it can be killed: ``python -m tests...collecting FOLDER``."""

from __future__ import annotations

import asyncio
import logging
import sys
from pathlib import Path

from neuronhub.billing.collector import Collector, Patience
from neuronhub.billing.ledger import Ledger
from neuronhub.site import Site
from neuronhub.slurm.commands import Commands

PATIENCE = Patience(never_submitted_s=15, lost_s=3600, steady_s=2)


async def main(folder: Path) -> None:
    """Collect until killed."""
    site = Site.model_validate_json((folder / "site.json").read_text())
    ledger = Ledger(f"sqlite:///{folder}/billing.sqlite", site.currency)
    await Collector(site, Commands(site.slurm, become=True), ledger, patience=PATIENCE).run()


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    asyncio.run(main(Path(sys.argv[1])))
