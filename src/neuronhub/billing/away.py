"""When a server is away (row T2): nothing passes through the proxy to it, and none of its jobs computes.

judge() is pure; the keeper compares each look with the one before, in the hub. Silence of the proxy, of Slurm or of
the ledger is no look at all: the next look that gets an answer judges the whole time since the last one that did.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from neuronhub.billing.types import Interval, Look
from neuronhub.errors import LedgerUnavailable, SlurmError
from neuronhub.slurm.types import Work
from neuronhub.tariff import Away

log = logging.getLogger("neuronhub.billing")

AT_ONCE = 8
"""Questions to Slurm that are under way at a time; each may hang until its limit."""
CLOCKS_DIFFER = timedelta(seconds=1)
"""By more than that the clock was set: the clock that only runs on has the last word."""


@dataclass(frozen=True, slots=True)
class Watched:
    """A server that is ready, as the hub knows it at the moment of a look."""

    server: str
    user: str
    jobs: frozenset[int]
    """Those that run: its own and its engines'."""
    traffic_at: datetime | None
    """When something last passed through the proxy to it, by the proxy's own record; None: not known."""
    limit: timedelta | None = None
    """The least ``away_limit`` among the charged queues of its jobs."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A server that was away at the latest look."""

    since: datetime
    until: datetime
    """The latest look."""
    ends_at: datetime | None
    """When its time away reaches its limit."""
    warns: bool
    """That is near."""

    @property
    def over(self) -> bool:
        """Its limit is reached."""
        return self.ends_at is not None and self.ends_at <= self.until


class Book(Protocol):
    """The part of the ledger that the keeper writes; synchronous."""

    def fetch_looks(self, servers: Collection[str]) -> dict[str, Look]: ...
    def note_looks(self, seen: Sequence[Look]) -> None: ...
    def extend_away(self, server: str, began_at: datetime, ended_at: datetime) -> Interval: ...


class Figures(Protocol):
    """The part of slurm.commands.Commands that the keeper asks."""

    async def fetch_work(self, user: str, ids: Collection[int]) -> dict[int, Work]: ...


def judge(former: Look, latter: Look, span: timedelta, settings: Away) -> bool:
    """True when nothing passed to the server in the ``span`` between two looks, and each of its jobs was idle.

    Jobs that began or ended in between make it false: what they did in that time is not known. The proxy's moments
    are compared with each other only, so its clock may be any.
    """
    if span <= timedelta(0) or latter.traffic_at is None or latter.traffic_at != former.traffic_at:
        return False
    if not latter.work or latter.work.keys() != former.work.keys():
        return False
    return all(_is_idle(former.work[job], work, span, settings) for job, work in latter.work.items())


def _is_idle(before: Work, after: Work, span: timedelta, settings: Away) -> bool:
    used_s = after.cpu_s - before.cpu_s
    shares = (before.gpu_percent, after.gpu_percent)
    return 0 <= used_s < span.total_seconds() * settings.cpu_percent / 100 and all(
        share is None or share < settings.gpu_percent for share in shares
    )


def find_slice(former: datetime, latter: datetime, ran: timedelta | None) -> Interval | None:
    """The time between two looks, for a server without a name; None when the clock was set back beyond it.

    ``ran``: the same by the clock that only runs on, if one process took both looks; no slice is longer.
    """
    if latter <= former:
        return None
    if ran is not None and latter - former > ran + CLOCKS_DIFFER:
        former = latter - ran
    return Interval("", former, latter)


class AwayKeeper:
    """Looks at servers, and notes in the ledger when they were away. One per hub process."""

    def __init__(
        self,
        settings: Away,
        book: Book,
        figures: Figures,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._book = book
        self._figures = figures
        self._now = now
        self._clock = clock
        self._ran_at: dict[str, tuple[datetime, float]] = {}
        """Server -> its last look by both clocks."""
        self._standings: dict[str, Standing] = {}
        self._turns = asyncio.Semaphore(AT_ONCE)

    def standing(self, server: str) -> Standing | None:
        """How the server of that job stood at the latest look; None: it was not away, or is not watched."""
        return self._standings.get(server)

    async def look(self, servers: Sequence[Watched]) -> dict[str, Standing]:
        """Look at all servers there are; returns those that were away until this moment.

        Never raises for silence: nothing is written then, and nobody's standing changes.
        """
        looked_at, ran_at = self._now(), self._clock()
        self._forget({watched.server for watched in servers})
        looks = await asyncio.gather(*(self._take(watched, looked_at) for watched in servers))
        taken = {look.server: (watched, look) for watched, look in zip(servers, looks, strict=True) if look}
        if not taken:
            return {}
        try:
            return await asyncio.to_thread(self._compare, taken, ran_at)
        except LedgerUnavailable as error:
            log.warning("times away could not be noted, the next look will do it: %s", error)
            return {}

    def _forget(self, present: Collection[str]) -> None:
        for known in (self._ran_at, self._standings):
            for server in known.keys() - present:
                del known[server]

    async def _take(self, watched: Watched, looked_at: datetime) -> Look | None:
        if watched.traffic_at is None or not watched.jobs:
            return None
        async with self._turns:
            try:
                work = await self._figures.fetch_work(watched.user, watched.jobs)
            except SlurmError as error:
                log.info("%s: what its jobs compute is not known now: %s", watched.server, error)
                return None
        if not watched.jobs <= work.keys():
            return None
        return Look(watched.server, looked_at, watched.traffic_at, {job: work[job] for job in watched.jobs})

    def _compare(self, taken: Mapping[str, tuple[Watched, Look]], ran_at: float) -> dict[str, Standing]:
        """In a thread of its own. What is away is noted before the look is: a hub that dies between does it again."""
        former = self._book.fetch_looks(taken.keys())
        away = {}
        for server, (watched, look) in taken.items():
            interval = self._judge(former.get(server), look, ran_at)
            if interval is not None:
                whole = self._book.extend_away(server, interval.began_at, interval.ended_at)
                away[server] = self._make_standing(whole, watched.limit)
        self._book.note_looks([look for _, look in taken.values()])
        for server, (_, look) in taken.items():
            self._ran_at[server] = (look.looked_at, ran_at)
            self._standings.pop(server, None)
        self._standings |= away
        return away

    def _judge(self, former: Look | None, look: Look, ran_at: float) -> Interval | None:
        if former is None:
            return None
        known = self._ran_at.get(look.server)
        ran = timedelta(seconds=ran_at - known[1]) if known and known[0] == former.looked_at else None
        found = find_slice(former.looked_at, look.looked_at, ran)
        away = found is not None and judge(former, look, found.ended_at - found.began_at, self._settings)
        return found if away else None

    def _make_standing(self, whole: Interval, limit: timedelta | None) -> Standing:
        ends_at = whole.began_at + limit if limit is not None else None
        warns = ends_at is not None and ends_at - self._settings.warn_before <= whole.ended_at
        return Standing(whole.began_at, whole.ended_at, ends_at, warns)
