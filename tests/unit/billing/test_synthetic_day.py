"""A day of 24 hours in memory: midnights, prices that change, summer time that ends, and any order of reading."""

from __future__ import annotations

import heapq
import itertools
import random
import secrets
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from tests.unit.billing.books import Workroom
from tests.unit.billing.slurm_world import HOUR, SECOND, make_site

from neuronhub.billing.collector import Patience
from neuronhub.billing.prices import find_rate
from neuronhub.billing.reconcile import reconcile
from neuronhub.billing.types import Filter, Interval, Start, Use
from neuronhub.errors import LedgerUnavailable, SlurmUnavailable
from neuronhub.protocol import EXIT_BASE_MISSING
from neuronhub.slurm.types import JobState
from neuronhub.slurm.usage import Usage

JOBS = 120
STARTUP_S = 2 * 180
LAG = timedelta(minutes=25)
BEGINNINGS = {
    "Asia/Seoul": datetime(2026, 11, 23, 9, 17, tzinfo=UTC),
    "Europe/Berlin": datetime(2026, 10, 24, 10, 1, tzinfo=UTC),
    "America/New_York": datetime(2026, 3, 7, 20, 59, 59, tzinfo=UTC),
    "Asia/Kathmandu": datetime(2026, 12, 31, 6, tzinfo=UTC),
}
PEOPLE = {"ada": "physics", "bob": "chemistry", "eve": "physics"}
PRICES = {"v100": ("12000", "13001", "0"), "a100": ("1999.5", "2000.25", "7"), "jupyter": ()}
PER = {"v100": "node-hour", "a100": "gpu-hour"}
SEEDS = [1, 2, secrets.randbits(32)]
"""The last one is another every time; a failing test is called by it."""


@dataclass
class SyntheticDay:
    """Events in the order of time; ``truth`` is what the test itself knows of each segment."""

    room: Workroom
    random: random.Random
    began_at: datetime
    changes: list[datetime]
    starts: dict[int, Start] = field(default_factory=dict)
    ready: dict[int, datetime] = field(default_factory=dict)
    away: dict[str, list[Interval]] = field(default_factory=dict)
    reached: dict[str, datetime] = field(default_factory=dict)
    """Until when times of a server are settled."""
    truth: list[Usage] = field(default_factory=list)
    _events: list[tuple[datetime, int, Callable[[], None]]] = field(default_factory=list)
    _ticket: itertools.count[int] = field(default_factory=itertools.count)

    def at(self, moment: datetime, happen: Callable[[], None]) -> None:
        """Have something happen."""
        heapq.heappush(self._events, (moment, next(self._ticket), happen))

    def after(self, most: timedelta, happen: Callable[[], None]) -> None:
        """Have something happen within ``most`` from now."""
        seconds = self.random.randrange(int(most.total_seconds()) + 1)
        self.at(self.room.world.now + timedelta(seconds=seconds), happen)

    def next_event(self) -> datetime | None:
        """When the next one is due."""
        return self._events[0][0] if self._events else None

    def happen(self) -> None:
        """The next event."""
        moment, _, event = heapq.heappop(self._events)
        self.room.pass_time(moment - self.room.world.now)
        self.room.world.lag = self.random.choice([timedelta(0), self.random.random() * LAG])
        event()

    # What happens to a job

    def submit(self, number: int) -> None:
        """Note it as the hub does, and submit it."""
        chance, world, site = self.random, self.room.world, self.room.site
        user, queue = chance.choice(list(PEOPLE)), chance.choice(list(PRICES))
        engines = chance.random() < 0.3
        name = f"nh-engines-{number:016x}-{number:08x}-1" if engines else f"nh-server-{number:016x}"
        server = chance.choice(list(self.starts.values())).server if engines and self.starts else name
        found = site.queue(queue)
        assert found is not None
        account = PEOPLE[user] if queue != "jupyter" or chance.random() < 0.5 else ""
        start = Start(
            job_name=name,
            use=Use.ENGINES if engines else Use.SERVER,
            server=server,
            user=user,
            account=account,
            queue=queue,
            rate=find_rate(site, found, account, world.now),
            most_minor=1000,
            noted_at=world.now,
            ready_at=world.now if engines else None,
        )
        self.room.ledger.open_starts([start], policy="allow")
        if chance.random() < 0.04:
            return  # the hub ended here
        job = world.submit(name, user=user, account=PEOPLE[user], queue=queue)
        self.starts[job] = start
        if chance.random() < 0.8:
            self.room.ledger.note_job(name, job)
        self.after(HOUR, lambda: self.wait_no_longer(job))

    def wait_no_longer(self, job: int) -> None:
        """It begins, is cancelled, or is moved to another queue first."""
        world, chance = self.room.world, self.random
        if chance.random() < 0.1:
            self.end(job, JobState.CANCELLED)
            return
        if chance.random() < 0.08:
            world.change(job, partition=chance.choice(list(PRICES)))
        world.begin(job)
        start = self.starts[job]
        if start.use is Use.SERVER and job not in self.ready and chance.random() < 0.9:
            self.room.ledger.note_ready(start.job_name, world.now)
            self.ready[job] = world.now
        for _ in range(chance.randrange(3)):
            self.after(3 * HOUR, lambda: self.go_away(start.server))
        failed = start.use is Use.SERVER and job not in self.ready
        longest = timedelta(seconds=100) if failed else chance.choice([2 * SECOND, HOUR, 14 * HOUR])
        self.after(longest, lambda: self.stop(job))

    def go_away(self, server: str) -> None:
        """A time away that is over now, noted in two pieces; never one of a job that is charged already."""
        now = self.room.world.now
        length = timedelta(seconds=self.random.choice([self.random.uniform(0, 70), self.random.uniform(60, 5000)]))
        began_at = max(now - length, self.reached.get(server, now - length) + SECOND)
        if began_at < now:
            self.room.ledger.extend_away(server, began_at, now - (now - began_at) / 3)
            self.room.ledger.extend_away(server, now - (now - began_at) / 2, now)
            self.away.setdefault(server, []).append(Interval(server, began_at, now))
            self.reached[server] = now

    def stop(self, job: int) -> None:
        """It ends, in whatever way; after some of them it waits again."""
        world, chance = self.room.world, self.random
        noted = self.room.ledger.find_start(self.starts[job].job_name)
        if chance.random() < 0.1 and noted is not None and noted.job_id is not None:
            world.change(job, name="mine")
        if chance.random() < 0.15:
            state = chance.choice([JobState.REQUEUED, JobState.NODE_FAIL, JobState.PREEMPTED])
            self.truth.append(world.requeue(job, state))
            self.reached[self.starts[job].server] = world.now
            self.at(world.now + timedelta(minutes=2), lambda: self.wait_no_longer(job))
            return
        self.end(job, chance.choice([JobState.COMPLETED, JobState.FAILED, JobState.TIMEOUT, JobState.NODE_FAIL]))

    def end(self, job: int, state: JobState) -> None:
        """For good."""
        world, chance = self.room.world, self.random
        engines = self.starts[job].use is Use.ENGINES
        missing = engines and state is JobState.FAILED and chance.random() < 0.3
        begun = world.latest(job).started_at
        suspended = (world.now - begun) * chance.choice([0, 0, 0.3]) if begun else timedelta(0)
        code = EXIT_BASE_MISSING if missing else 0
        self.reached[self.starts[job].server] = world.now
        self.truth.append(world.end(job, state, exit_code=code, suspended=suspended))
        if chance.random() < 0.5:
            self.after(HOUR, lambda: world.hide(job))


def price_by_hand(day: SyntheticDay, usage: Usage) -> tuple[int, int]:
    """Seconds away and won of a segment, in fractions and without anything of billing."""
    start = day.starts[usage.job_id]
    moved = usage.partition != start.queue
    moment = usage.submitted_at if moved else start.noted_at
    amounts = PRICES[usage.partition]
    price = Fraction(amounts[sum(moment >= change for change in day.changes)]) if amounts else Fraction(0)
    account = start.account or usage.account if moved else start.account
    percent = Fraction("33.3") if account == "chemistry" and moment >= day.changes[0] else Fraction(0)
    assert usage.ended_at is not None
    fractions = Fraction(0)
    if usage.started_at is not None:
        for one in day.away.get(start.server, []):
            if one.ended_at - one.began_at >= timedelta(minutes=1):
                span = min(one.ended_at, usage.ended_at) - max(one.began_at, usage.started_at)
                fractions += max(Fraction(0), Fraction(span // timedelta(microseconds=1), 10**6))
    away_s = min(int(fractions), usage.elapsed_s)
    ready_at = day.ready.get(usage.job_id, usage.ended_at + SECOND)
    failed = usage.exit_code == EXIT_BASE_MISSING if start.use is Use.ENGINES else ready_at > usage.ended_at
    if usage.state is JobState.NODE_FAIL or not usage.elapsed_s or (failed and usage.elapsed_s <= STARTUP_S):
        return away_s, 0
    units = usage.gpus if PER.get(usage.partition) == "gpu-hour" else usage.nodes
    amount = units * Fraction(usage.elapsed_s - away_s, 3600) * price * (100 - percent) / 100
    return away_s, int(amount + Fraction(1, 2))


def make_day(room: Workroom, seed: int) -> SyntheticDay:
    chance = random.Random(seed)
    zone = chance.choice(list(BEGINNINGS))
    began_at = BEGINNINGS[zone]
    changes = [began_at + 6 * HOUR, began_at + 17 * HOUR + 29 * SECOND]
    document: dict[str, Any] = make_site(
        time_zone=zone, discounts=[{"account": "chemistry", "percent": Decimal("33.3"), "valid_from": changes[0]}]
    ).model_dump(mode="json")
    for queue in document["queues"]:
        amounts = zip(PRICES[queue["name"]], [None, *changes], strict=bool(PRICES[queue["name"]]))
        queue["prices"] = [
            {"amount": amount, "per": PER[queue["name"]], "valid_from": moment} for amount, moment in amounts
        ]
    room.site = room.site.model_validate(document)
    room.world.now = began_at
    room.restart()
    day = SyntheticDay(room, chance, began_at, changes)
    for number in range(JOBS):
        moment = began_at + timedelta(seconds=chance.randrange(24 * 3600))
        day.at(moment, lambda number=number: day.submit(number))  # type: ignore[misc]
    return day


async def collect_anyhow(day: SyntheticDay, monkeypatch: pytest.MonkeyPatch) -> None:
    """A turn of the collector; often without accounting, squeue or ledger, or with a hub that ends in its middle."""
    room, chance = day.room, day.random
    room.world.accounting_away = chance.random() < 0.2
    room.world.controller_away = chance.random() < 0.2
    if chance.random() < 0.1:
        room.restart()
    with monkeypatch.context() as patch:
        if chance.random() < 0.2:
            method = chance.choice(["fetch_open", "note_job", "fetch_away", "charge", "note_running", "close_starts"])

            def refuse(*_: object, **__: object) -> None:
                raise LedgerUnavailable("The database does not answer.")

            patch.setattr(room.ledger, method, refuse)
        try:
            await room.collect()
        except (SlurmUnavailable, LedgerUnavailable):
            room.pass_time(SECOND)


@pytest.mark.parametrize("seed", SEEDS)
async def test_synthetic_day(room: Workroom, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    day = make_day(room, seed)
    turn = day.began_at
    while (moment := day.next_event()) is not None:
        if turn < moment:
            room.pass_time(max(timedelta(0), turn - room.world.now))
            await collect_anyhow(day, monkeypatch)
            turn += timedelta(seconds=day.random.choice([30, 600, 3000]))
        else:
            day.happen()
    await catch_up(room)

    until = room.world.now + SECOND
    room.world.billed = dict(room.world.counters)
    differences = await reconcile(
        *(room.site, room.world, room.ledger, day.began_at - HOUR, until),
        now=until + HOUR,
        grace=timedelta(0),
        counted_before={},
    )
    assert [difference.sentence for difference in differences] == []
    compare_sums(day, until)


async def catch_up(room: Workroom) -> None:
    """Everything answers again, and all news has arrived."""
    room.world.accounting_away = room.world.controller_away = False
    room.pass_time(LAG)
    for _ in range(4):
        await room.collect()
        room.pass_time(timedelta(seconds=Patience().never_submitted_s))
    assert room.ledger.fetch_open() == []


def compare_sums(day: SyntheticDay, until: datetime) -> None:
    """The ledger's sums are the test's own."""
    zone = ZoneInfo(day.room.site.billing.time_zone)  # type: ignore[union-attr]
    days: Counter[str] = Counter()
    users: Counter[str] = Counter()
    away: Counter[str] = Counter()
    for usage in day.truth:
        away_s, won = price_by_hand(day, usage)
        assert usage.ended_at is not None
        days[usage.ended_at.astimezone(zone).date().isoformat()] += won
        users[usage.user] += won
        away[usage.user] += away_s
    where = Filter(since=day.began_at - HOUR, until=until)
    ledger = day.room.ledger
    assert len(ledger.fetch_charges(Filter())) == len(day.truth) >= JOBS * 0.9
    found: Counter[str] = Counter()
    for total in ledger.sum_by_day(where, zone):
        found[total.key] += total.amount_minor
    assert found == days
    assert len(days) >= 2
    assert {total.key: total.amount_minor for total in ledger.sum_by_user(where)} == users
    assert {total.key: total.away_s for total in ledger.sum_by_user(where)} == away
    assert min(users.values()) > 0
