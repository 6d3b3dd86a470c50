"""Budgets in the ledger: what people may write, what is refused, and what is left."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.unit.billing.entries import NOON, make_charge, make_start

from neuronhub.billing.ledger import Ledger
from neuronhub.billing.money import MOST_MINOR
from neuronhub.billing.types import Balance, Charge, Credit, Running
from neuronhub.errors import EntryRefused

DAY = timedelta(days=1)


def charge(ledger: Ledger, amount_minor: int = 12000) -> Charge:
    start = make_start("s-1")
    ledger.open_starts([start], policy="allow")
    (written,) = ledger.charge([make_charge(start, 7, amount_minor=amount_minor)], settled=["s-1"])
    return written


def give_back(ledger: Ledger, written: Charge, amount_minor: int, note: str = "node was slow") -> Credit:
    assert written.id is not None
    return ledger.correct(written.id, amount_minor, by="root", note=note, at=NOON)


def test_a_grant_is_kept_with_who_when_and_why(ledger: Ledger) -> None:
    written = ledger.grant("physics", 1_000_000, by="root", note="  2026, first half ", at=NOON)
    assert written == Credit("physics", 1_000_000, "grant", "root", "2026, first half", NOON, None, written.id)
    assert ledger.fetch_credits("physics") == [written]


@pytest.mark.parametrize("amount", [0, -1, -(10**15), MOST_MINOR + 1, 2**63])
def test_an_absurd_grant_is_refused(ledger: Ledger, amount: int) -> None:
    with pytest.raises(EntryRefused, match="more than zero and at most"):
        ledger.grant("physics", amount, by="root", note="2026", at=NOON)
    assert ledger.balances(None) == {}


@pytest.mark.parametrize(
    "account", ["", " ", "-physics", "a b", "a\n", "=cmd", "물리", "a" * 65, "'; DROP TABLE credits"]
)
def test_what_is_no_account_is_refused(ledger: Ledger, account: str) -> None:
    with pytest.raises(EntryRefused, match="not the name of a Slurm account"):
        ledger.grant(account, 1, by="root", note="2026", at=NOON)


@pytest.mark.parametrize("note", ["", "   ", "two\nlines", "a\x00b", "x" * 1001, "right-to-left \u202e"])
def test_a_note_is_one_line_that_says_something(ledger: Ledger, note: str) -> None:
    with pytest.raises(EntryRefused, match="needs a note"):
        ledger.grant("physics", 1, by="root", note=note, at=NOON)
    with pytest.raises(EntryRefused, match="needs a note"):
        give_back(ledger, charge(ledger), 1, note)
    assert ledger.fetch_credits() == []


def test_an_entry_says_who_made_it(ledger: Ledger) -> None:
    with pytest.raises(EntryRefused, match="says who made it"):
        ledger.grant("physics", 1, by=" ", note="2026", at=NOON)


def test_corrections_give_back_between_nothing_and_all(ledger: Ledger) -> None:
    written = charge(ledger)
    for amount in (5000, 7000, -7000, -5000, 12000):
        give_back(ledger, written, amount)
    with pytest.raises(EntryRefused, match="12000 KRW, and 12000 of it was given back"):
        give_back(ledger, written, 1)
    give_back(ledger, written, -12000)
    for amount in (-1, 0, 12001):
        with pytest.raises(EntryRefused, match="12000 KRW, and 0 of it was given back"):
            give_back(ledger, written, amount)
    balance = ledger.balances(["physics"])["physics"]
    assert (balance.granted_minor, balance.charged_minor) == (0, 12000)


def test_a_correction_goes_to_the_account_of_its_charge(ledger: Ledger) -> None:
    written = charge(ledger)
    credit = give_back(ledger, written, 500)
    assert (credit.account, credit.kind, credit.charge_id) == ("physics", "correction", written.id)
    assert ledger.balances(["physics"])["physics"].left_minor == -11500


@pytest.mark.parametrize("charge_id", [0, -1, 2, 2**62])
def test_an_unknown_charge_cannot_be_corrected(ledger: Ledger, charge_id: int) -> None:
    charge(ledger)
    with pytest.raises(EntryRefused, match="There is no charge"):
        ledger.correct(charge_id, 1, by="root", note="why", at=NOON)


def test_a_balance_is_what_is_granted_less_charged_less_held(ledger: Ledger) -> None:
    ledger.grant("physics", 100_000, by="root", note="2026", at=NOON)
    charge(ledger)
    ledger.open_starts([make_start("s-2", most_minor=700)], policy="refuse")
    balance = ledger.balances(["physics"])["physics"]
    assert balance == Balance("physics", granted_minor=100_000, charged_minor=12000, held_minor=700)
    assert (balance.left_minor, balance.available_minor) == (88_000, 87_300)


def test_all_balances_are_those_of_accounts_that_occur(ledger: Ledger) -> None:
    ledger.grant("granted", 1, by="root", note="2026", at=NOON)
    ledger.open_starts([make_start("s-2", account="held"), make_start("s-3", account="")], policy="allow")
    charge(ledger)
    assert set(ledger.balances(None)) == {"granted", "held", "physics"}
    assert ledger.balances(["nobody", "granted"]) == {
        "nobody": Balance("nobody", 0, 0, 0),
        "granted": Balance("granted", 1, 0, 0),
    }
    assert ledger.balances([]) == {}


def test_credits_come_by_account_and_period_in_order(ledger: Ledger) -> None:
    second = ledger.grant("physics", 2, by="root", note="b", at=NOON + DAY)
    first = ledger.grant("physics", 1, by="root", note="a", at=NOON)
    other = ledger.grant("chemistry", 3, by="root", note="c", at=NOON)
    assert ledger.fetch_credits("physics") == [first, second]
    assert ledger.fetch_credits("physics", NOON, NOON + DAY) == [first]
    assert ledger.fetch_credits("physics", NOON + DAY, NOON + 2 * DAY) == [second]
    assert ledger.fetch_credits(None, until=NOON + DAY) == [first, other]


def test_the_largest_amounts_add_up_exactly(ledger: Ledger) -> None:
    for _ in range(9):
        ledger.grant("physics", MOST_MINOR, by="root", note="2026", at=NOON)
    ledger.grant("physics", 1, by="root", note="2026", at=NOON)
    assert ledger.balances(None)["physics"].granted_minor == 9 * MOST_MINOR + 1


def test_nothing_is_held_for_a_job_that_is_over_unless_it_runs_again(ledger: Ledger) -> None:
    """Its start stays open for some minutes, in case Slurm requeues it; its account can spend the rest at once."""
    start = make_start("s-1", most_minor=12000)
    ledger.open_starts([start], policy="allow")
    ledger.charge([make_charge(start, 7, amount_minor=500)])
    assert ledger.fetch_open() == [start]
    over = ledger.balances(["physics"])["physics"]
    assert (over.charged_minor, over.held_minor) == (500, 0)
    ledger.note_running([Running(start, 7, NOON, 60, 1, NOON + DAY)])
    assert ledger.balances(["physics"])["physics"].held_minor == 12000
