"""What starting a job (room spawn) asks of whoever keeps the money (room billing); neither knows the other.

The hub gives the desk a till.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Order:
    """One job that is about to be submitted."""

    job_name: str
    server: str
    """Name of the job of the Jupyter server that it is for; a server's own name."""
    user: str
    account: str
    """The Slurm account that the user chose; '': none."""
    queue: str
    time_limit: timedelta
    nodes: int = 1
    cpus: int = 1
    """In all; what Slurm gives where nodes are shared."""
    gpus: int = 0
    """The same of GPUs."""

    @property
    def engines(self) -> bool:
        """True for engines of an IPython cluster, false for a Jupyter server."""
        return self.job_name != self.server


class Till(Protocol):
    """Budgets and notes of what will be charged. Coroutines do not block the hub's loop; all may be repeated.

    The notes (note_job, note_ready, close) never raise and hardly wait: what the ledger cannot take now is told it
    again later.
    """

    async def refresh(self, user: str) -> None:
        """Look up ``user``'s accounts and balances for a page that is about to be drawn; soon over, never raises."""

    def describe(self, user: str) -> dict[str, Any] | None:
        """What the pages show of ``user``'s accounts, JSON-able, in the current language, from memory.

        None where nothing is charged, else ``policy`` (refuse, warn, allow), ``currency``, ``problem`` (a sentence, or
        None) and ``accounts``: a list, the default first, of ``name``, ``left`` and ``available`` (decimal texts; None:
        not known yet), ``discount_percent`` (decimal text), ``queues`` (names of queues it may be used in; None: all),
        ``coordinated`` (bool).
        """

    async def check(self, order: Order) -> None:
        """Raise StartRefused if ``open`` would, without noting anything; the order's names do not matter."""

    async def open(self, orders: Sequence[Order]) -> str:
        """Note jobs of one user and queue before they are submitted, all or none, and hold back the most they can cost.

        Returns the Slurm account to submit them with: the one that was chosen, else the user's default, '' if Slurm
        shall choose (only in a free queue). Raises StartRefused with the reason: not the user's account, not enough
        left, the queue has no price; StartUndecided if budgets cannot be looked at now (a free queue starts all the
        same). Cancelled, it holds nothing back.
        """

    async def note_job(self, job_name: str, job_id: int) -> None:
        """Slurm has given ``job_id`` to the job."""

    async def note_ready(self, job_name: str) -> None:
        """The Jupyter server of that job answers."""

    async def close(self, job_names: Collection[str]) -> None:
        """These were never submitted: what was held back for them is free again."""

    async def refresh_cost(self, server: str) -> None:
        """Look up what the server of that job costs so far, for describe_cost; soon over, never raises."""

    def describe_cost(self, server: str, user: str) -> dict[str, Any] | None:
        """What the server of that job, with its engines, costs so far, JSON-able, from memory; None: not known.

        ``currency``, ``account``, ``per_hour``, ``so_far``, ``most`` (decimal texts), ``free`` (bool), ``away_s``,
        ``counted_at`` (ISO 8601; ``so_far`` holds for that moment), ``away_since`` and ``ends_away_at`` (ISO 8601 or
        None: when a queue's away_limit ends it if nobody comes back), ``ends_engines`` (bool: only engines of it, which
        are in another queue), ``warns_away`` (bool: that is near),
        ``engines`` (what of so_far is theirs).
        """


class NothingCharged:
    """The till of a site without billing: everybody may start, as whoever they choose."""

    async def refresh(self, user: str) -> None:
        """See Till."""

    def describe(self, user: str) -> None:
        """See Till."""

    async def check(self, order: Order) -> None:
        """See Till."""

    async def open(self, orders: Sequence[Order]) -> str:
        """See Till."""
        return orders[0].account

    async def note_job(self, job_name: str, job_id: int) -> None:
        """See Till."""

    async def note_ready(self, job_name: str) -> None:
        """See Till."""

    async def close(self, job_names: Collection[str]) -> None:
        """See Till."""

    async def refresh_cost(self, server: str) -> None:
        """See Till."""

    def describe_cost(self, server: str, user: str) -> None:
        """See Till."""
