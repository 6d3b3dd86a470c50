"""The collector charges every segment of noted jobs once, whatever comes late, twice or not at all."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.unit.billing.entries import HOUR, NOON, make_start
from tests.unit.billing.slurm_world import SECOND, World, make_site
from tests.unit.slurm.virtual_time import run_virtually

from neuronhub.billing.collector import LOST_S, NEVER_SUBMITTED_S, STEADY_S, Collected, Collector
from neuronhub.billing.ledger import Ledger
from neuronhub.billing.types import Charge, Filter, Start, Use, WhyFree
from neuronhub.errors import LedgerUnavailable, SlurmUnavailable
from neuronhub.site import Site
from neuronhub.slurm.types import JobState

MINUTE = timedelta(minutes=1)


class Killed(BaseException):
    """As if the hub ended here."""


@dataclass
class Bench:
    """A collector, with its Slurm and its ledger."""

    world: World
    ledger: Ledger
    site: Site = field(default_factory=make_site)
    clock: float = 10_000.0
    collector: Collector = field(init=False)

    def __post_init__(self) -> None:
        self.restart()
        self.collector._answering_since = 0.0  # accounting has answered for long

    def restart(self) -> None:
        """Another hub process."""
        self.collector = Collector(
            self.site, self.world, self.ledger, clock=lambda: self.clock, now=lambda: self.world.now
        )

    def start(self, name: str, *, known: bool = True, **changes: Any) -> Start:
        """Note a start and submit it."""
        start = make_start(name, **({"noted_at": self.world.now, "ready_at": self.world.now} | changes))
        self.ledger.open_starts([start], policy="allow")
        number = self.world.submit(name, user=start.user, account=start.account, queue=start.queue)
        if known:
            self.ledger.note_job(name, number)
        return start

    def pass_time(self, length: timedelta) -> None:
        self.world.advance(length)
        self.clock += length.total_seconds()

    async def collect(self) -> Collected:
        return await self.collector.collect()

    def charges(self) -> list[Charge]:
        return self.ledger.fetch_charges(Filter())

    def held(self) -> int:
        return self.ledger.balances(["physics"])["physics"].held_minor


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty ledger, made once."""
    path = tmp_path_factory.mktemp("empty") / "billing.sqlite"
    ledger = Ledger(f"sqlite:///{path}", "KRW")
    ledger.ensure_schema()
    ledger.close()
    return path


@pytest.fixture
def bench(empty: Path, tmp_path: Path) -> Iterator[Bench]:
    shutil.copy(empty, tmp_path)
    ledger = Ledger(f"sqlite:///{tmp_path}/billing.sqlite", "KRW")
    yield Bench(World(), ledger)
    ledger.close()


async def run_job(bench: Bench, name: str, length: timedelta = HOUR, **changes: Any) -> None:
    bench.start(name, **changes)
    bench.world.begin(number := len(bench.world.jobs))
    bench.pass_time(length)
    bench.world.end(number)


async def test_nothing_is_asked_for_nobody(bench: Bench) -> None:
    assert await bench.collect() == Collected()
    assert bench.world.asked == []


async def test_job_from_waiting_to_its_charge(bench: Bench) -> None:
    bench.start("nh-1")
    assert await bench.collect() == Collected()
    bench.world.begin(1)
    bench.pass_time(10 * MINUTE)
    (running,) = (await bench.collect()).running
    assert (running.elapsed_s, running.units, running.job_id) == (600, 1, 1)
    assert bench.ledger.fetch_running() == [running]
    bench.pass_time(50 * MINUTE)
    bench.world.end(1)
    done = await bench.collect()
    (charge,) = done.charges
    assert (charge.amount_minor, charge.elapsed_s, charge.charged_s, charge.units) == (12000, 3600, 3600, 1)
    assert (charge.why_free, charge.state, charge.billing) == (WhyFree.NOTHING, "COMPLETED", 50)
    assert done.settled == {"nh-1"}
    assert bench.ledger.fetch_open() == []
    assert bench.ledger.fetch_running() == []
    assert bench.held() == 0


async def test_read_again_and_again_it_is_charged_once(bench: Bench) -> None:
    await run_job(bench, "nh-1")
    bench.world.controller_away = True  # so that it stays open
    assert len((await bench.collect()).charges) == 1
    for _ in range(3):
        assert (await bench.collect()).charges == ()
    bench.world.controller_away = False
    assert (await bench.collect()).settled == {"nh-1"}
    for _ in range(3):
        assert await bench.collect() == Collected()
    assert len(bench.charges()) == 1


async def test_price_is_that_of_the_moment_of_submit(bench: Bench) -> None:
    bench.pass_time(5 * HOUR)
    await run_job(bench, "nh-1", 3 * HOUR)  # the price rises in between
    await bench.collect()
    assert [charge.amount_minor for charge in bench.charges()] == [36000]


async def test_times_away_are_taken_off(bench: Bench) -> None:
    await run_job(bench, "nh-1")
    bench.ledger.extend_away("nh-1", NOON + 10 * MINUTE, NOON + 30 * MINUTE)
    bench.ledger.extend_away("nh-1", NOON + 40 * MINUTE, NOON + 40 * MINUTE + 59 * SECOND)  # too short
    await bench.collect()
    (charge,) = bench.charges()
    assert (charge.away_s, charge.charged_s, charge.amount_minor) == (1200, 2400, 8000)


async def test_engines_are_away_with_their_server(bench: Bench) -> None:
    await run_job(bench, "nh-e", use=Use.ENGINES, server="nh-1")
    bench.ledger.extend_away("nh-1", NOON, NOON + 30 * MINUTE)
    await bench.collect()
    assert [charge.away_s for charge in bench.charges()] == [1800]


async def test_requeued_job_is_charged_for_each_of_its_segments(bench: Bench) -> None:
    bench.start("nh-1")
    bench.world.begin(1)
    bench.pass_time(10 * MINUTE)
    bench.world.requeue(1)
    done = await bench.collect()
    assert (len(done.charges), done.settled) == (1, frozenset())
    bench.pass_time(2 * MINUTE)
    bench.world.begin(1)
    bench.pass_time(20 * MINUTE)
    assert [one.elapsed_s for one in (await bench.collect()).running] == [1200]
    bench.world.end(1)
    assert (await bench.collect()).settled == {"nh-1"}
    assert [(one.state, one.elapsed_s, one.amount_minor) for one in bench.charges()] == [
        ("REQUEUED", 600, 2000),
        ("COMPLETED", 1200, 4000),
    ]


@pytest.mark.parametrize("state", [JobState.REQUEUED, JobState.NODE_FAIL])
async def test_segment_to_come_keeps_the_start_open_though_accounting_is_silent_of_it(
    bench: Bench, state: JobState
) -> None:
    bench.start("nh-1")
    bench.world.begin(1)
    bench.pass_time(10 * MINUTE)
    bench.world.end(1, state)
    bench.world.lag = HOUR
    bench.world.requeue(1)
    done = await bench.collect()
    assert (len(done.charges), done.settled) == (1, frozenset())


async def test_requeued_job_that_vanishes_holds_no_money_for_ever(bench: Bench) -> None:
    bench.start("nh-1")
    bench.world.begin(1)
    bench.pass_time(MINUTE)
    bench.world.end(1, JobState.REQUEUED)
    bench.world.hide(1)
    assert (await bench.collect()).closed == frozenset()
    bench.pass_time(timedelta(seconds=LOST_S))
    assert (await bench.collect()).closed == {"nh-1"}
    assert len(bench.charges()) == 1


async def test_segment_that_comes_after_the_one_that_followed_it(bench: Bench) -> None:
    bench.start("nh-1")
    bench.world.begin(1)
    bench.pass_time(10 * MINUTE)
    bench.world.lag = HOUR
    bench.world.end(1, JobState.REQUEUED)
    bench.world._told[:] = [(at, one) for at, one in bench.world._told if one.state is JobState.REQUEUED]
    bench.world.lag = timedelta(0)
    bench.world.requeue(1)
    bench.world._told[:] = [(at, one) for at, one in bench.world._told if one.submitted_at != NOON or at > NOON + HOUR]
    bench.world.begin(1)
    bench.pass_time(20 * MINUTE)
    bench.world.end(1)
    assert (await bench.collect()).settled == {"nh-1"}
    bench.pass_time(45 * MINUTE)
    (late,) = (await bench.collect()).charges
    assert (late.submitted_at, late.elapsed_s) == (NOON, 600)
    assert [one.elapsed_s for one in bench.charges()] == [600, 1200]


async def test_cancelled_while_it_waited_costs_nothing(bench: Bench) -> None:
    bench.start("nh-1")
    bench.world.change(1, partition="v100,a100")  # its user let it wait for several
    bench.world.end(1, JobState.CANCELLED)
    assert (await bench.collect()).settled == {"nh-1"}
    (charge,) = bench.charges()
    assert (charge.why_free, charge.amount_minor, charge.queue) == (WhyFree.NEVER_RAN, 0, "v100")


async def test_renamed_and_moved_job_is_charged_by_what_it_got(bench: Bench) -> None:
    bench.start("nh-1", queue="jupyter", rate=make_start("x").rate)
    bench.world.change(1, name="something-else", partition="a100")
    bench.world.begin(1)
    bench.pass_time(HOUR)
    bench.world.end(1)
    await bench.collect()
    assert [(one.queue, one.units, one.amount_minor) for one in bench.charges()] == [("a100", 16, 31992)]


async def test_job_of_another_with_the_same_name_or_id_is_not_charged(bench: Bench) -> None:
    bench.start("nh-1", known=False)
    theirs = bench.world.submit("nh-1", user="eve")
    copied = bench.world.submit("nh-1")  # of the same user, later
    bench.world.begin(theirs)
    bench.world.begin(copied)
    bench.pass_time(HOUR)
    bench.world.end(theirs)
    bench.world.end(copied)
    assert (await bench.collect()).charges == ()
    start = bench.ledger.find_start("nh-1")
    assert start is not None
    assert start.job_id == 1
    bench.world.change(1, user="eve", name="other")  # Slurm lost ours and gave the id out again
    bench.world.begin(1)
    bench.world.end(1)
    assert (await bench.collect()).charges == ()


async def test_id_that_the_hub_could_not_note_is_found_by_the_name(bench: Bench) -> None:
    bench.start("nh-1", known=False)
    bench.world.begin(1)
    await bench.collect()
    bench.world.change(1, name="renamed")
    bench.pass_time(HOUR)
    bench.world.end(1)
    assert (await bench.collect()).settled == {"nh-1"}
    assert bench.world.asked == [((), ("nh-1",)), ((1,), ())]
    assert [charge.job_name for charge in bench.charges()] == ["nh-1"]


async def test_accounting_that_is_away_changes_nothing_and_catches_up(bench: Bench) -> None:
    await run_job(bench, "nh-1")
    bench.world.accounting_away = True
    with pytest.raises(SlurmUnavailable):
        await bench.collect()
    assert bench.charges() == []
    assert [start.job_name for start in bench.ledger.fetch_open()] == ["nh-1"]
    bench.world.accounting_away = False
    done = await bench.collect()
    assert (len(done.charges), done.settled) == (1, frozenset())  # its records may be in pieces
    bench.pass_time(timedelta(seconds=STEADY_S))
    assert (await bench.collect()).settled == {"nh-1"}


async def test_record_in_pieces_is_waited_for(bench: Bench) -> None:
    await run_job(bench, "nh-1")
    whole = bench.world._current[1]
    for changes in (
        {"ended_at": None, "state": JobState.FAILED},
        {"name": "allocation", "partition": "", "nodes": 0},
        {"nodes": 0, "billing": 0},
        {"state": JobState.PENDING},
        {"state": JobState.UNKNOWN},
    ):
        bench.world.change(1, **changes)
        done = await bench.collect()
        assert (done.charges, done.settled, done.unpriced) == ((), frozenset(), ())
        bench.world._set(whole)
    assert len((await bench.collect()).charges) == 1


async def test_ledger_that_is_away_loses_nothing(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    await run_job(bench, "nh-1")

    def refuse(*_: object, **__: object) -> list[Charge]:
        raise LedgerUnavailable("The database does not answer.")

    for method in ("fetch_open", "fetch_charges", "fetch_away", "charge"):
        with monkeypatch.context() as patch:
            patch.setattr(bench.ledger, method, refuse)
            with pytest.raises(LedgerUnavailable):
                await bench.collect()
        assert bench.charges() == []
    assert (await bench.collect()).settled == {"nh-1"}


@pytest.mark.parametrize("method", ["note_job", "charge", "note_running"])
@pytest.mark.parametrize("written", [False, True])
async def test_killed_in_the_middle_and_begun_anew(
    bench: Bench, method: str, written: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.start("nh-1", known=False)
    bench.start("nh-2")
    for number in (1, 2):
        bench.world.begin(number)
    bench.pass_time(HOUR)
    bench.world.end(1)
    original = getattr(bench.ledger, method)

    def die(*arguments: object, **named: object) -> None:
        if written:
            original(*arguments, **named)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(bench.ledger, method, die)
        with pytest.raises(Killed):
            await bench.collect()
    bench.restart()
    await bench.collect()
    bench.pass_time(timedelta(seconds=STEADY_S))
    bench.world.end(2)
    await bench.collect()
    assert sorted((one.job_name, one.elapsed_s) for one in bench.charges()) == [("nh-1", 3600), ("nh-2", 3660)]
    assert bench.ledger.fetch_open() == []


async def test_start_that_was_never_submitted_is_closed_after_good_answers_only(bench: Bench) -> None:
    bench.ledger.open_starts([make_start("nh-1")], policy="allow")
    assert bench.held() == 12000
    await bench.collect()
    bench.pass_time(timedelta(seconds=NEVER_SUBMITTED_S - 1))
    assert (await bench.collect()).closed == frozenset()
    bench.world.controller_away = True
    bench.pass_time(HOUR)
    assert (await bench.collect()).closed == frozenset()
    bench.world.controller_away = False
    assert (await bench.collect()).closed == frozenset()
    bench.pass_time(timedelta(seconds=NEVER_SUBMITTED_S))
    assert (await bench.collect()).closed == {"nh-1"}
    assert bench.held() == 0
    assert bench.charges() == []


async def test_job_with_an_id_that_slurm_has_lost_is_waited_for_longer(bench: Bench) -> None:
    bench.start("nh-1")
    bench.world.lose(1)
    await bench.collect()
    bench.pass_time(timedelta(seconds=LOST_S - 1))
    assert (await bench.collect()).closed == frozenset()
    bench.pass_time(SECOND)
    assert (await bench.collect()).closed == {"nh-1"}


async def test_record_that_changes_after_its_charge_changes_no_charge(bench: Bench) -> None:
    await run_job(bench, "nh-1")
    await bench.collect()
    before = bench.charges()
    bench.world.change(1, elapsed_s=1, state=JobState.NODE_FAIL)
    assert (await bench.collect()).charges == ()
    assert bench.charges() == before


@pytest.mark.parametrize("jump", [timedelta(days=-400), timedelta(days=400)])
async def test_clock_of_the_hub_that_jumps(bench: Bench, jump: timedelta) -> None:
    bench.start("nh-1", noted_at=NOON + jump)
    bench.world.begin(1)
    bench.pass_time(HOUR)
    bench.world.end(1)
    assert (await bench.collect()).settled == {"nh-1"}
    assert [charge.amount_minor for charge in bench.charges()] == [12000]


@pytest.mark.parametrize(
    "changes",
    [{"ended_at": NOON - SECOND}, {"elapsed_s": 3601}, {"partition": "unknown"}],
)
async def test_what_cannot_be_priced_stays_open_and_is_told_once(
    bench: Bench, changes: dict[str, datetime | int | str], caplog: pytest.LogCaptureFixture
) -> None:
    await run_job(bench, "nh-1")
    bench.world.change(1, **changes)
    await run_job(bench, "nh-2")
    for _ in range(3):
        done = await bench.collect()
        assert (len(done.unpriced), "nh-1" in done.settled) == (1, False)
    assert caplog.text.count("A job cannot be charged") == 1
    assert [charge.job_name for charge in bench.charges()] == ["nh-2"]
    assert [start.job_name for start in bench.ledger.fetch_open()] == ["nh-1"]


async def test_thousand_jobs_at_once_are_one_question(bench: Bench) -> None:
    starts = [make_start(f"nh-{number}", job_id=number, ready_at=NOON) for number in range(1, 1001)]
    bench.ledger.open_starts(starts, policy="allow")
    for start in starts:
        bench.world.begin(bench.world.submit(start.job_name))
    bench.pass_time(MINUTE)
    assert len((await bench.collect()).running) == 1000
    for number in range(1, 1001):
        bench.world.end(number)
    done = await bench.collect()
    assert (len(done.charges), len(done.settled)) == (1000, 1000)
    assert sum(charge.amount_minor for charge in bench.charges()) == 1000 * 200
    assert len(bench.world.asked) == 2


def test_running_collector_goes_on_after_every_kind_of_trouble(
    bench: Bench, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    away, down = SlurmUnavailable("away"), LedgerUnavailable("down")
    turns: list[Exception | None] = [None, away, away, ValueError("a slip"), down, None, None]
    count, over = len(turns), asyncio.Event()

    async def collect() -> Collected:
        trouble = turns.pop(0)
        if not turns:
            over.set()
        if trouble is not None:
            raise trouble
        return Collected()

    async def main() -> float:
        running = asyncio.create_task(bench.collector.run())
        await over.wait()
        running.cancel()
        return asyncio.get_running_loop().time()

    monkeypatch.setattr(bench.collector, "collect", collect)
    caplog.set_level("INFO", "neuronhub.billing.collector")
    passed_s = run_virtually(main()) - 1000.0
    assert passed_s == 30 * (count - 1)
    assert [record.message for record in caplog.records if record.name == "neuronhub.billing.collector"] == [
        "Jobs are charged later: away",
        "Jobs could not be charged in an unexpected way; trying again.",
        "Jobs are charged later: down",
        "Jobs are charged again.",
    ]
