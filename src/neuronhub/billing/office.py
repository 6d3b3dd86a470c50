"""One call of ``neuronhub billing``: the site, its ledger, and how both are asked. Runs on the hub's host."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import click

from neuronhub.billing.clerk import find_billing, refuse_strangers
from neuronhub.billing.ledger import Ledger, open_ledger
from neuronhub.billing.shown import Shown
from neuronhub.errors import LedgerUnavailable, SlurmUnavailable
from neuronhub.site import Site
from neuronhub.slurm.commands import Commands

GetSite = Callable[[], Site]
SILENT = 3
"""Exit code when Slurm or the ledger does not answer."""


@dataclass(frozen=True, slots=True)
class Office:
    """What a command works with."""

    site: Site
    ledger: Ledger
    shown: Shown

    @property
    def commands(self) -> Commands:
        """Questions to Slurm, asked as the user who runs the command."""
        return Commands(self.site.slurm, become=False)


@contextmanager
def open_office(get_site: GetSite) -> Iterator[Office]:
    """The ledger, opened and of this version; silence of it or of Slurm ends the command with its own exit code."""
    site = get_site()
    try:
        billing = find_billing(site)
        refuse_strangers(site)
        ledger = open_ledger(site)
        try:
            ledger.ensure_schema()
            yield Office(site, ledger, Shown(site.currency, billing.zone))
        finally:
            ledger.close()
    except (LedgerUnavailable, SlurmUnavailable) as error:
        click.echo(f"neuronhub: {error}", err=True)
        raise click.exceptions.Exit(SILENT) from error
