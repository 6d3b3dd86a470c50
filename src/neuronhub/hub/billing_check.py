"""``neuronhub check``, as far as money goes: prices, the ledger, Slurm's accounting. Looks, and changes nothing."""

from __future__ import annotations

import asyncio
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy.engine import make_url

from neuronhub.billing.ledger import open_ledger
from neuronhub.errors import LedgerUnavailable, SiteFileError
from neuronhub.site import Site
from neuronhub.slurm.commands import Commands
from neuronhub.slurm.types import Configuration

LOOK_BACK = timedelta(minutes=1)


async def check_prices(site: Site) -> str:
    """Every queue that has prices has one that holds now."""
    now = datetime.now(UTC)
    priced = [queue for queue in site.queues if queue.prices]
    for queue in priced:
        if queue.price_at(now) is None:
            raise SiteFileError(
                f"{queue.name} has no price before {queue.prices[0].valid_from}: nobody can start there until then. "
                "Give it one that holds now."
            )
    return f"{len(priced)} queues cost {site.currency}" + ("" if site.billing else ", and nothing is charged")


async def check_ledger(site: Site) -> str:
    """It answers, nobody but the hub's user can read its file, and its tables are not of a later version."""
    url = make_url(site.ledger_url)
    if url.get_backend_name() == "sqlite":
        _refuse_open(Path(url.database or ""))
    ledger = open_ledger(site)
    try:
        current = await asyncio.to_thread(ledger.is_current)
    finally:
        ledger.close()
    return f"{url.render_as_string()}" + ("" if current else ": the hub makes or renews it when it starts")


async def check_accounting(site: Site) -> str:
    """sacct and sacctmgr answer, keep what prices are for, and know the accounts that have a discount."""
    commands = Commands(site.slurm, become=True)
    now = datetime.now(UTC)
    await commands.fetch_window(now - LOOK_BACK, now)
    known = {member.account for member in (await commands.fetch_associations()).members}
    priced_by_gpu = [queue.name for queue in site.queues if any(price.per == "gpu-hour" for price in queue.prices)]
    configuration = await commands.fetch_configuration()
    if priced_by_gpu and not any(word.partition(":")[0] == "gres/gpu" for word in configuration.tres):
        raise SiteFileError(
            f"{', '.join(priced_by_gpu)}: the price is for GPUs, and Slurm's accounting does not keep them: nothing "
            "would be charged. Add gres/gpu to AccountingStorageTRES in slurm.conf."
        )
    discounted = {discount.account for discount in site.billing.discounts} if site.billing else set()
    unknown = sorted(discounted - known)
    if unknown:
        raise SiteFileError(
            f"billing.discounts: Slurm has no account {', '.join(unknown)} with members. It has: "
            f"{', '.join(sorted(known)) or 'none'}."
        )
    return f"sacct answers; {len(known)} accounts, {len(discounted)} with a discount" + _tell_unseen(configuration)


def _tell_unseen(configuration: Configuration) -> str:
    """What Slurm's figures of running jobs leave out, by which time away is judged; '': nothing that is known."""
    if configuration.counts_by in ("jobacct_gather/none", "(null)"):
        return "; JobAcctGatherType counts nothing: no time is away, and all is charged"
    if configuration.tracks_by == "proctrack/linuxproc":
        return "; with proctrack/linuxproc a process that leaves its parent computes unseen while its server is away"
    return ""


def _refuse_open(file: Path) -> None:
    if file.exists() and stat.S_IMODE(file.stat().st_mode) & 0o077:
        raise LedgerUnavailable(f"{file}: others than the hub's user may read it. Run: chmod 600 {file}")
