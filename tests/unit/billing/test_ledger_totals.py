"""Sums of charges: what the database adds up is what Python adds up, day by day in the site's zone."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine
from tests.unit.billing.entries import NOON, make_charge, make_start

from neuronhub.billing.ledger import Ledger
from neuronhub.billing.types import Charge, Filter, Total

SEOUL, BERLIN, LORD_HOWE = ZoneInfo("Asia/Seoul"), ZoneInfo("Europe/Berlin"), ZoneInfo("Australia/Lord_Howe")
YEAR = Filter(since=datetime(2026, 1, 1, tzinfo=UTC), until=datetime(2027, 1, 1, tzinfo=UTC))


def fill(ledger: Ledger, count: int = 300) -> list[Charge]:
    """Random charges of a year, some of them corrected."""
    chance = random.Random(count)
    starts = [
        make_start(f"s-{n}", user=chance.choice("abc"), account=chance.choice("xyz"), queue=chance.choice("pq"))
        for n in range(count)
    ]
    ledger.open_starts(starts, policy="allow")
    charges = []
    for n, start in enumerate(starts):
        began_at = datetime(2025, 12, 28, tzinfo=UTC) + timedelta(seconds=chance.randrange(372 * 86400))
        elapsed_s = chance.randrange(200_000)
        charges.append(
            make_charge(
                start,
                n,
                submitted_at=began_at - timedelta(seconds=chance.randrange(1000)),
                started_at=chance.choice([began_at, began_at, None]),
                ended_at=began_at + timedelta(seconds=elapsed_s),
                elapsed_s=elapsed_s,
                away_s=chance.randrange(elapsed_s + 1),
                charged_s=chance.randrange(elapsed_s + 1),
                amount_minor=chance.randrange(10**12),
                nodes=chance.randrange(4),
            )
        )
    written = ledger.charge(charges)
    for charge in chance.sample(written, count // 10):
        for part in (2, 3):
            assert charge.id is not None
            ledger.correct(charge.id, charge.amount_minor // (2 * part) + 1, by="root", note="why", at=NOON)
    return ledger.fetch_charges(YEAR)


def add_up(ledger: Ledger, charges: list[Charge], key_of: Callable[[Charge], tuple[str, str]]) -> list[Total]:
    """The same by Python."""
    corrected: dict[int | None, int] = defaultdict(int)
    for credit in ledger.fetch_credits():
        corrected[credit.charge_id] += credit.amount_minor
    groups: dict[tuple[str, str], list[Charge]] = defaultdict(list)
    for charge in charges:
        groups[key_of(charge)].append(charge)
    return [
        Total(
            key=key,
            queue=queue,
            segments=len(group),
            waited_s=sum(int(((c.started_at or c.ended_at) - c.submitted_at).total_seconds()) for c in group),
            elapsed_s=sum(c.elapsed_s for c in group),
            away_s=sum(c.away_s for c in group),
            charged_s=sum(c.charged_s for c in group),
            node_s=sum(c.nodes * c.elapsed_s for c in group),
            gpu_s=sum(c.gpus * c.elapsed_s for c in group),
            cpu_s=sum(c.cpus * c.elapsed_s for c in group),
            amount_minor=sum(c.amount_minor for c in group),
            corrected_minor=sum(corrected[c.id] for c in group),
        )
        for (key, queue), group in sorted(groups.items())
    ]


def test_sums_are_those_of_the_charges(ledger: Ledger) -> None:
    charges = fill(ledger)
    assert 250 < len(charges) < 300, "some lie outside of the year"
    assert ledger.sum_by_user(YEAR) == add_up(ledger, charges, lambda c: (c.user, ""))
    assert ledger.sum_by_queue(YEAR) == add_up(ledger, charges, lambda c: (c.queue, c.queue))
    mine = replace(YEAR, visible_users=frozenset("a"), visible_accounts=frozenset("x"))
    seen = [charge for charge in charges if charge.user == "a" or charge.account == "x"]
    assert ledger.sum_by_user(mine) == add_up(ledger, seen, lambda c: (c.user, ""))


@pytest.mark.parametrize("zone", [UTC, SEOUL, BERLIN, LORD_HOWE], ids=str)
def test_days_are_those_of_the_zone(ledger: Ledger, zone: ZoneInfo) -> None:
    charges = fill(ledger, 100)
    by_day = add_up(ledger, charges, lambda c: (c.ended_at.astimezone(zone).date().isoformat(), c.queue))
    assert ledger.sum_by_day(YEAR, zone) == by_day


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-07-01", 24)])
def test_a_day_is_as_long_as_its_clock_says(ledger: Ledger, day: str, hours: int) -> None:
    start = make_start("s-1")
    ledger.open_starts([start], policy="allow")
    midnight = datetime.fromisoformat(day).replace(tzinfo=BERLIN).astimezone(UTC)
    ends = [midnight + timedelta(minutes=30 * n - 15) for n in range(2 * hours + 2)]
    ledger.charge([make_charge(start, n, ended_at=end) for n, end in enumerate(ends)])
    segments = {total.key: total.segments for total in ledger.sum_by_day(YEAR, BERLIN)}
    assert len(segments) == 3
    assert segments[day] == 2 * hours


def test_a_job_across_midnight_counts_on_the_day_on_which_it_ended(ledger: Ledger) -> None:
    start = make_start("s-1")
    ledger.open_starts([start], policy="allow")
    midnight = datetime(2026, 12, 1, tzinfo=SEOUL)
    ends = [midnight - timedelta(seconds=1), midnight]
    ledger.charge([make_charge(start, n, ended_at=end) for n, end in enumerate(ends)])
    assert [(total.key, total.segments) for total in ledger.sum_by_day(YEAR, SEOUL)] == [
        ("2026-11-30", 1),
        ("2026-12-01", 1),
    ]


def test_nothing_adds_up_to_no_rows(ledger: Ledger) -> None:
    assert ledger.sum_by_day(YEAR, SEOUL) == ledger.sum_by_queue(Filter()) == []


def test_days_need_a_beginning_and_an_end(ledger: Ledger) -> None:
    with pytest.raises(ValueError, match="from a moment until a moment"):
        ledger.sum_by_day(Filter(since=NOON), SEOUL)


def test_each_sum_is_one_statement(ledger: Ledger) -> None:
    fill(ledger, 20)
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        statements.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        ledger.sum_by_day(YEAR, SEOUL)
        ledger.sum_by_user(YEAR)
        ledger.balances(None)
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    asked = [statement for statement in statements if not statement.startswith("BEGIN")]
    assert len(asked) == 3, asked
