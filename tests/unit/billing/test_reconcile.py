"""Reconcile lists every way in which ledger and Slurm can differ, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from tests.unit.billing.books import Workroom
from tests.unit.billing.entries import HOUR, NOON, make_start
from tests.unit.billing.slurm_world import SECOND, make_site

from neuronhub.billing.differences import Difference, Kind
from neuronhub.billing.prices import make_charge
from neuronhub.billing.reconcile import reconcile
from neuronhub.billing.types import Charge, Rate, Unit, WhyFree
from neuronhub.errors import SlurmUnavailable
from neuronhub.slurm.types import JobState

SERVER = "nh-server-0123456789abcdef"
ENGINES = "nh-engines-0123456789abcdef-01234567-3"
DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)


async def look(
    room: Workroom,
    since: datetime = NOON - DAY,
    until: datetime = NOON + DAY,
    *,
    now: datetime | None = None,
    grace: timedelta | None = timedelta(0),
    billed: dict[str, int] | None = None,
    counted_before: dict[str, int] | None = None,
) -> list[Difference]:
    """Reconcile when everything has long ended, and slurmdbd has summed up what slurmctld has counted."""
    room.world.billed = dict(room.world.counters) if billed is None else billed
    return await reconcile(
        *(room.site, room.world, room.ledger, since, until),
        now=now or until,
        grace=grace,
        counted_before=counted_before,
    )


async def kinds(room: Workroom, **how: Any) -> list[Kind]:
    return [difference.kind for difference in await look(room, **how)]


def charge_as(room: Workroom, **changes: Any) -> Charge:
    """Charge the one job of the ledger, with ``changes``, and settle it."""
    (start,) = room.ledger.fetch_open()
    (usage,) = room.world.read()
    charge = replace(make_charge(start, usage, (), room.site), **changes)
    (written,) = room.ledger.charge([charge], settled=[start.job_name])
    return written


async def test_nothing_at_all(room: Workroom) -> None:
    assert await look(room) == []


async def test_all_that_can_happen_to_a_job_and_was_charged_is_no_difference(room: Workroom) -> None:
    await room.run_job(SERVER)
    await room.run_job(ENGINES, queue="a100", rate=Rate(make_site().queues[2].prices[0].amount, Unit.GPU_HOUR))
    await room.run_job("nh-server-0000000000000001", queue="jupyter", rate=Rate(Decimal(0), Unit.NODE_HOUR))
    room.start("nh-server-0000000000000002")
    room.world.begin(4)
    room.world.advance(HOUR)
    room.world.requeue(4, JobState.NODE_FAIL)
    room.world.change(4, name="renamed", partition="a100")
    room.world.begin(4)
    room.world.advance(HOUR)
    room.world.end(4, JobState.CANCELLED)
    room.start("nh-server-0000000000000003")
    room.world.change(5, partition="v100,a100")
    room.world.end(5, JobState.CANCELLED)
    room.world.submit("somebody-elses", user="eve")
    await room.collect()
    assert len(room.charges()) == 6
    assert await look(room, counted_before={}) == []


async def test_what_runs_or_has_just_ended_is_no_difference(room: Workroom) -> None:
    await room.run_job(SERVER)
    room.start("nh-server-0000000000000001")
    room.world.begin(2)
    room.start("nh-server-0000000000000002")
    now = room.world.now + SECOND
    assert await kinds(room, until=now, grace=None) == []
    assert await kinds(room, until=now, grace=timedelta(0)) == [Kind.NOT_CHARGED, Kind.NOT_SETTLED]
    assert Kind.COUNTERS not in await kinds(room, until=now, billed={"physics": 1}, counted_before={"physics": 1})


async def test_job_that_ended_without_a_charge(room: Workroom) -> None:
    await room.run_job(SERVER)
    first, second = await look(room)
    assert (first.kind, first.job_id, first.account) == (Kind.NOT_CHARGED, 1, "physics")
    assert (
        first.sentence
        == f"Job 1 of ada ({SERVER}) ended at {NOON + HOUR:%Y-%m-%dT%H:%M:%S}+00:00 in v100 and is not charged."
    )
    assert second.kind is Kind.NOT_SETTLED
    room.ledger.close_starts([SERVER])
    assert await kinds(room) == [Kind.NOT_CHARGED]
    room.world.change(1, name="renamed", partition="elsewhere")
    assert await kinds(room) == [Kind.NOT_CHARGED]


async def test_job_that_the_hub_never_noted(room: Workroom) -> None:
    room.world.submit(SERVER, user="eve")
    room.world.submit(ENGINES, user="eve")
    room.world.submit("nh-server-0123", user="eve")
    room.world.submit("other-server-0123456789abcdef", user="eve")
    found = await look(room)
    assert [(one.kind, one.job_id) for one in found] == [(Kind.NOT_NOTED, 1), (Kind.NOT_NOTED, 2)]


async def test_start_that_slurm_does_not_know(room: Workroom) -> None:
    room.ledger.open_starts([make_start(SERVER), make_start(ENGINES, job_id=7, settled=True)], policy="allow")
    assert await kinds(room) == [Kind.LOST, Kind.LOST]
    assert await kinds(room, until=NOON + 14 * MINUTE) == [Kind.LOST]  # the other one may be on its way
    room.ledger.close_starts([SERVER])  # never submitted, and the collector knows
    assert [one.job_id for one in await look(room)] == [7]


async def test_charge_that_slurm_does_not_know(room: Workroom) -> None:
    await room.run_job(SERVER)
    await room.collect()
    room.world._told.clear()
    assert await kinds(room, billed={}) == [Kind.LOST, Kind.UNKNOWN_TO_SLURM]


CHANGES: list[tuple[Kind, dict[str, Any]]] = [
    (Kind.WHOSE, {"account": "chemistry"}),
    (Kind.STATE, {"state": JobState.TIMEOUT}),
    (Kind.TIMES, {"started_at": NOON + SECOND}),
    (Kind.TIMES, {"ended_at": NOON + HOUR + SECOND}),
    (Kind.TIMES, {"elapsed_s": 3599}),
    (Kind.UNITS, {"nodes": 2}),
    (Kind.FREE, {"state": JobState.NODE_FAIL}),
]


@pytest.mark.parametrize(("kind", "changes"), CHANGES)
async def test_record_of_slurm_that_changed_after_the_charge(
    room: Workroom, kind: Kind, changes: dict[str, Any]
) -> None:
    await room.run_job(SERVER)
    await room.collect()
    room.world.change(1, **changes)
    found = [one for one in await look(room) if one.kind is not Kind.COUNTERS]
    assert kind in {one.kind for one in found}
    assert {(one.charge_id, one.job_id) for one in found} == {(room.charges()[0].id, 1)}


ENTRIES: list[tuple[set[Kind], dict[str, Any]]] = [
    ({Kind.AMOUNT}, {"amount_minor": 11999}),
    ({Kind.AMOUNT}, {"charged_s": 3599}),
    ({Kind.AWAY}, {"away_s": 60, "charged_s": 3540, "amount_minor": 11800}),
    ({Kind.UNITS, Kind.AMOUNT}, {"units": 2}),
    ({Kind.PRICE, Kind.AMOUNT}, {"rate": Rate(make_start("x").rate.amount + 1, Unit.NODE_HOUR)}),
    ({Kind.PRICE}, {"rate": replace(make_start("x").rate, discount_percent=Decimal(10)), "amount_minor": 10800}),
    ({Kind.FREE, Kind.AMOUNT}, {"why_free": WhyFree.NODE_FAILED}),
    ({Kind.FREE}, {"why_free": WhyFree.START_FAILED, "charged_s": 0, "amount_minor": 0}),
    ({Kind.WHOSE}, {"user": "bob"}),
    ({Kind.WHOSE, Kind.PRICE, Kind.UNITS}, {"queue": "a100", "units": 2}),
]


@pytest.mark.parametrize(("expected", "changes"), ENTRIES)
async def test_entry_of_the_ledger_that_is_wrong(room: Workroom, expected: set[Kind], changes: dict[str, Any]) -> None:
    await room.run_job(SERVER)
    charge_as(room, **changes)
    assert expected <= set(await kinds(room))


async def test_charge_that_ends_in_another_period_is_not_missing(room: Workroom) -> None:
    await room.run_job(SERVER)
    charge_as(room, ended_at=NOON + 3 * DAY)
    assert await kinds(room) == []  # it is listed where the ledger has it
    assert Kind.TIMES in await kinds(room, since=NOON + DAY, until=NOON + 4 * DAY)


async def test_price_that_was_changed_afterwards_in_the_site_file(room: Workroom) -> None:
    await room.run_job(SERVER)
    await room.collect()
    document = room.site.model_dump(mode="json")
    document["queues"][1]["prices"] = [{"amount": "9000"}]
    room.site = room.site.model_validate(document)
    (found,) = await look(room)
    assert found.kind is Kind.PRICE
    assert "12000 / node-hour" in found.sentence
    assert "9000 / node-hour" in found.sentence


async def test_counters_of_slurm(room: Workroom) -> None:
    await room.run_job(SERVER)
    room.world.submit("not-ours", user="eve", account="chemistry", queue="a100")
    room.world.begin(2)
    room.pass_time(HOUR)
    room.world.end(2)
    await room.collect()
    counted = {"physics": 3600 * 50, "chemistry": 3600 * 200}
    assert await kinds(room, billed=counted, counted_before={}) == []
    found = await look(room, billed=counted | {"physics": 1})
    assert [(one.kind, one.account) for one in found] == [(Kind.COUNTERS, "physics")]
    assert [one.account for one in await look(room, billed={"physics": 3600 * 50})] == ["chemistry"]
    assert [one.account for one in await look(room, counted_before={"physics": 1})] == ["physics"]


async def test_counters_of_the_hours_in_which_a_job_crosses_the_border(room: Workroom) -> None:
    await room.run_job(SERVER, timedelta(hours=3))
    await room.collect()

    async def middle(seconds: int) -> list[Kind]:
        since, until = NOON + timedelta(minutes=40), NOON + timedelta(hours=2, minutes=50)
        return await kinds(room, since=since, until=until, now=NOON + DAY, billed={"physics": seconds * 50})

    assert await middle(3600) == []
    assert await middle(3601) == [Kind.COUNTERS]
    room.world.change(1, elapsed_s=10000)  # it was suspended, who knows when
    assert await middle(1) == []


@pytest.mark.parametrize("away", ["accounting_away", "controller_away"])
async def test_silence_is_no_answer(room: Workroom, away: str) -> None:
    setattr(room.world, away, True)
    with pytest.raises(SlurmUnavailable):
        await look(room, counted_before={})


async def test_moments_are_those_of_any_zone(room: Workroom) -> None:
    await room.run_job(SERVER)
    await room.collect()
    zone = make_site().billing.zone  # type: ignore[union-attr]
    since = NOON.astimezone(zone)
    assert await kinds(room, since=since, until=since + DAY) == []
    assert NOON.tzinfo is UTC
