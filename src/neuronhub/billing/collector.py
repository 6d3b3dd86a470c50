"""Makes charges of what Slurm's accounting says of the jobs that the hub has noted. Runs in the hub.

Everything may be read twice, late and in any order: the ledger takes each segment once. A start is settled when all of
its segments have ended and squeue does not show its job any more. Silence, of Slurm or of the ledger, changes nothing.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Protocol

from neuronhub.billing.database import take_portions
from neuronhub.billing.ledger import Ledger
from neuronhub.billing.prices import keep_rate, make_charge, units_of
from neuronhub.billing.segments import find_segments, find_shown, has_ended
from neuronhub.billing.types import Charge, Filter, Interval, Running, Start
from neuronhub.errors import BillingError, SlurmError, Unpriced
from neuronhub.site import Site
from neuronhub.slurm.types import Job
from neuronhub.slurm.usage import Usage

log = logging.getLogger("neuronhub.billing.collector")


@dataclass(frozen=True, slots=True)
class Patience:
    """For how long the answers must be good before something is taken for certain."""

    never_submitted_s: float = 600.0
    """A start without an id that neither sacct nor squeue has shown for so long was never submitted."""
    lost_s: float = 24 * 3600.0
    """The same of a job that had an id: accounting may have to catch up."""
    steady_s: float = 60.0
    """After a silence of accounting its records are in pieces for some seconds: for so long nothing is settled."""


class Questions(Protocol):
    """The part of slurm.commands.Commands that the collector uses."""

    async def fetch_usage(self, ids: Collection[int], names: Collection[str], since: datetime) -> tuple[Usage, ...]: ...
    async def fetch_jobs(self) -> tuple[Job, ...]: ...


@dataclass(frozen=True, slots=True)
class Collected:
    """What one turn came to."""

    charges: tuple[Charge, ...] = ()
    """Newly written."""
    settled: frozenset[str] = frozenset()
    closed: frozenset[str] = frozenset()
    """Settled because Slurm has no such job, or has lost it."""
    running: tuple[Running, ...] = ()
    unpriced: tuple[str, ...] = ()
    """Sentences about what cannot be charged."""


@dataclass(slots=True)
class _Turn:
    """What is found out in one turn, before anything is written."""

    segments: Mapping[str, Sequence[Usage]]
    away: Mapping[str, Sequence[Interval]]
    at: datetime
    charges: list[Charge] = field(default_factory=list)
    running: list[Running] = field(default_factory=list)
    unpriced: dict[str, str] = field(default_factory=dict)
    """Name of the start -> a sentence."""


class Collector:
    """Asks Slurm every ``billing.collect_every`` about all starts that are not settled."""

    def __init__(
        self,
        site: Site,
        commands: Questions,
        ledger: Ledger,
        *,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        patience: Patience = Patience(),
    ) -> None:
        assert site.billing is not None, "nothing is collected without billing in the site file"
        self._site = site
        self._billing = site.billing
        self._commands = commands
        self._ledger = ledger
        self._clock = clock
        self._now = now
        self._patience = patience
        self._answering_since: float | None = None
        self._missed_since: dict[str, float] = {}
        self._told: set[str] = set()

    async def run(self) -> None:
        """Collect for ever; what goes wrong is told once and tried again."""
        trouble = ""
        while True:
            try:
                await self.collect()
                if trouble:
                    log.info("Jobs are charged again.")
                trouble = ""
            except (SlurmError, BillingError) as error:
                if str(error) != trouble:
                    log.warning("Jobs are charged later: %s", error)
                trouble = str(error)
            except Exception:
                log.exception("Jobs could not be charged in an unexpected way; trying again.")
            await asyncio.sleep(self._billing.collect_every.total_seconds())

    async def collect(self) -> Collected:
        """One turn. Raises SlurmUnavailable and LedgerUnavailable; what was written by then is whole."""
        opened = await asyncio.to_thread(self._ledger.fetch_open)
        recent = await self._fetch_recent(opened)
        if not opened and not recent:
            return Collected()
        found = await self._ask_accounting(opened, recent)
        starts = [*opened, *await self._find_late(recent, found)]
        segments = find_segments(starts, found)
        await self._note_ids(opened, segments)
        starts = await self._reopen(starts, segments)
        turn = await self._price(starts, segments)
        return await self._write(opened, turn, await self._ask_queue(opened, turn))

    async def _fetch_recent(self, opened: Sequence[Start]) -> list[Charge]:
        """What was charged lately of starts that are settled: a segment of theirs may come late all the same."""
        where = Filter(since=self._now() - self._billing.overlap)
        charges = await asyncio.to_thread(self._ledger.fetch_charges, where)
        still = {start.job_name for start in opened}
        return [charge for charge in charges if charge.job_name not in still]

    async def _find_late(self, recent: Sequence[Charge], found: Sequence[Usage]) -> list[Start]:
        """Settled starts of which ``found`` shows segments that are not charged."""
        charged = {(one.cluster, one.job_id, one.submitted_at, one.restart) for one in recent}
        late = {
            (one.user, one.job_id)
            for one in found
            if (one.cluster, one.job_id, one.submitted_at, one.restart) not in charged
        }
        names = {one.job_name for one in recent if (one.user, one.job_id) in late}
        starts = [await asyncio.to_thread(self._ledger.find_start, name) for name in sorted(names)]
        return [start for start in starts if start is not None]

    async def _ask_accounting(self, opened: Sequence[Start], recent: Sequence[Charge]) -> tuple[Usage, ...]:
        ids = {start.job_id for start in opened if start.job_id is not None} | {one.job_id for one in recent}
        names = [start.job_name for start in opened if start.job_id is None]
        since = min([self._now(), *(start.noted_at for start in opened)]) - self._billing.overlap
        try:
            found = await self._commands.fetch_usage(sorted(ids), names, since)
        except SlurmError:
            self._answering_since = None
            self._missed_since.clear()
            raise
        if self._answering_since is None:
            self._answering_since = self._clock()
        return found

    async def _note_ids(self, opened: Sequence[Start], segments: Mapping[str, Sequence[Usage]]) -> None:
        """The hub was ended between submit and note: from now on a new name of the job does not matter."""
        for start in opened:
            if start.job_id is None and start.job_name in segments:
                number = segments[start.job_name][0].job_id
                await asyncio.to_thread(self._ledger.note_job, start.job_name, number)

    async def _reopen(self, starts: Sequence[Start], segments: Mapping[str, Sequence[Usage]]) -> list[Start]:
        """Settled ones that run again are settled no more: what they cost may come long after what came last."""
        settled = {start.job_name for start in starts if start.settled}
        again = {name for name, own in segments.items() if name in settled and not has_ended(own)}
        if again:
            log.warning("These run again, and are charged again: %s", ", ".join(sorted(again)))
            await asyncio.to_thread(self._ledger.reopen_starts, again)
        return [replace(start, settled=False) if start.job_name in again else start for start in starts]

    async def _price(self, starts: Sequence[Start], segments: Mapping[str, Sequence[Usage]]) -> _Turn:
        servers = {start.server for start in starts if start.job_name in segments}
        away = await asyncio.to_thread(self._ledger.fetch_away, servers) if servers else {}
        turn = _Turn(segments, away, self._now())
        for start in starts:
            for usage in segments.get(start.job_name, ()):
                try:
                    self._price_segment(start, usage, turn)
                except Unpriced as error:
                    turn.unpriced[start.job_name] = str(error)
        for sentence in set(turn.unpriced.values()) - self._told:
            log.error("A job cannot be charged: %s", sentence)
        self._told |= set(turn.unpriced.values())
        return turn

    def _price_segment(self, start: Start, usage: Usage, turn: _Turn) -> None:
        if usage.over:
            turn.charges.append(make_charge(start, usage, turn.away.get(start.server, ()), self._site))
        elif usage.nodes and usage.started_at and not (usage.ended_at or usage.state.ended or start.settled):
            units = units_of(keep_rate(start, usage, self._site), usage)
            turn.running.append(Running(start, usage.job_id, usage.started_at, usage.elapsed_s, units, turn.at))

    async def _ask_queue(self, opened: Sequence[Start], turn: _Turn) -> tuple[Job, ...] | None:
        """What squeue shows; None when it does not answer, or need not be asked."""
        if not any(_all_over(start, turn) for start in opened):
            return None
        try:
            return await self._commands.fetch_jobs()
        except SlurmError:  # the watch asks the same, and tells of it
            self._missed_since.clear()
            return None

    async def _write(self, opened: Sequence[Start], turn: _Turn, queue: Sequence[Job] | None) -> Collected:
        settled: frozenset[str] = frozenset()
        closed: frozenset[str] = frozenset()
        if queue is not None:
            alive = find_shown(opened, [job for job in queue if not job.state.ended])
            gone = [start for start in opened if start.job_name not in alive]
            settled = frozenset(start.job_name for start in gone if self._is_settled(start, turn))
            shown = find_shown(opened, queue) | settled
            closed = self._find_lost([start for start in gone if start.job_name not in shown], turn)
        charges: list[Charge] = []
        # In portions: after a long outage there are many, and nobody's start is to wait for all of them.
        for portion in take_portions(turn.charges):
            charges += await asyncio.to_thread(self._ledger.charge, portion)
        if settled:
            await asyncio.to_thread(self._ledger.charge, (), settled=settled)
        if closed:
            log.warning("Slurm does not know these, so nothing more is charged: %s", ", ".join(sorted(closed)))
            await asyncio.to_thread(self._ledger.close_starts, closed)
        if turn.running:
            await asyncio.to_thread(self._ledger.note_running, turn.running)
        unpriced = tuple(sorted(set(turn.unpriced.values())))
        return Collected(tuple(charges), settled, closed, tuple(turn.running), unpriced)

    def _is_settled(self, start: Start, turn: _Turn) -> bool:
        steady = self._answering_since is not None and self._clock() - self._answering_since >= self._patience.steady_s
        own = turn.segments.get(start.job_name)
        return steady and own is not None and has_ended(own) and start.job_name not in turn.unpriced

    def _find_lost(self, gone: Sequence[Start], turn: _Turn) -> frozenset[str]:
        """Of ``gone``, which squeue does not show at all, those that accounting has not shown for long enough either.

        A job that was requeued and then lost is one of them: its segments are charged, and no other one comes.
        """
        missed = {
            start.job_name: start for start in gone if start.job_name not in turn.unpriced and _all_over(start, turn)
        }
        now = self._clock()
        self._missed_since = {name: self._missed_since.get(name, now) for name in missed}
        return frozenset(
            name
            for name, start in missed.items()
            if now - self._missed_since[name]
            >= (self._patience.never_submitted_s if start.job_id is None else self._patience.lost_s)
        )


def _all_over(start: Start, turn: _Turn) -> bool:
    """Nothing of it goes on, as far as accounting knows."""
    return all(usage.over for usage in turn.segments.get(start.job_name, ()))
