"""Starts in the ledger: noted once, found again, settled; and last figures of what runs."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy.exc import StatementError
from tests.unit.billing.entries import NOON, make_charge, make_start

from neuronhub.billing.ledger import Ledger
from neuronhub.billing.types import Filter, Rate, Running, Start, Unit, Use
from neuronhub.errors import BudgetExceeded

MINUTE = timedelta(minutes=1)


def run(start: Start, job_id: int, elapsed_s: int = 60) -> Running:
    return Running(start, job_id, NOON, elapsed_s, units=1, seen_at=NOON + timedelta(seconds=elapsed_s))


def test_a_start_is_found_as_it_was_noted(ledger: Ledger) -> None:
    rate = Rate(Decimal("0.10000000000000000000000000001"), Unit.GPU_HOUR, Decimal("33.3333"))
    start = make_start("s-1", rate=rate, noted_at=NOON + timedelta(microseconds=1))
    ledger.open_starts([start], policy="allow")
    assert ledger.find_start("s-1") == start
    assert ledger.find_start("s-2") is None


def test_times_of_any_zone_are_kept_in_utc(ledger: Ledger) -> None:
    ledger.open_starts([make_start("s-1", noted_at=NOON.astimezone(ZoneInfo("Asia/Seoul")))], policy="allow")
    found = ledger.find_start("s-1")
    assert found is not None
    assert found.noted_at.isoformat() == "2026-11-23T12:00:00+00:00"


def test_a_time_without_a_zone_is_refused_not_guessed(ledger: Ledger) -> None:
    with pytest.raises(StatementError, match="has no time zone"):
        ledger.open_starts([make_start("s-1", noted_at=NOON.replace(tzinfo=None))], policy="allow")


def test_a_name_that_is_there_stays_as_it_is(ledger: Ledger) -> None:
    ledger.open_starts([make_start("s-1")], policy="allow")
    ledger.note_job("s-1", 7)
    ledger.open_starts([make_start("s-1", user="eve", most_minor=0), make_start("s-2")], policy="allow")
    assert ledger.find_start("s-1") == make_start("s-1", job_id=7)
    assert ledger.find_start("s-2") == make_start("s-2")


def test_only_the_first_time_ready_counts(ledger: Ledger) -> None:
    ledger.open_starts([make_start("s-1")], policy="allow")
    ledger.note_ready("s-1", NOON + MINUTE)
    ledger.note_ready("s-1", NOON + 2 * MINUTE)
    assert ledger.find_start("s-1") == make_start("s-1", ready_at=NOON + MINUTE)


def test_a_name_that_was_never_noted_changes_nothing(ledger: Ledger) -> None:
    ledger.note_job("s-9", 7)
    ledger.note_ready("s-9", NOON)
    ledger.close_starts(["s-9"])
    assert ledger.fetch_open() == []


def test_what_is_open_comes_the_oldest_first_without_what_is_settled(ledger: Ledger) -> None:
    starts = [make_start(f"s-{n}", noted_at=NOON - n * MINUTE) for n in range(4)]
    ledger.open_starts(starts, policy="allow")
    ledger.close_starts(["s-1"])
    ledger.close_starts(["s-2"])
    assert ledger.fetch_open() == [starts[3], starts[0]]


def test_a_group_is_the_server_and_its_engines(ledger: Ledger) -> None:
    server = make_start("s-1")
    engines = make_start("e-1", use=Use.ENGINES, server="s-1", noted_at=NOON + MINUTE)
    ledger.open_starts([engines, make_start("s-2"), server], policy="allow")
    ledger.close_starts(["e-1"])
    assert ledger.fetch_group("s-1") == [server, replace(engines, settled=True)]


def test_the_latest_figures_of_a_running_job_replace_those_before(ledger: Ledger) -> None:
    starts = [make_start("s-1", job_id=7), make_start("s-2", job_id=8, user="bob", account="chemistry")]
    ledger.open_starts(starts, policy="allow")
    ledger.note_running([run(starts[0], 7), run(starts[1], 8)])
    ledger.note_running([run(starts[0], 7, elapsed_s=120)])
    assert ledger.fetch_running() == [run(starts[0], 7, elapsed_s=120), run(starts[1], 8)]
    assert ledger.fetch_running(Filter(users=frozenset({"bob"}))) == [run(starts[1], 8)]
    assert ledger.fetch_running(Filter(visible_accounts=frozenset({"physics"}))) == [run(starts[0], 7, 120)]
    assert ledger.fetch_running(servers=["s-2"]) == [run(starts[1], 8)]
    assert ledger.fetch_running(servers=[]) == []


def test_figures_of_a_segment_end_with_its_charge_and_with_its_start(ledger: Ledger) -> None:
    starts = [make_start("s-1"), make_start("s-2"), make_start("s-3")]
    ledger.open_starts(starts, policy="allow")
    ledger.note_running([run(start, 7) for start in starts])
    ledger.charge([make_charge(starts[0], 7)])
    ledger.close_starts(["s-1", "s-2"])
    assert [one.start.job_name for one in ledger.fetch_running()] == ["s-3"]


def test_a_start_that_costs_more_than_is_available_is_refused_with_what_is_left(ledger: Ledger) -> None:
    ledger.grant("physics", 20000, by="root", note="2026", at=NOON)
    ledger.open_starts([make_start("s-1")], policy="refuse")
    with pytest.raises(BudgetExceeded) as refused:
        ledger.open_starts([make_start("s-2", most_minor=8001)], policy="refuse")
    assert (refused.value.account, refused.value.available_minor) == ("physics", 8000)
    assert ledger.find_start("s-2") is None
    ledger.open_starts([make_start("s-2", most_minor=8000)], policy="refuse")
    assert ledger.balances(["physics"])["physics"].available_minor == 0


def test_several_starts_are_admitted_together_or_not_at_all(ledger: Ledger) -> None:
    ledger.grant("physics", 20000, by="root", note="2026", at=NOON)
    with pytest.raises(BudgetExceeded):
        ledger.open_starts([make_start("e-1"), make_start("e-2")], policy="refuse")
    assert ledger.fetch_open() == []


def test_asking_again_for_the_same_start_is_not_paid_twice(ledger: Ledger) -> None:
    ledger.grant("physics", 12000, by="root", note="2026", at=NOON)
    ledger.open_starts([make_start("s-1"), make_start("s-1")], policy="refuse")
    ledger.open_starts([make_start("s-1")], policy="refuse")
    assert ledger.balances(["physics"])["physics"].held_minor == 12000


@pytest.mark.parametrize("policy", ["warn", "allow"])
def test_other_policies_let_a_budget_be_overdrawn(ledger: Ledger, policy: str) -> None:
    ledger.open_starts([make_start("s-1")], policy=policy)
    assert ledger.balances(["physics"])["physics"].available_minor == -12000


def test_a_free_start_needs_no_budget_even_where_it_is_overdrawn(ledger: Ledger) -> None:
    ledger.open_starts([make_start("s-1")], policy="allow")
    free = make_start("s-2", queue="jupyter", rate=Rate(Decimal(0), Unit.NODE_HOUR), most_minor=0)
    ledger.open_starts([free, replace(free, job_name="s-3", account="")], policy="refuse")
    assert len(ledger.fetch_open()) == 3
