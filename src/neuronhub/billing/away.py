"""When a server is away (row T2): nothing passes through the proxy to it, and none of its jobs computes.

judge() is pure; the keeper compares each look with the one before, in the hub. Silence of the proxy, of Slurm or of
the ledger is no look at all: the next look that gets an answer judges the whole time since the last one that did.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Protocol

from neuronhub.billing.types import Interval, Look
from neuronhub.errors import LedgerUnavailable, SlurmError
from neuronhub.slurm.usage import Work
from neuronhub.tariff import Away

log = logging.getLogger("neuronhub.billing")

AT_ONCE = 8
"""Questions to Slurm that are under way at a time; each may hang until its limit."""
SAMPLED_LOOKS = 3
"""Slurm's figure of GPUs is a sample, no sum: it says nothing of a time longer than so many looks."""
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


class Book(Protocol):
    """The part of the ledger that the keeper writes; synchronous."""

    def fetch_looks(self, servers: Collection[str]) -> dict[str, Look]: ...
    def note_looks(self, seen: Sequence[Look]) -> None: ...
    def extend_away(self, server: str, began_at: datetime, ended_at: datetime) -> Interval: ...


class Figures(Protocol):
    """The part of slurm.commands.Commands that the keeper asks."""

    async def fetch_work(self, user: str, ids: Collection[int]) -> dict[int, Work]: ...
    async def fetch_steps_ended(self, ids: Collection[int]) -> dict[int, int]: ...


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
    if after.steps_ended != before.steps_ended:
        return False  # what it computed is in neither figure
    used_s = after.cpu_s - before.cpu_s
    if not 0 <= used_s < span.total_seconds() * settings.cpu_percent / 100:
        return False
    shares = [share for share in (before.gpu_percent, after.gpu_percent) if share is not None]
    known = span <= SAMPLED_LOOKS * settings.look_every
    return not shares or (known and max(shares) < settings.gpu_percent)


def find_slice(former: Look, latter: Look, ran: timedelta | None) -> Interval | None:
    """The time between two looks at a server; None when the clock was set back beyond it.

    ``ran``: the same by the clock that only runs on, if one process took both looks; no slice is longer.
    """
    began_at = former.looked_at
    if ran is not None and latter.looked_at - began_at > ran + CLOCKS_DIFFER:
        began_at = latter.looked_at - ran
    return Interval(latter.server, began_at, latter.looked_at) if began_at < latter.looked_at else None


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
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def look(self, servers: Sequence[Watched]) -> dict[str, Interval]:
        """Look at all servers there are; server -> its present time away, of those that are away until this moment.

        Never raises for silence: nothing is written then.
        """
        looked_at, ran_at = self._now(), self._clock()
        for gone in self._ran_at.keys() - {watched.server for watched in servers}:
            del self._ran_at[gone]
        ended = await self._count_steps(servers)
        taken = await asyncio.gather(*(self._take(watched, looked_at, ended) for watched in servers))
        looks = {look.server: look for look in taken if look is not None}
        if not looks:
            return {}
        try:
            return await asyncio.to_thread(self._compare, looks, ran_at)
        except LedgerUnavailable as error:
            log.warning("times away could not be noted, the next look will do it: %s", error)
            return {}

    async def _count_steps(self, servers: Sequence[Watched]) -> dict[int, int]:
        """Asked before sstat: a step that ends between the two is missed here, and counted by the next look."""
        jobs = {job for watched in servers if watched.traffic_at is not None for job in watched.jobs}
        try:
            return await self._figures.fetch_steps_ended(jobs)
        except SlurmError as error:
            log.info("which steps of jobs are over is not known now: %s", error)
            return {}

    async def _take(self, watched: Watched, looked_at: datetime, ended: Mapping[int, int]) -> Look | None:
        if watched.traffic_at is None or not watched.jobs or not watched.jobs <= ended.keys():
            return None
        async with self._turns:
            try:
                work = await self._figures.fetch_work(watched.user, watched.jobs)
            except SlurmError as error:
                log.info("%s: what its jobs compute is not known now: %s", watched.server, error)
                return None
        if not watched.jobs <= work.keys():
            return None
        seen = {job: replace(work[job], steps_ended=ended[job]) for job in watched.jobs}
        return Look(watched.server, looked_at, watched.traffic_at, seen)

    def _compare(self, looks: Mapping[str, Look], ran_at: float) -> dict[str, Interval]:
        """In a thread of its own. What is away is noted before the look is: a hub that dies between does it again."""
        former = self._book.fetch_looks(looks.keys())
        away = {}
        for server, look in looks.items():
            found = self._judge(former.get(server), look, ran_at)
            if found is not None:
                away[server] = self._book.extend_away(server, found.began_at, found.ended_at)
        self._book.note_looks(list(looks.values()))
        self._ran_at |= {server: (look.looked_at, ran_at) for server, look in looks.items()}
        return away

    def _judge(self, former: Look | None, look: Look, ran_at: float) -> Interval | None:
        if former is None:
            return None
        known = self._ran_at.get(look.server)
        ran = timedelta(seconds=ran_at - known[1]) if known and known[0] == former.looked_at else None
        found = find_slice(former, look, ran)
        away = found is not None and judge(former, look, found.ended_at - found.began_at, self._settings)
        return found if away else None
