"""Statements add up, whatever is in them, and one month opens with what the month before has left."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from tests.unit.billing.entries import HOUR, make_charge, make_start

from neuronhub.billing import statement
from neuronhub.billing.ledger import Ledger
from neuronhub.billing.period import Month
from neuronhub.billing.statement import Statement, fetch_own_statement, fetch_statement

SEOUL = ZoneInfo("Asia/Seoul")
NOVEMBER = Month(2026, 11)
MONTHS = [Month(2026, 9).shift(n) for n in range(4)]


def fill(ledger: Ledger) -> None:
    """A quarter of charges, grants and corrections, at random."""
    chance = random.Random(7)
    begin = MONTHS[0].since(SEOUL)
    for _ in range(6):
        at = begin + timedelta(seconds=chance.randrange(110 * 86400))
        ledger.grant("physics", chance.randrange(1, 10**9), by="root", note="a grant", at=at)
    starts = [make_start(f"s-{n}", user=chance.choice(["ada", "emmy"]), queue=chance.choice("pq")) for n in range(200)]
    ledger.open_starts(starts, policy="allow")
    charges = []
    for n, start in enumerate(starts):
        ended_at = begin + timedelta(seconds=chance.randrange(115 * 86400))
        charge = make_charge(start, n, ended_at=ended_at, amount_minor=chance.randrange(10**7))
        charges.append(replace(charge, submitted_at=ended_at - HOUR, started_at=ended_at - HOUR))
    for charge in ledger.charge(charges)[:20]:
        assert charge.id is not None
        at = charge.ended_at + timedelta(days=chance.randrange(20))
        ledger.correct(charge.id, charge.amount_minor // 2 + 1, by="root", note="half", at=at)


def assert_adds_up(found: Statement) -> None:
    assert found.opening_minor + found.credited_minor - found.total.amount_minor == found.closing_minor
    for lines in (found.by_queue, found.by_user):
        assert sum(line.amount_minor for line in lines) == found.total.amount_minor
        assert sum(line.jobs for line in lines) == found.total.jobs
        assert sum(line.charged_s for line in lines) == found.total.charged_s


def test_months_add_up_to_the_balance(ledger: Ledger) -> None:
    fill(ledger)
    statements = [fetch_statement(ledger, "physics", month, SEOUL) for month in MONTHS]
    left = 0
    for found in statements:
        assert found.opening_minor == left
        assert_adds_up(found)
        assert sum(charge.amount_minor for charge in found.charges) == found.total.amount_minor
        left = found.closing_minor
    assert left == ledger.balances(["physics"])["physics"].left_minor
    assert sum(found.total.jobs for found in statements) == 200


def test_too_many_jobs_are_summed_up_and_not_listed(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(ledger)
    listed = fetch_statement(ledger, "physics", NOVEMBER, SEOUL)
    monkeypatch.setattr(statement, "MOST_LISTED", len(listed.charges) - 1)
    summed = fetch_statement(ledger, "physics", NOVEMBER, SEOUL)
    assert summed == replace(listed, charges=())
    monkeypatch.setattr(statement, "MOST_LISTED", len(listed.charges))
    assert fetch_statement(ledger, "physics", NOVEMBER, SEOUL) == listed


def test_a_job_belongs_to_the_month_in_which_it_ended_on_site(ledger: Ledger) -> None:
    end = NOVEMBER.until(SEOUL)
    starts = [make_start("before"), make_start("after")]
    ledger.open_starts(starts, policy="allow")
    ledger.charge(
        [make_charge(starts[0], 1, ended_at=end - timedelta(seconds=1)), make_charge(starts[1], 2, ended_at=end)]
    )
    assert [charge.job_id for charge in fetch_statement(ledger, "physics", NOVEMBER, SEOUL).charges] == [1]
    assert [charge.job_id for charge in fetch_statement(ledger, "physics", NOVEMBER.shift(1), SEOUL).charges] == [2]


def test_an_account_without_entries_has_nothing(ledger: Ledger) -> None:
    empty = fetch_statement(ledger, "nosuch", NOVEMBER, SEOUL)
    assert_adds_up(empty)
    assert (empty.opening_minor, empty.closing_minor, empty.charges, empty.credits) == (0, 0, (), ())


def test_ones_own_jobs_are_of_all_accounts_and_no_others(ledger: Ledger) -> None:
    starts = [make_start("a"), make_start("b", account="maths"), make_start("c", user="emmy")]
    ledger.open_starts(starts, policy="allow")
    ledger.charge([make_charge(start, n, amount_minor=10**n) for n, start in enumerate(starts)])
    found = fetch_own_statement(ledger, "ada", NOVEMBER, SEOUL)
    assert [charge.account for charge in found.charges] == ["physics", "maths"]
    assert found.total.amount_minor == 11
    assert_adds_up(replace(found, opening_minor=0))
    assert found.credits == ()


def test_amounts_far_beyond_floating_point_add_up(ledger: Ledger) -> None:
    huge = 10**15
    for n in range(3):
        ledger.grant("physics", huge, by="root", note="much", at=datetime(2026, 10, 1 + n, tzinfo=UTC))
    starts = [make_start("a"), make_start("b")]
    ledger.open_starts(starts, policy="allow")
    ledger.charge([make_charge(starts[0], 1, amount_minor=huge - 1), make_charge(starts[1], 2, amount_minor=1)])
    found = fetch_statement(ledger, "physics", NOVEMBER, SEOUL)
    assert (found.opening_minor, found.total.amount_minor, found.closing_minor) == (3 * huge, huge, 2 * huge)
