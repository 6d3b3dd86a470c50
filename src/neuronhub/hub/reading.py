"""Who may read what of the ledger, and the threads that read it for pages. In the hub process."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from neuronhub.billing.accounts import list_accounts
from neuronhub.billing.ledger import Ledger
from neuronhub.billing.question import Reader
from neuronhub.billing.recent import Recent
from neuronhub.errors import LedgerUnavailable
from neuronhub.language import translate as _
from neuronhub.slurm.usage import Associations
from neuronhub.tariff import Billing

SLURM_PATIENCE_S = 1.0
LEDGER_PATIENCE_S = 15.0
THREADS = 4

Answer = TypeVar("Answer")


class Reading:
    """One per hub, in tornado's settings under SETTING; where the site has no ledger there is none."""

    SETTING = "neuronhub_reading"

    def __init__(self, ledger: Ledger, billing: Billing, members: Recent[Associations]) -> None:
        self.billing = billing
        self.currency = ledger.currency
        self._ledger = ledger
        self._members = members
        # Its own: a database that hangs must keep neither the hub nor starts from their threads.
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="neuronhub-reading")

    async def find_reader(self, name: str, *, operator: bool) -> Reader:
        """What Slurm says of the user ``name`` ('': a service), as of now or, while it is silent, as of before."""
        members = await self._members.refresh(SLURM_PATIENCE_S)
        if members is None:
            problem = _(
                "Slurm's accounting does not answer at the moment, so your accounts are not known. Your own jobs are"
                " shown; try again in a minute for the rest."
            )
            return Reader(name, operator=operator, problem=problem)
        accounts = list_accounts(members, name)
        coordinated = frozenset(members.coordinated_by(name))
        choices = {member.account for member in members.members} if operator else coordinated
        return Reader(name, operator, accounts, coordinated, tuple(sorted(choices)))

    async def ask(self, question: Callable[[Ledger], Answer]) -> Answer:
        """What the ledger answers; raises LedgerUnavailable, also when that takes too long."""
        try:
            return await asyncio.wait_for(self.work(partial(question, self._ledger)), LEDGER_PATIENCE_S)
        except TimeoutError:
            raise LedgerUnavailable(f"The ledger has not answered within {LEDGER_PATIENCE_S:.0f} seconds.") from None

    async def work(self, task: Callable[[], Answer]) -> Answer:
        """What ``task`` returns, in a thread, in the reader's language: a long list must not stop the hub's loop."""
        run = partial(contextvars.copy_context().run, task)
        return await asyncio.get_running_loop().run_in_executor(self._threads, run)

    def close(self) -> None:
        """End the threads that wait for nothing."""
        self._threads.shutdown(wait=False, cancel_futures=True)
