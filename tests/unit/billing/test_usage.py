"""What the usage page shows, from a ledger on both databases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from tests.unit.billing.entries import HOUR, NOON, make_charge, make_start

from neuronhub.billing import usage as pages
from neuronhub.billing.ledger import Ledger
from neuronhub.billing.question import ALL, Question, Reader, parse_question
from neuronhub.billing.types import Charge, Running, WhyFree
from neuronhub.billing.usage import Usage, fetch_usage
from neuronhub.errors import LedgerUnavailable, NotYours, QuestionRefused
from neuronhub.tariff import Billing

BILLING = Billing(time_zone="Asia/Seoul")
ADA = Reader("ada", accounts=("physics",))
EMMY = Reader("emmy", accounts=("physics",), coordinated=frozenset({"physics"}), choices=("physics",))
ROOT = Reader("root", operator=True, choices=("maths", "physics"))


def ask(**values: str) -> Question:
    return parse_question({"month": "2026-11", **values}, NOON, BILLING.zone)


def look(ledger: Ledger, reader: Reader, **values: str) -> Usage:
    return fetch_usage(ledger, BILLING, reader, ask(**values))


def write(ledger: Ledger, *jobs: dict[str, Any]) -> Sequence[Charge]:
    """A charge for each of ``jobs``: fields of its start in capitals' place, others of the charge."""
    charges = []
    for number, job in enumerate(jobs, 1):
        of_start = {name: job.pop(name) for name in ("user", "account", "queue") if name in job}
        start = make_start(f"s-{number}", **of_start)
        ledger.open_starts([start], policy="allow")
        charges.append(make_charge(start, number, **job))
    return ledger.charge(charges)


@pytest.fixture
def filled(ledger: Ledger) -> Ledger:
    """Three users, two accounts, two queues, two days."""
    day = timedelta(days=1)
    write(
        ledger,
        {"user": "ada", "amount_minor": 100},
        {"user": "ada", "queue": "free", "amount_minor": 0, "why_free": WhyFree.FREE_QUEUE, "elapsed_s": 7200},
        {"user": "emmy", "amount_minor": 20, "ended_at": NOON + day},
        {"user": "carl", "account": "maths", "amount_minor": 3, "ended_at": NOON + day},
        {"user": "ada", "account": "maths", "amount_minor": 4},
        {"user": "ada", "amount_minor": 50_000, "ended_at": NOON - 30 * day},
    )
    return ledger


def amounts(usage: Usage) -> dict[str, int]:
    return {total.key: total.amount_minor for total in usage.users}


def test_a_member_sees_own_jobs_in_all_accounts(filled: Ledger) -> None:
    usage = look(filled, ADA)
    assert {charge.user for charge in usage.charges} == {"ada"}
    assert (usage.total.amount_minor, usage.total.segments, usage.listed) == (104, 3, 3)
    assert [(queue.key, queue.amount_minor) for queue in usage.queues] == [("v100", 104), ("free", 0)]
    assert (usage.users, usage.accounts, usage.waits) == ((), (), ())
    assert [day.day.isoformat() for day in usage.days] == ["2026-11-23"]
    assert usage.days[0].queues["free"].elapsed_s == 7200
    assert [balance.account for balance in usage.balances] == ["physics"]


def test_a_coordinator_sees_the_whole_account_and_no_other(filled: Ledger) -> None:
    usage = look(filled, EMMY, account="physics")
    assert amounts(usage) == {"ada": 100, "emmy": 20}
    assert {charge.account for charge in usage.charges} == {"physics"}
    assert usage.balances[0].charged_minor == 50_120
    with pytest.raises(NotYours):
        look(filled, EMMY, account="maths")


def test_an_operator_sees_everything(filled: Ledger) -> None:
    usage = look(filled, ROOT, account=ALL)
    assert amounts(usage) == {"ada": 104, "emmy": 20, "carl": 3}
    assert {total.key: total.amount_minor for total in usage.accounts} == {"physics": 120, "maths": 7}
    assert [wait.queue for wait in usage.waits] == ["free", "v100"]
    assert {balance.account for balance in usage.balances} == {"physics", "maths"}
    assert look(filled, ROOT, user="carl").listed == 1


def test_accounts_near_their_end_come_first(filled: Ledger) -> None:
    filled.grant("maths", 1_000_000, by="root", note="much", at=NOON)
    assert [balance.account for balance in look(filled, ROOT, account=ALL).balances] == ["physics", "maths"]


def test_an_operator_is_told_that_an_account_does_not_exist(filled: Ledger) -> None:
    with pytest.raises(QuestionRefused, match="knows an account “nosuch”"):
        look(filled, ROOT, account="nosuch")
    assert look(filled, replace(ROOT, choices=()), account="maths").listed == 2, (
        "Slurm has forgotten it, not the ledger"
    )
    assert look(filled, replace(ROOT, choices=("new",)), account="new").listed == 0


def test_the_list_is_narrowed_and_the_sums_are_not(filled: Ledger) -> None:
    usage = look(filled, ROOT, account="physics", queue="v100", user="ada", day="2026-11-23")
    assert [charge.amount_minor for charge in usage.charges] == [100]
    assert usage.listed == 1
    assert usage.total.amount_minor == 120


def test_pages_follow_each_other_and_end_at_the_last(filled: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "PAGE", 2)
    seen = [charge.job_id for page in ("1", "2", "3") for charge in look(filled, ROOT, account=ALL, page=page).charges]
    assert seen == [4, 3, 5, 2, 1]
    last = look(filled, ROOT, account=ALL, page="999999999999")
    assert (last.pages, last.question.page, [charge.job_id for charge in last.charges]) == (3, 3, [1])


def test_an_empty_month_is_one_empty_page(filled: Ledger) -> None:
    usage = fetch_usage(filled, BILLING, ADA, parse_question({"month": "2001-01", "page": "5"}, NOON, BILLING.zone))
    assert (usage.listed, usage.pages, usage.question.page, usage.charges, usage.days) == (0, 1, 1, (), ())


def test_what_runs_is_estimated_without_its_time_away(ledger: Ledger) -> None:
    start = make_start("s-1")
    engines = make_start("e-1", server="s-1", job_id=2)
    others = make_start("s-2", user="emmy")
    ledger.open_starts([start, engines, others], policy="allow")
    ledger.note_running(
        [
            Running(start, 1, NOON, 3600, 1, NOON + HOUR),
            Running(engines, 2, NOON + HOUR / 2, 1800, 2, NOON + HOUR),
            Running(others, 3, NOON, 3600, 1, NOON + HOUR),
        ]
    )
    ledger.extend_away("s-1", NOON + HOUR / 4, NOON + HOUR * 3 / 4)
    found = look(ledger, ADA).running
    assert [(one.running.job_id, one.away_s, one.amount_minor) for one in found] == [(1, 1800, 6000), (2, 900, 6000)]
    assert len(look(ledger, EMMY, account="physics").running) == 3


def test_waits_are_a_median_and_the_longest(ledger: Ledger) -> None:
    waited = [{"submitted_at": NOON - timedelta(seconds=seconds)} for seconds in (1, 2, 10, 1000)]
    never = {"started_at": None, "submitted_at": NOON - timedelta(days=3)}
    write(ledger, *waited, never, {"queue": "other", "submitted_at": NOON - timedelta(seconds=7)})
    one, other = look(ledger, ROOT, account=ALL).waits
    assert (other.queue, other.segments, other.median_s, other.longest_s) == ("v100", 4, 6.0, 1000)
    assert (one.queue, one.median_s) == ("other", 7.0)


def test_what_was_given_back_is_shown(ledger: Ledger) -> None:
    (charge,) = write(ledger, {"amount_minor": 500})
    assert charge.id is not None
    ledger.correct(charge.id, 200, by="root", note="slow", at=NOON + timedelta(days=40))
    assert look(ledger, ADA).total.corrected_minor == 200


def test_amounts_far_beyond_floating_point_are_exact(ledger: Ledger) -> None:
    write(ledger, {"amount_minor": 10**15}, {"amount_minor": 1})
    usage = look(ledger, ADA)
    assert usage.total.amount_minor == 10**15 + 1
    assert usage.chart.bars[22].value == Decimal(10**15 + 1)


def test_a_ledger_that_is_away_is_said_to_be(ledger: Ledger, tmp_path: Any) -> None:
    with pytest.raises(LedgerUnavailable):
        look(Ledger(f"sqlite:///{tmp_path}/nowhere/billing.sqlite", "KRW"), ADA)
