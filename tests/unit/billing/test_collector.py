"""The collector charges every segment of noted jobs once, whatever comes late, twice or not at all."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import pytest
from tests.unit.billing.books import Workroom
from tests.unit.billing.entries import HOUR, NOON, make_start
from tests.unit.billing.slurm_world import SECOND, World
from tests.unit.slurm.virtual_time import run_virtually

from neuronhub.billing.collector import Collected, Patience
from neuronhub.billing.ledger import Ledger
from neuronhub.billing.reconcile import reconcile
from neuronhub.billing.types import Charge, Use, WhyFree
from neuronhub.errors import LedgerUnavailable, SlurmUnavailable
from neuronhub.slurm.types import JobState

MINUTE = timedelta(minutes=1)
NEVER_SUBMITTED = timedelta(seconds=Patience().never_submitted_s)
LOST = timedelta(seconds=Patience().lost_s)
STEADY = timedelta(seconds=Patience().steady_s)


class Killed(BaseException):
    """As if the hub ended here."""


async def test_nothing_is_asked_for_nobody(room: Workroom) -> None:
    assert await room.collect() == Collected()
    assert room.world.asked == []


async def test_job_from_waiting_to_its_charge(room: Workroom) -> None:
    room.start("nh-1")
    assert await room.collect() == Collected()
    room.world.begin(1)
    room.pass_time(10 * MINUTE)
    (running,) = (await room.collect()).running
    assert (running.elapsed_s, running.units, running.job_id) == (600, 1, 1)
    assert room.ledger.fetch_running() == [running]
    room.pass_time(50 * MINUTE)
    room.world.end(1)
    done = await room.collect()
    (charge,) = done.charges
    assert (charge.amount_minor, charge.elapsed_s, charge.charged_s, charge.units) == (12000, 3600, 3600, 1)
    assert (charge.why_free, charge.state, charge.billing) == (WhyFree.NOTHING, "COMPLETED", 50)
    assert done.settled == {"nh-1"}
    assert room.ledger.fetch_open() == []
    assert room.ledger.fetch_running() == []
    assert room.held() == 0


async def test_whole_way_on_every_database(ledger: Ledger) -> None:
    room = Workroom(World(), ledger)
    room.start("nh-1", known=False)
    room.world.begin(1)
    room.ledger.extend_away("nh-1", NOON, NOON + 30 * MINUTE)
    room.pass_time(HOUR)
    assert [one.job_id for one in (await room.collect()).running] == [1]
    room.world.requeue(1)
    room.world.end(1, JobState.CANCELLED)
    assert (await room.collect()).settled == {"nh-1"}
    assert (await room.collect()).charges == ()
    assert [(one.state, one.amount_minor) for one in room.charges()] == [("REQUEUED", 6000), ("CANCELLED", 0)]
    room.world.billed = room.world.counters
    assert await reconcile(room.site, room.world, ledger, NOON, NOON + 2 * HOUR, now=NOON + 9 * HOUR) == []


async def test_read_again_and_again_it_is_charged_once(room: Workroom) -> None:
    await room.run_job("nh-1")
    room.world.controller_away = True  # so that it stays open
    assert len((await room.collect()).charges) == 1
    for _ in range(3):
        assert (await room.collect()).charges == ()
    room.world.controller_away = False
    assert (await room.collect()).settled == {"nh-1"}
    for _ in range(3):
        assert await room.collect() == Collected()
    assert len(room.charges()) == 1


async def test_price_is_that_of_the_moment_of_submit(room: Workroom) -> None:
    room.pass_time(5 * HOUR)
    await room.run_job("nh-1", 3 * HOUR)  # the price rises in between
    await room.collect()
    assert [charge.amount_minor for charge in room.charges()] == [36000]


async def test_times_away_are_taken_off(room: Workroom) -> None:
    await room.run_job("nh-1")
    room.ledger.extend_away("nh-1", NOON + 10 * MINUTE, NOON + 30 * MINUTE)
    room.ledger.extend_away("nh-1", NOON + 40 * MINUTE, NOON + 40 * MINUTE + 59 * SECOND)  # too short
    await room.collect()
    (charge,) = room.charges()
    assert (charge.away_s, charge.charged_s, charge.amount_minor) == (1200, 2400, 8000)


async def test_engines_are_away_with_their_server(room: Workroom) -> None:
    await room.run_job("nh-e", use=Use.ENGINES, server="nh-1")
    room.ledger.extend_away("nh-1", NOON, NOON + 30 * MINUTE)
    await room.collect()
    assert [charge.away_s for charge in room.charges()] == [1800]


async def test_requeued_job_is_charged_for_each_of_its_segments(room: Workroom) -> None:
    room.start("nh-1")
    room.world.begin(1)
    room.pass_time(10 * MINUTE)
    room.world.requeue(1)
    done = await room.collect()
    assert (len(done.charges), done.settled) == (1, frozenset())
    room.pass_time(2 * MINUTE)
    room.world.begin(1)
    room.pass_time(20 * MINUTE)
    assert [one.elapsed_s for one in (await room.collect()).running] == [1200]
    room.world.end(1)
    assert (await room.collect()).settled == {"nh-1"}
    assert [(one.state, one.elapsed_s, one.amount_minor) for one in room.charges()] == [
        ("REQUEUED", 600, 2000),
        ("COMPLETED", 1200, 4000),
    ]


async def test_first_segment_of_a_start_is_free_if_only_the_second_became_ready(room: Workroom) -> None:
    room.start("nh-1", ready_at=None)
    room.world.begin(1)
    room.pass_time(MINUTE)
    room.world.requeue(1)
    room.pass_time(2 * MINUTE)
    room.world.begin(1)
    room.ledger.note_ready("nh-1", room.world.now)
    room.pass_time(MINUTE)
    room.world.end(1)
    await room.collect()
    assert [(one.why_free, one.amount_minor) for one in room.charges()] == [
        (WhyFree.START_FAILED, 0),
        (WhyFree.NOTHING, 200),
    ]


@pytest.mark.parametrize("state", [JobState.REQUEUED, JobState.NODE_FAIL])
async def test_segment_to_come_keeps_the_start_open_though_accounting_is_silent_of_it(
    room: Workroom, state: JobState
) -> None:
    room.start("nh-1")
    room.world.begin(1)
    room.pass_time(10 * MINUTE)
    room.world.end(1, state)
    room.world.lag = HOUR
    room.world.requeue(1)
    done = await room.collect()
    assert (len(done.charges), done.settled) == (1, frozenset())


async def test_requeued_job_that_vanishes_holds_no_money_for_ever(room: Workroom) -> None:
    room.start("nh-1")
    room.world.begin(1)
    room.pass_time(MINUTE)
    room.world.end(1, JobState.REQUEUED)
    room.world.hide(1)
    assert (await room.collect()).closed == frozenset()
    room.pass_time(LOST)
    assert (await room.collect()).closed == {"nh-1"}
    assert len(room.charges()) == 1


async def test_segment_that_comes_after_the_one_that_followed_it(room: Workroom) -> None:
    room.start("nh-1")
    room.world.begin(1)
    room.pass_time(10 * MINUTE)
    room.world.lag = HOUR
    room.world.end(1, JobState.REQUEUED)
    room.world._told[:] = [(at, one) for at, one in room.world._told if one.state is JobState.REQUEUED]
    room.world.lag = timedelta(0)
    room.world.requeue(1)
    room.world._told[:] = [(at, one) for at, one in room.world._told if one.submitted_at != NOON or at > NOON + HOUR]
    room.world.begin(1)
    room.pass_time(20 * MINUTE)
    room.world.end(1)
    assert (await room.collect()).settled == {"nh-1"}
    room.pass_time(45 * MINUTE)
    (late,) = (await room.collect()).charges
    assert (late.submitted_at, late.elapsed_s) == (NOON, 600)
    assert [one.elapsed_s for one in room.charges()] == [600, 1200]


async def test_job_that_its_user_lets_run_again_after_it_was_settled(room: Workroom) -> None:
    await room.run_job("nh-1")
    assert (await room.collect()).settled == {"nh-1"}
    room.world.change(1, submitted_at=room.world.now, started_at=None, ended_at=None, state=JobState.PENDING)
    room.world.begin(1)
    room.pass_time(10 * MINUTE)
    (running,) = (await room.collect()).running
    assert room.ledger.fetch_running() == [running]
    assert room.held() > 0
    room.pass_time(5 * HOUR)
    await room.collect()
    room.world.end(1)
    done = await room.collect()
    (late,) = done.charges
    assert (late.elapsed_s, late.amount_minor) == (5 * 3600 + 600, 62000)
    assert done.settled == {"nh-1"}
    assert room.held() == 0


async def test_job_that_its_user_lets_wait_again_for_long_after_it_was_settled(room: Workroom) -> None:
    await room.run_job("nh-1")
    await room.collect()
    room.world.change(1, submitted_at=room.world.now, started_at=None, ended_at=None, state=JobState.PENDING)
    for _ in range(5):  # scontrol requeuehold, under another name
        await room.collect()
        room.pass_time(HOUR)
    room.world.change(1, name="mine")
    room.world.begin(1)
    room.pass_time(HOUR)
    await room.collect()
    room.world.end(1)
    (late,) = (await room.collect()).charges
    assert (late.elapsed_s, late.job_name) == (3600, "nh-1")


async def test_id_of_a_settled_job_that_its_user_was_given_again(room: Workroom) -> None:
    await room.run_job("nh-1")
    await room.collect()
    room.world.lose(1)  # accounting as well
    room.pass_time(30 * MINUTE)
    room.world.change(1, name="other", submitted_at=room.world.now)
    room.world.begin(1)
    assert await room.collect() == Collected()


async def test_cancelled_while_it_waited_costs_nothing(room: Workroom) -> None:
    room.start("nh-1")
    room.world.change(1, partition="v100,a100")  # its user let it wait for several
    room.world.end(1, JobState.CANCELLED)
    assert (await room.collect()).settled == {"nh-1"}
    (charge,) = room.charges()
    assert (charge.why_free, charge.amount_minor, charge.queue) == (WhyFree.NEVER_RAN, 0, "v100")


async def test_renamed_and_moved_job_is_charged_by_what_it_got(room: Workroom) -> None:
    room.start("nh-1", queue="jupyter", rate=make_start("x").rate)
    room.world.change(1, name="something-else", partition="a100")
    room.world.begin(1)
    room.pass_time(HOUR)
    room.world.end(1)
    await room.collect()
    assert [(one.queue, one.units, one.amount_minor) for one in room.charges()] == [("a100", 16, 31992)]


async def test_job_of_another_with_the_same_name_or_id_is_not_charged(room: Workroom) -> None:
    room.start("nh-1", known=False)
    theirs = room.world.submit("nh-1", user="eve")
    copied = room.world.submit("nh-1")  # of the same user, later
    room.world.begin(theirs)
    room.world.begin(copied)
    room.pass_time(HOUR)
    room.world.end(theirs)
    room.world.end(copied)
    assert (await room.collect()).charges == ()
    start = room.ledger.find_start("nh-1")
    assert start is not None
    assert start.job_id == 1
    room.world.change(1, user="eve", name="other")  # Slurm lost ours and gave the id out again
    room.world.begin(1)
    room.world.end(1)
    assert (await room.collect()).charges == ()


async def test_id_that_the_hub_could_not_note_is_found_by_the_name(room: Workroom) -> None:
    room.start("nh-1", known=False)
    room.world.begin(1)
    await room.collect()
    room.world.change(1, name="renamed")
    room.pass_time(HOUR)
    room.world.end(1)
    assert (await room.collect()).settled == {"nh-1"}
    assert room.world.asked == [((), ("nh-1",)), ((1,), ())]
    assert [charge.job_name for charge in room.charges()] == ["nh-1"]


async def test_accounting_that_is_away_changes_nothing_and_catches_up(room: Workroom) -> None:
    await room.run_job("nh-1")
    room.world.accounting_away = True
    with pytest.raises(SlurmUnavailable):
        await room.collect()
    assert room.charges() == []
    assert [start.job_name for start in room.ledger.fetch_open()] == ["nh-1"]
    room.world.accounting_away = False
    done = await room.collect()
    assert (len(done.charges), done.settled) == (1, frozenset())  # its records may be in pieces
    room.pass_time(STEADY)
    assert (await room.collect()).settled == {"nh-1"}


async def test_record_in_pieces_is_waited_for(room: Workroom) -> None:
    await room.run_job("nh-1")
    whole = room.world._current[1]
    for changes in (
        {"ended_at": None, "state": JobState.FAILED},
        {"name": "allocation", "partition": "", "nodes": 0},
        {"nodes": 0, "billing": 0},
        {"state": JobState.PENDING},
        {"state": JobState.UNKNOWN},
    ):
        room.world.change(1, **changes)
        done = await room.collect()
        assert (done.charges, done.settled, done.unpriced) == ((), frozenset(), ())
        room.world._set(whole)
    assert len((await room.collect()).charges) == 1


async def test_ledger_that_is_away_loses_nothing(room: Workroom, monkeypatch: pytest.MonkeyPatch) -> None:
    await room.run_job("nh-1")

    def refuse(*_: object, **__: object) -> list[Charge]:
        raise LedgerUnavailable("The database does not answer.")

    for method in ("fetch_open", "fetch_charges", "fetch_away", "charge"):
        with monkeypatch.context() as patch:
            patch.setattr(room.ledger, method, refuse)
            with pytest.raises(LedgerUnavailable):
                await room.collect()
        assert room.charges() == []
    assert (await room.collect()).settled == {"nh-1"}


@pytest.mark.parametrize("method", ["note_job", "charge", "note_running"])
@pytest.mark.parametrize("written", [False, True])
async def test_killed_in_the_middle_and_begun_anew(
    room: Workroom, method: str, written: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    room.start("nh-1", known=False)
    room.start("nh-2")
    for number in (1, 2):
        room.world.begin(number)
    room.pass_time(HOUR)
    room.world.end(1)
    original = getattr(room.ledger, method)

    def die(*arguments: object, **named: object) -> None:
        if written:
            original(*arguments, **named)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(room.ledger, method, die)
        with pytest.raises(Killed):
            await room.collect()
    room.restart()
    await room.collect()
    room.pass_time(STEADY)
    room.world.end(2)
    await room.collect()
    assert sorted((one.job_name, one.elapsed_s) for one in room.charges()) == [("nh-1", 3600), ("nh-2", 3660)]
    assert room.ledger.fetch_open() == []


async def test_start_that_was_never_submitted_is_closed_after_good_answers_only(room: Workroom) -> None:
    room.ledger.open_starts([make_start("nh-1")], policy="allow")
    assert room.held() == 12000
    await room.collect()
    room.pass_time(NEVER_SUBMITTED - SECOND)
    assert (await room.collect()).closed == frozenset()
    room.world.controller_away = True
    room.pass_time(HOUR)
    assert (await room.collect()).closed == frozenset()
    room.world.controller_away = False
    assert (await room.collect()).closed == frozenset()
    room.pass_time(NEVER_SUBMITTED)
    assert (await room.collect()).closed == {"nh-1"}
    assert room.held() == 0
    assert room.charges() == []


async def test_job_that_squeue_still_shows_ended_was_submitted(room: Workroom) -> None:
    room.start("nh-1", known=False)
    room.world.lag = 2 * HOUR
    room.world.end(1, JobState.CANCELLED)
    room.world._told.pop(0)
    for _ in range(3):
        assert (await room.collect()).closed == frozenset()
        room.pass_time(NEVER_SUBMITTED)
    room.pass_time(2 * HOUR)
    assert (await room.collect()).settled == {"nh-1"}


async def test_job_with_an_id_that_slurm_has_lost_is_waited_for_longer(room: Workroom) -> None:
    room.start("nh-1")
    room.world.lose(1)
    await room.collect()
    room.pass_time(LOST - SECOND)
    assert (await room.collect()).closed == frozenset()
    room.pass_time(SECOND)
    assert (await room.collect()).closed == {"nh-1"}


async def test_record_that_changes_after_its_charge_changes_no_charge(room: Workroom) -> None:
    await room.run_job("nh-1")
    await room.collect()
    before = room.charges()
    room.world.change(1, elapsed_s=1, state=JobState.NODE_FAIL)
    assert (await room.collect()).charges == ()
    assert room.charges() == before


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("jump", [timedelta(days=-400), timedelta(days=400)])
async def test_clock_of_the_hub_that_jumps(room: Workroom, jump: timedelta, known: bool) -> None:
    room.start("nh-1", noted_at=NOON + jump, known=known)
    room.world.begin(1)
    room.pass_time(HOUR)
    room.world.end(1)
    assert (await room.collect()).settled == {"nh-1"}
    assert [charge.amount_minor for charge in room.charges()] == [12000]


@pytest.mark.parametrize(
    "changes",
    [{"ended_at": NOON - SECOND}, {"elapsed_s": 3601}, {"partition": "unknown"}],
)
async def test_what_cannot_be_priced_stays_open_and_is_told_once(
    room: Workroom, changes: dict[str, datetime | int | str], caplog: pytest.LogCaptureFixture
) -> None:
    await room.run_job("nh-1")
    room.world.change(1, **changes)
    await room.run_job("nh-2")
    for _ in range(3):
        done = await room.collect()
        assert (len(done.unpriced), "nh-1" in done.settled) == (1, False)
    assert caplog.text.count("A job cannot be charged") == 1
    assert [charge.job_name for charge in room.charges()] == ["nh-2"]
    assert [start.job_name for start in room.ledger.fetch_open()] == ["nh-1"]


async def test_thousand_jobs_at_once_are_one_question(room: Workroom) -> None:
    starts = [make_start(f"nh-{number}", job_id=number, ready_at=NOON) for number in range(1, 1001)]
    room.ledger.open_starts(starts, policy="allow")
    for start in starts:
        room.world.begin(room.world.submit(start.job_name))
    room.pass_time(MINUTE)
    assert len((await room.collect()).running) == 1000
    for number in range(1, 1001):
        room.world.end(number)
    done = await room.collect()
    assert (len(done.charges), len(done.settled)) == (1000, 1000)
    assert sum(charge.amount_minor for charge in room.charges()) == 1000 * 200
    assert len(room.world.asked) == 2


def test_running_collector_goes_on_after_every_kind_of_trouble(
    room: Workroom, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
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
        running = asyncio.create_task(room.collector.run())
        await over.wait()
        running.cancel()
        return asyncio.get_running_loop().time()

    monkeypatch.setattr(room.collector, "collect", collect)
    caplog.set_level("INFO", "neuronhub.billing.collector")
    passed_s = run_virtually(main()) - 1000.0
    assert passed_s == 30 * (count - 1)
    assert [record.message for record in caplog.records if record.name == "neuronhub.billing.collector"] == [
        "Jobs are charged later: away",
        "Jobs could not be charged in an unexpected way; trying again.",
        "Jobs are charged later: down",
        "Jobs are charged again.",
    ]
