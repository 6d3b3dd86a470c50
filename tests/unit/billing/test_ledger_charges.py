"""Charges in the ledger: each segment once, whatever is offered twice, late or out of order; and who may see which."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from tests.unit.billing.entries import HOUR, NOON, make_charge, make_start

from neuronhub.billing.ledger import Ledger
from neuronhub.billing.types import Charge, Filter, Rate, Start, Unit, WhyFree
from neuronhub.errors import EntryRefused

EVERYTHING = Filter()


def open_starts(ledger: Ledger, *names: str, user: str = "ada", account: str = "physics") -> list[Start]:
    starts = [make_start(name, user=user, account=account) for name in names]
    ledger.open_starts(starts, policy="allow")
    return starts


def bare(charge: Charge) -> Charge:
    """Without what the ledger adds."""
    return replace(charge, id=None, charged_at=None)


def test_a_charge_is_found_as_it_was_written(ledger: Ledger) -> None:
    (start,) = open_starts(ledger, "s-1")
    offered = make_charge(
        start,
        7,
        restart=2,
        started_at=None,
        rate=Rate(Decimal("0.333333333333333333333"), Unit.CORE_HOUR, Decimal("12.5")),
        why_free=WhyFree.NEVER_RAN,
        amount_minor=0,
        billing=2**40,
    )
    (written,) = ledger.charge([offered])
    assert bare(written) == offered
    assert written.id is not None
    assert ledger.find_charge(written.id) == written
    assert ledger.fetch_charges(EVERYTHING) == [written]


def test_a_segment_is_charged_once_however_often_it_is_offered(ledger: Ledger) -> None:
    (start,) = open_starts(ledger, "s-1")
    charge = make_charge(start, 7)
    assert [bare(one) for one in ledger.charge([charge, charge])] == [charge]
    assert ledger.charge([charge]) == []
    assert ledger.charge([replace(charge, amount_minor=1, state="FAILED")]) == []
    assert [bare(one) for one in ledger.fetch_charges(EVERYTHING)] == [charge]


@pytest.mark.parametrize(
    "changes",
    [{"restart": 1}, {"submitted_at": NOON - HOUR}, {"job_id": 8}, {"cluster": "other"}],
    ids=lambda changes: next(iter(changes)),
)
def test_another_segment_is_another_charge(ledger: Ledger, changes: dict[str, object]) -> None:
    (start,) = open_starts(ledger, "s-1")
    charge = make_charge(start, 7)
    ledger.charge([charge])
    assert len(ledger.charge([replace(charge, **changes)])) == 1  # type: ignore[arg-type]


def test_any_order_and_any_overlap_of_windows_makes_the_same_ledger(ledger: Ledger) -> None:
    starts = open_starts(ledger, *(f"s-{n}" for n in range(20)))
    segments = [make_charge(start, 100 + n, restart=r) for n, start in enumerate(starts) for r in range(3)]
    chance = random.Random(5)
    told = 0
    while told < len(segments):
        window = chance.sample(segments, 25)
        told += len(ledger.charge(window))
    found = {(c.job_id, c.restart): bare(c) for c in ledger.fetch_charges(EVERYTHING)}
    assert found == {(c.job_id, c.restart): c for c in segments}
    assert ledger.balances(None)["physics"].charged_minor == 60 * 12000


def test_a_job_that_was_never_noted_is_not_charged(ledger: Ledger) -> None:
    (start,) = open_starts(ledger, "s-1")
    with pytest.raises(EntryRefused):
        ledger.charge([make_charge(start, 7), make_charge(make_start("s-9"), 8)], settled=["s-1"])
    assert ledger.fetch_charges(EVERYTHING) == []
    assert ledger.fetch_open() == [start]


def test_charging_and_settling_are_one(ledger: Ledger) -> None:
    ledger.grant("physics", 12000, by="root", note="2026", at=NOON)
    (start,) = open_starts(ledger, "s-1")
    ledger.charge([make_charge(start, 7, amount_minor=5000)], settled=["s-1"])
    balance = ledger.balances(["physics"])["physics"]
    assert (balance.left_minor, balance.held_minor, balance.available_minor) == (7000, 0, 7000)


def test_what_cannot_be_a_number_of_the_database_is_refused(ledger: Ledger) -> None:
    (start,) = open_starts(ledger, "s-1")
    with pytest.raises((EntryRefused, OverflowError)):
        ledger.charge([make_charge(start, 7, amount_minor=2**63)])
    assert ledger.fetch_charges(EVERYTHING) == []


def test_a_page_follows_the_one_before_even_where_all_ended_at_the_same_second(ledger: Ledger) -> None:
    starts = open_starts(ledger, *(f"s-{n}" for n in range(10)))
    ends = [NOON + HOUR * (n // 4) for n in range(10)]
    ledger.charge([make_charge(start, n, ended_at=ends[n]) for n, start in enumerate(starts)])
    whole = ledger.fetch_charges(EVERYTHING)
    assert [charge.ended_at for charge in whole] == ends
    pages: list[Charge] = []
    while page := ledger.fetch_charges(EVERYTHING, limit=3, after=pages[-1].id if pages else None):
        pages += page
    assert pages == whole
    backwards: list[Charge] = []
    while page := ledger.fetch_charges(
        EVERYTHING, limit=4, after=backwards[-1].id if backwards else None, newest_first=True
    ):
        backwards += page
    assert backwards == whole[::-1]


def test_a_period_begins_with_its_first_moment_and_ends_before_its_last(ledger: Ledger) -> None:
    starts = open_starts(ledger, "s-0", "s-1", "s-2")
    ledger.charge([make_charge(start, n, ended_at=NOON + n * HOUR) for n, start in enumerate(starts)])
    found = ledger.fetch_charges(Filter(since=NOON, until=NOON + 2 * HOUR))
    assert [charge.job_id for charge in found] == [0, 1]
    later = Filter(since=NOON + timedelta(microseconds=1), until=NOON + 2 * HOUR)
    assert [charge.job_id for charge in ledger.fetch_charges(later)] == [1]


@pytest.mark.parametrize(
    ("where", "seen"),
    [
        (EVERYTHING, {1, 2, 3}),
        (Filter(users=frozenset({"ada"})), {1, 2}),
        (Filter(accounts=frozenset({"physics"})), {1, 3}),
        (Filter(users=frozenset({"ada"}), accounts=frozenset({"physics"})), {1}),
        (Filter(users=frozenset()), set()),
        (Filter(visible_users=frozenset({"bob"})), {3}),
        (Filter(visible_users=frozenset({"bob"}), visible_accounts=frozenset({"chemistry"})), {2, 3}),
        (Filter(visible_users=frozenset(), visible_accounts=frozenset()), set()),
        (Filter(visible_users=frozenset({"bob"}), users=frozenset({"ada"})), set()),
        (Filter(visible_users=frozenset({"bob"}), job_id=1), set()),
        (Filter(job_id=2), {2}),
        (Filter(queue="v100"), {1, 2, 3}),
        (Filter(queue="v100' OR 1=1 --"), set()),
    ],
)
def test_a_reader_sees_what_was_asked_for_and_may_be_seen(ledger: Ledger, where: Filter, seen: set[int]) -> None:
    people = {1: ("ada", "physics"), 2: ("ada", "chemistry"), 3: ("bob", "physics")}
    for job_id, (user, account) in people.items():
        (start,) = open_starts(ledger, f"s-{job_id}", user=user, account=account)
        ledger.charge([make_charge(start, job_id)])
    assert {charge.job_id for charge in ledger.fetch_charges(where)} == seen
    assert sum(total.segments for total in ledger.sum_by_queue(where)) == len(seen)
    week = replace(where, since=NOON - 84 * HOUR, until=NOON + 84 * HOUR)
    assert {charge.job_id for charge in ledger.fetch_charges(week)} == seen
