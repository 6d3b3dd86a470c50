"""Time away (row T2): what the proxy and Slurm both say, in whole slices between two looks, by the right clock."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest
from tests.unit.billing.entries import NOON

from neuronhub.billing.away import AT_ONCE, AwayKeeper, Watched, find_slice, judge
from neuronhub.billing.ledger import Ledger
from neuronhub.billing.types import Interval, Look
from neuronhub.errors import LedgerUnavailable, SlurmNotPermitted, SlurmUnavailable
from neuronhub.slurm.usage import Work
from neuronhub.tariff import Away

SETTINGS = Away()
MINUTE = timedelta(minutes=1)
SERVER = "nh-server-1"
IDLE = Look(SERVER, NOON, NOON - MINUTE, {7: Work(100.0)})


def later(**changes: object) -> Look:
    return replace(IDLE, looked_at=NOON + MINUTE, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("latter", "expected"),
    [
        (later(), True),
        (later(work={7: Work(102.0)}), True),
        (later(work={7: Work(103.0)}), False),
        (later(work={7: Work(99.0)}), False),
        (later(traffic_at=NOON), False),
        (later(traffic_at=NOON - 2 * MINUTE), False),
        (later(traffic_at=None), False),
        (later(work={}), False),
        (later(work={7: Work(100.0), 8: Work(0.0)}), False),
        (later(work={8: Work(100.0)}), False),
    ],
    ids=[
        "nothing",
        "less than 5 percent of a core",
        "5 percent",
        "figures that fall",
        "traffic",
        "a proxy that has forgotten",
        "a silent proxy",
        "no figures",
        "engines begun",
        "another job",
    ],
)
def test_a_slice_is_away_only_when_nothing_passed_and_nothing_computed(latter: Look, expected: bool) -> None:
    assert judge(IDLE, latter, MINUTE, SETTINGS) is expected


def test_nobody_is_away_without_a_figure_at_both_ends_or_in_no_time() -> None:
    assert not judge(replace(IDLE, work={}), replace(later(), work={}), MINUTE, SETTINGS)
    assert not judge(replace(IDLE, traffic_at=None), later(traffic_at=None), MINUTE, SETTINGS)
    assert not judge(IDLE, IDLE, timedelta(0), SETTINGS)
    assert not judge(IDLE, later(), -MINUTE, SETTINGS)


def test_engines_that_compute_keep_the_server_present() -> None:
    before = replace(IDLE, work={7: Work(10.0), 8: Work(50.0)})
    assert judge(before, later(work={7: Work(10.0), 8: Work(52.0)}), MINUTE, SETTINGS)
    assert not judge(before, later(work={7: Work(10.0), 8: Work(56.0)}), MINUTE, SETTINGS)


def test_a_site_that_lets_nothing_pass_has_nobody_away() -> None:
    assert not judge(IDLE, later(), MINUTE, Away(cpu_percent=0))


@pytest.mark.parametrize(("before", "after", "expected"), [(0, 0, True), (0, 1, False), (90, 0, False), (0, 0.5, True)])
def test_gpus_are_looked_at_where_slurm_accounts_for_them(before: float, after: float, expected: bool) -> None:
    former, latter = (replace(look, work={7: Work(1.0, share)}) for look, share in ((IDLE, before), (later(), after)))
    assert judge(former, latter, MINUTE, SETTINGS) is expected


def test_two_samples_say_nothing_of_gpus_in_the_hours_between() -> None:
    former, latter = (replace(look, work={7: Work(1.0, 0.0)}) for look in (IDLE, later()))
    assert judge(former, latter, 3 * MINUTE, SETTINGS)
    assert not judge(former, latter, 4 * MINUTE, SETTINGS)
    assert judge(IDLE, later(), 4 * MINUTE, SETTINGS), "CPU time is a sum"


def test_no_slice_is_longer_than_the_clock_that_only_runs_on_says() -> None:
    latter = later()
    assert find_slice(IDLE, latter, None) == Interval(SERVER, NOON, NOON + MINUTE)
    assert find_slice(IDLE, latter, MINUTE) == Interval(SERVER, NOON, NOON + MINUTE)
    almost = MINUTE - timedelta(milliseconds=900)
    assert find_slice(IDLE, latter, almost) == Interval(SERVER, NOON, NOON + MINUTE), "slices must touch"
    set_forward = find_slice(IDLE, replace(latter, looked_at=NOON + timedelta(days=1)), MINUTE)
    assert set_forward == Interval(SERVER, NOON + timedelta(days=1) - MINUTE, NOON + timedelta(days=1))
    assert find_slice(IDLE, replace(latter, looked_at=NOON - timedelta(hours=1)), MINUTE) is None
    assert find_slice(IDLE, IDLE, MINUTE) is None
    set_back = find_slice(IDLE, replace(latter, looked_at=NOON + MINUTE / 2), MINUTE)
    assert set_back == Interval(SERVER, NOON, NOON + MINUTE / 2)


@dataclass
class Site:
    """Proxy, Slurm, ledger and two clocks, as a hub sees them; ``hub`` is replaced when it restarts."""

    ledger: Ledger
    settings: Away = SETTINGS
    now: datetime = NOON
    ran_s: float = 0.0
    traffic: dict[str, datetime | None] = field(default_factory=lambda: {SERVER: NOON})
    work: dict[int, float] = field(default_factory=lambda: {7: 0.0})
    steps_ended: dict[int, int] = field(default_factory=dict)
    accounting_away: bool = False
    silent: Exception | None = None
    asked: list[tuple[str, frozenset[int]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        self.hub = AwayKeeper(self.settings, self.ledger, self, now=lambda: self.now, clock=lambda: self.ran_s)

    def pass_time(self, span: timedelta) -> None:
        self.now += span
        self.ran_s += span.total_seconds()

    async def fetch_work(self, user: str, ids: Collection[int]) -> dict[int, Work]:
        self.asked.append((user, frozenset(ids)))
        if self.silent:
            raise self.silent
        return {job: Work(float(int(self.work[job]))) for job in ids if job in self.work}

    async def fetch_steps_ended(self, ids: Collection[int]) -> dict[int, int]:
        if self.accounting_away:
            raise SlurmUnavailable("slurmdbd is away")
        return {job: self.steps_ended.get(job, 0) for job in ids}

    def watched(self, jobs: Collection[int] = (7,), server: str = SERVER) -> Watched:
        return Watched(server, "ada", frozenset(jobs), self.traffic[server])

    async def look(self, jobs: Collection[int] = (7,)) -> Interval | None:
        return (await self.hub.look([self.watched(jobs)])).get(SERVER)

    async def look_after(self, span: timedelta = MINUTE, jobs: Collection[int] = (7,)) -> Interval | None:
        self.pass_time(span)
        return await self.look(jobs)

    @property
    def away(self) -> list[Interval]:
        return self.ledger.fetch_away([SERVER]).get(SERVER, [])


@pytest.fixture
def site(ledger: Ledger) -> Site:
    return Site(ledger)


def minutes(first: float, last: float) -> Interval:
    return Interval(SERVER, NOON + first * MINUTE, NOON + last * MINUTE)


async def test_slices_that_touch_are_one_time_away(site: Site) -> None:
    assert await site.look() is None, "one look proves nothing"
    assert await site.look_after() == minutes(0, 1)
    assert await site.look_after() == minutes(0, 2)
    site.traffic[SERVER] = site.now
    assert await site.look_after() is None
    assert await site.look_after() == minutes(3, 4)
    assert site.away == [minutes(0, 2), minutes(3, 4)]


async def test_somebody_who_computes_is_not_away(site: Site) -> None:
    await site.look()
    for _ in range(5):
        site.work[7] += 30
        assert await site.look_after() is None
    assert site.away == []


async def test_steps_that_begin_and_end_between_two_looks_are_work(site: Site) -> None:
    await site.look()
    for _ in range(3):
        site.steps_ended[7] = site.steps_ended.get(7, 0) + 20  # srun --overlap, each shorter than a look
        assert await site.look_after() is None
    assert site.away == []
    assert await site.look_after() == minutes(3, 4)


async def test_steps_that_ended_while_accounting_was_away_are_work(site: Site) -> None:
    await site.look()
    site.accounting_away = True
    assert await site.look_after() is None
    site.steps_ended[7] = 1
    site.accounting_away = False
    site.restart()
    assert await site.look_after() is None
    assert site.away == []
    site.accounting_away = True
    assert await site.look_after() is None
    site.accounting_away = False
    assert await site.look_after() == minutes(2, 4), "the next answer tells of all of it"


async def test_the_hub_restarts_and_nothing_is_lost(site: Site) -> None:
    await site.look()
    await site.look_after()
    site.restart()
    site.ran_s = -1e9
    assert await site.look_after(5 * MINUTE) == minutes(0, 6), "CPU time and the proxy's record tell of all of it"
    site.restart()
    site.work[7] += 600
    assert await site.look_after(20 * MINUTE) is None


@pytest.mark.parametrize("error", [SlurmUnavailable("slurmctld is away"), SlurmNotPermitted("sudo says no")])
async def test_silence_of_slurm_is_presence_until_it_answers_for_all_of_it(site: Site, error: Exception) -> None:
    await site.look()
    site.silent = error
    for _ in range(3):
        assert await site.look_after() is None
    assert site.away == []
    site.silent = None
    assert await site.look_after() == minutes(0, 4)


async def test_what_was_computed_while_slurm_was_silent_counts(site: Site) -> None:
    await site.look()
    site.silent = SlurmUnavailable("slurmctld is away")
    site.work[7] += 60
    await site.look_after()
    site.silent = None
    assert await site.look_after() is None
    assert site.away == []


async def test_silence_of_the_proxy_is_presence(site: Site) -> None:
    await site.look()
    site.traffic[SERVER] = None
    assert await site.look_after() is None
    assert len(site.asked) == 1, "nobody needs Slurm's figures then"
    site.traffic[SERVER] = NOON
    assert await site.look_after() == minutes(0, 2)


async def test_a_proxy_that_restarted_costs_one_slice(site: Site) -> None:
    await site.look()
    await site.look_after()
    site.traffic[SERVER] = site.now  # the hub has put the route back
    assert await site.look_after() is None
    assert await site.look_after() == minutes(2, 3)
    assert site.away == [minutes(0, 1), minutes(2, 3)]


async def test_a_job_of_which_slurm_says_nothing_is_no_idle_job(site: Site) -> None:
    await site.look([7])
    assert await site.look_after(jobs=[7, 8]) is None
    assert await site.look_after(jobs=[7, 8]) is None
    site.work[8] = 0.0
    assert await site.look_after(jobs=[7, 8]) is None, "what 8 did before is not known"
    assert await site.look_after(jobs=[7, 8]) == minutes(3, 4)
    assert await site.look_after(jobs=[7]) is None, "nor what it did at last"
    assert await site.look_after(jobs=[7]) == minutes(5, 6)
    assert await site.look_after(jobs=[]) is None


async def test_the_clock_is_set(site: Site) -> None:
    await site.look()
    site.now += timedelta(days=30)
    assert await site.look_after() == Interval(SERVER, site.now - MINUTE, site.now)
    site.now -= timedelta(days=30)
    assert await site.look_after() is None
    assert await site.look_after() == minutes(2, 3)
    total = sum((one.ended_at - one.began_at for one in site.away), timedelta(0))
    assert total == 2 * MINUTE, "of the three that have passed"


class Unwilling(Ledger):
    """The ledger of ``other``, which fails at one thing."""

    def __init__(self, other: Ledger, *, fails_at: str) -> None:
        self.__dict__ |= other.__dict__
        self._fails_at = fails_at

    def _check(self, method: str) -> None:
        if method == self._fails_at:
            raise LedgerUnavailable("the database does not answer")

    def fetch_looks(self, servers: Collection[str]) -> dict[str, Look]:
        self._check("fetch_looks")
        return super().fetch_looks(servers)

    def note_looks(self, seen: Sequence[Look]) -> None:
        self._check("note_looks")
        super().note_looks(seen)

    def extend_away(self, server: str, began_at: datetime, ended_at: datetime) -> Interval:
        self._check("extend_away")
        return super().extend_away(server, began_at, ended_at)


@pytest.mark.parametrize("method", ["fetch_looks", "note_looks", "extend_away"])
async def test_the_ledger_is_away_and_nothing_is_lost_or_counted_twice(site: Site, method: str) -> None:
    await site.look()
    await site.look_after()
    sound, site.ledger = site.ledger, Unwilling(site.ledger, fails_at=method)
    site.restart()
    for _ in range(3):
        assert await site.look_after() is None
    site.ledger = sound
    site.restart()
    assert await site.look_after() == minutes(0, 5)
    assert site.away == [minutes(0, 5)]


async def test_a_server_that_hangs_holds_up_no_other(ledger: Ledger) -> None:
    """Slurm's answer for one of them never comes; that is its own matter until its command's limit."""
    names = [f"nh-{number}" for number in range(3 * AT_ONCE)]
    under_way = 0
    most = 0

    class Slow(Site):
        async def fetch_work(self, user: str, ids: Collection[int]) -> dict[int, Work]:
            nonlocal under_way, most
            under_way += 1
            most = max(most, under_way)
            await asyncio.sleep(0)
            under_way -= 1
            if 0 in ids:
                raise SlurmUnavailable("sstat did not end in time")
            return {job: Work(1.0) for job in ids}

    site = Slow(ledger, traffic=dict.fromkeys(names, NOON))
    watched = [site.watched([number], name) for number, name in enumerate(names)]
    await site.hub.look(watched)
    site.pass_time(MINUTE)
    away = await site.hub.look(watched)
    assert away.keys() == set(names[1:])
    assert most == AT_ONCE


@pytest.mark.parametrize("seed", range(8))
async def test_a_random_day(ledger: Ledger, seed: int) -> None:
    """Whatever falls silent or restarts: no traffic within a time away, no work, and no idle look is lost."""
    chance = random.Random(seed)
    site = Site(ledger)
    looks: list[tuple[datetime, bool]] = []
    traffic: list[datetime] = []
    worked: list[datetime] = []
    busy_until = NOON
    for _ in range(120):
        for _second in range(60):
            site.pass_time(timedelta(seconds=1))
            if chance.random() < 0.001:
                busy_until = site.now + timedelta(seconds=chance.randint(30, 900))
            if site.now < busy_until:
                site.work[7] += 1
                worked.append(site.now)
            if chance.random() < 0.002:
                site.traffic[SERVER] = site.now
                traffic.append(site.now)
        site.silent = SlurmUnavailable("away") if chance.random() < 0.1 else None
        if chance.random() < 0.05:
            site.restart()
        await site.look()
        looks.append((site.now, site.silent is None))
    away = site.away
    assert away
    assert not [moment for moment in traffic for one in away if one.began_at < moment <= one.ended_at]
    for one in away:
        share = (
            sum(one.began_at < moment <= one.ended_at for moment in worked)
            / (one.ended_at - one.began_at).total_seconds()
        )
        assert share < SETTINGS.cpu_percent / 100 + 1 / 60, "Slurm's whole seconds"
    told = [moment for moment, answered in looks if answered]
    for former, latter in itertools.pairwise(told):
        idle = not any(former < moment <= latter for moment in (*traffic, *worked))
        covered = any(one.began_at <= former and latter <= one.ended_at for one in away)
        assert covered or not idle
