"""Budgets at the moment of a start: who pays, whether it is enough, and what is held back. In the hub process.

Pages are answered from memory; the ledger has the last word, in one transaction for each start.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeVar

from neuronhub.billing.accounts import choose_account, describe_accounts, explain_shortage
from neuronhub.billing.costs import Group, describe_group, read_group
from neuronhub.billing.ledger import Ledger
from neuronhub.billing.outbox import Outbox
from neuronhub.billing.quotes import is_free, quote
from neuronhub.billing.recent import Recent
from neuronhub.billing.types import Balance, Start
from neuronhub.errors import BudgetExceeded, LedgerUnavailable, StartRefused, StartUndecided
from neuronhub.language import translate as _
from neuronhub.payment import Order
from neuronhub.site import Site
from neuronhub.slurm.usage import Associations
from neuronhub.slurm.watch import Watch

log = logging.getLogger("neuronhub.billing")

MEMBERS_LATEST_S = 2.0
"""Before somebody is told that an account is not theirs, what is known is at most this old, if Slurm answers."""
BALANCES_AGE_S = 2.0
COSTS_AGE_S = 5.0
PATIENCE_S = 1.0
"""No page waits longer for accounts and budgets: it shows what was known before."""
LEDGER_PATIENCE_S = 10.0
"""A start waits that long for the ledger, whose database may be busy."""
LAST_PATIENCE_S = 3.0
"""When the hub ends, notes that are on their way have that long."""
LEDGER_THREADS = 4
MOST_COSTS = 1000
"""Servers of which the cost is remembered."""

Answer = TypeVar("Answer")


class LedgerTill:
    """payment.Till on a ledger and Slurm's associations; one per hub process."""

    def __init__(self, site: Site, ledger: Ledger, members: Recent[Associations], watch: Watch) -> None:
        assert site.billing is not None, "a till without billing in the site file"
        self._site = site
        self._policy = site.billing.over_budget
        self._ledger = ledger
        self._watch = watch
        # Its own threads: a database that hangs must not keep others from theirs.
        self._threads = ThreadPoolExecutor(LEDGER_THREADS, thread_name_prefix="neuronhub-ledger")
        self._outbox = Outbox()
        self._members = members
        self._balances: Recent[dict[str, Balance]] = Recent(
            "budgets", partial(self._ask, partial(ledger.balances, None)), BALANCES_AGE_S
        )
        self._costs: dict[str, Recent[Group]] = {}

    # For pages

    async def refresh(self, user: str) -> None:
        """See payment.Till."""
        await asyncio.gather(self._members.refresh(PATIENCE_S), self._balances.refresh(PATIENCE_S))

    def describe(self, user: str) -> dict[str, Any]:
        """See payment.Till."""
        members = self._members.value
        accounts = (
            describe_accounts(members, self._balances.value, user, self._site, datetime.now(UTC)) if members else []
        )
        problem = None
        if members is None:
            problem = _accounts_unknown()
        elif self._balances.problem is not None:
            problem = _budgets_unknown()
        elif not accounts:
            problem = _("You belong to no account that could be charged. Use a free queue, or ask the operators.")
        return {
            "policy": self._policy,
            "currency": self._site.currency,
            "problem": problem,
            "accounts": accounts,
        }

    async def refresh_cost(self, server: str) -> None:
        """See payment.Till."""
        if server not in self._costs:
            while len(self._costs) >= MOST_COSTS:
                del self._costs[next(iter(self._costs))]
            self._costs[server] = Recent("cost", partial(self._fetch_group, server), COSTS_AGE_S)
        await self._costs[server].refresh(PATIENCE_S)

    def describe_cost(self, server: str, user: str) -> dict[str, Any] | None:
        """See payment.Till."""
        group = self._costs[server].value if server in self._costs else None
        if group is None or any(start.user != user for start in group.starts):
            return None
        return describe_group(group, self._watch.job, self._site, datetime.now(UTC))

    # For starts

    async def check(self, order: Order) -> None:
        """See payment.Till."""
        (start,) = await self._quote([order])
        if start.rate.amount == 0 or self._policy != "refuse":
            return
        if start.most_minor > await self._find_available(start.account, BALANCES_AGE_S):
            available = await self._find_available(start.account, 0)  # nobody is refused by what was true before
            if start.most_minor > available:
                raise self._refuse([start], available)

    async def open(self, orders: Sequence[Order]) -> str:
        """See payment.Till."""
        starts = await self._quote(orders)
        if starts[0].rate.amount == 0:
            # Goes on without the ledger, which is told as soon as it listens. Servers are saved elsewhere too.
            await self._tell_free(starts, PATIENCE_S if orders[0].engines else 0)
        else:
            await self._admit(starts)
        return starts[0].account

    async def note_again(self, order: Order, submitted_at: datetime) -> None:
        """Tell of a free start that an earlier hub saved; what costs money was in the ledger before it was saved."""
        try:
            if is_free(self._site, order, submitted_at):
                await self._tell_free(quote(self._site, None, [order], order.account, submitted_at), 0)
        except StartRefused as error:
            log.warning("%s is not noted: %s", order.job_name, error)

    async def note_job(self, job_name: str, job_id: int) -> None:
        """See payment.Till."""
        await self._outbox.tell(partial(self._ask, partial(self._ledger.note_job, job_name, job_id)))

    async def note_ready(self, job_name: str) -> None:
        """See payment.Till."""
        await self._outbox.tell(partial(self._ask, partial(self._ledger.note_ready, job_name, datetime.now(UTC))))

    async def close(self, job_names: Collection[str]) -> None:
        """See payment.Till."""
        await self._outbox.tell(partial(self._ask, partial(self._ledger.close_starts, list(job_names))), PATIENCE_S)
        self._balances.expire()

    async def end(self) -> None:
        """Tell the ledger what it must still know, for a short time, and go."""
        await self._outbox.close(LAST_PATIENCE_S)
        await asyncio.gather(self._balances.close(), *(recent.close() for recent in self._costs.values()))
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _tell_free(self, starts: Sequence[Start], patience_s: float) -> None:
        note = partial(self._ledger.open_starts, starts, policy="allow")
        await self._outbox.tell(partial(self._ask, note), patience_s)

    async def _quote(self, orders: Sequence[Order]) -> list[Start]:
        """Starts for ``orders``, which are of one user and queue; raises StartRefused, StartUndecided."""
        moment = datetime.now(UTC)
        account = await self._choose_account(orders[0], free=is_free(self._site, orders[0], moment))
        return quote(self._site, self._watch.cluster, orders, account, moment)

    async def _choose_account(self, order: Order, *, free: bool) -> str:
        if free and not order.account:
            return ""
        members = await self._members.refresh(PATIENCE_S)
        if members is None and free:
            return order.account  # Slurm has the last word
        if members is None:
            raise StartUndecided(_accounts_unknown())
        try:
            return choose_account(members, order.user, order.queue, order.account)
        except StartRefused:
            newer = await self._members.refresh(PATIENCE_S, age_s=MEMBERS_LATEST_S)
            return choose_account(newer or members, order.user, order.queue, order.account)

    async def _find_available(self, account: str, age_s: float) -> int:
        balances = await self._balances.refresh(PATIENCE_S, age_s=age_s)
        if balances is None or self._balances.problem is not None:
            raise StartUndecided(_budgets_unknown())
        return balances.get(account, Balance(account, 0, 0, 0)).available_minor

    async def _admit(self, starts: Sequence[Start]) -> None:
        """Note ``starts`` and hold back what they can cost; raises StartRefused, StartUndecided."""
        opening = asyncio.create_task(
            self._ask(partial(self._ledger.open_starts, starts, policy=self._policy)), name="neuronhub-admission"
        )
        unsure = True
        try:
            async with asyncio.timeout(LEDGER_PATIENCE_S):
                await asyncio.shield(opening)
            unsure = False
        except BudgetExceeded as error:
            unsure = False
            raise self._refuse(starts, error.available_minor) from error
        except (LedgerUnavailable, TimeoutError) as error:
            log.warning("nothing was started for %s: %s", starts[0].user, error or "the ledger takes too long")
            raise StartUndecided(_budgets_unknown()) from error
        finally:
            self._balances.expire()
            if unsure:  # what comes too late, or is not known to have failed, must hold nothing back
                await self._outbox.tell(partial(self._take_back, opening, [start.job_name for start in starts]))

    async def _take_back(self, opening: asyncio.Task[None], job_names: Sequence[str]) -> None:
        await asyncio.wait({opening})
        await self._ask(partial(self._ledger.close_starts, job_names))

    def _refuse(self, starts: Sequence[Start], available_minor: int) -> StartRefused:
        most = sum(start.most_minor for start in starts)
        members = self._members.value
        assert members is not None, "an account was chosen"
        return StartRefused(explain_shortage(members, starts[0].account, most, available_minor, self._site))

    async def _fetch_group(self, server: str) -> Group:
        return await self._ask(partial(read_group, self._ledger, server))

    async def _ask(self, question: Callable[[], Answer]) -> Answer:
        return await asyncio.get_running_loop().run_in_executor(self._threads, question)


def _accounts_unknown() -> str:
    return _(
        "Slurm's accounting does not answer at the moment, so it is not known which accounts are yours. Free queues can"
        " be used; try again in a minute for others."
    )


def _budgets_unknown() -> str:
    return _("Budgets cannot be looked at at the moment. Free queues can be used; try again in a minute for others.")
