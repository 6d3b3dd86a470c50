"""What may be asked of the usage page, and by whom."""

from __future__ import annotations

from datetime import UTC, date, datetime
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo

import pytest

from neuronhub.billing.chart import Measure
from neuronhub.billing.period import Month
from neuronhub.billing.question import (
    ALL,
    LAST_PAGE,
    Question,
    Reader,
    make_filter,
    narrow_to_list,
    parse_question,
    widen_question,
)
from neuronhub.errors import NotYours, QuestionRefused

SEOUL = ZoneInfo("Asia/Seoul")
NOW = datetime(2026, 10, 31, 16, tzinfo=UTC)  # already November in Seoul
NOVEMBER = Month(2026, 11)
MEMBER = Reader("ada", accounts=("physics", "maths"))
COORDINATOR = Reader("emmy", accounts=("maths",), coordinated=frozenset({"maths"}), choices=("maths",))
OPERATOR = Reader("root", operator=True, choices=("maths", "physics"))


def ask(**values: str) -> Question:
    return parse_question(values, NOW, SEOUL)


def of(name: str) -> frozenset[str]:
    return frozenset({name})


def test_nothing_asked_is_this_month_of_ones_own() -> None:
    assert ask() == Question(NOVEMBER)
    assert ask(month=" ", account="", page="", whatever="x") == Question(NOVEMBER)


def test_everything_can_be_asked_and_written_again() -> None:
    asked = ask(month="2026-02", account="maths", queue="gpu", user="ada", day="2026-02-28", page="3", measure="hours")
    assert asked == Question(Month(2026, 2), "maths", "gpu", "ada", date(2026, 2, 28), 3, Measure.HOURS)
    again = dict(parse_qsl(asked.render_query(page=3)))
    assert parse_question(again, NOW, SEOUL) == asked


def test_another_list_begins_at_its_first_page() -> None:
    assert parse_question(dict(parse_qsl(ask(page="7").render_query(queue="gpu"))), NOW, SEOUL).page == 1


@pytest.mark.parametrize(
    "values",
    [
        {"month": "2026-13"},
        {"month": "x"},
        {"day": "2026-10-31"},
        {"day": "yesterday"},
        {"page": "0"},
        {"page": "-1"},
        {"page": "1.5"},
        {"page": "٣"},
        {"page": "x" * 1000},
        {"measure": "money"},
        {"account": "a\x00b"},
        {"queue": "a\nb"},
        {"user": "a" * 256},
    ],
)
def test_what_makes_no_sense_is_refused_with_a_sentence(values: dict[str, str]) -> None:
    with pytest.raises(QuestionRefused) as caught:
        ask(**values)
    assert str(caught.value).endswith(".")
    assert len(str(caught.value)) < 200


def test_a_huge_page_is_a_page() -> None:
    assert ask(page="9" * 30).page == LAST_PAGE


@pytest.mark.parametrize("reader", [MEMBER, COORDINATOR, OPERATOR])
def test_everybody_sees_their_own_jobs(reader: Reader) -> None:
    where = make_filter(reader, ask(), SEOUL)
    assert where.users == of(reader.name)
    assert (where.since, where.until) == (NOVEMBER.since(SEOUL), NOVEMBER.until(SEOUL))


def test_a_coordinator_sees_the_account_and_an_operator_all() -> None:
    where = make_filter(COORDINATOR, ask(account="maths"), SEOUL)
    assert (where.users, where.accounts, where.visible_accounts) == (None, of("maths"), of("maths"))
    where = make_filter(OPERATOR, ask(account=ALL), SEOUL)
    assert (where.users, where.accounts, where.visible_users, where.visible_accounts) == (None, None, None, None)
    assert make_filter(OPERATOR, ask(account="biology"), SEOUL).accounts == of("biology")


@pytest.mark.parametrize("account", ["maths", "physics", "nosuch", "*x", "' OR 1=1 --"])
def test_a_member_is_told_the_same_of_every_account(account: str) -> None:
    with pytest.raises(NotYours) as caught:
        make_filter(MEMBER, ask(account=account), SEOUL)
    assert str(caught.value).replace(account, "X") == (
        "You may see your own jobs, and accounts that you coordinate. “X” is not among them."
    )


def test_what_is_of_others_is_refused() -> None:
    for reader, values in (
        (MEMBER, {"account": ALL}),
        (COORDINATOR, {"account": ALL}),
        (COORDINATOR, {"account": "physics"}),
        (MEMBER, {"user": "emmy"}),
        (COORDINATOR, {"user": "ada"}),
    ):
        with pytest.raises(NotYours):
            make_filter(reader, ask(**values), SEOUL)


def test_whatever_is_asked_the_ledger_is_told_who_reads() -> None:
    for question in (ask(), ask(account="maths"), ask(account="maths", user="ada", queue="gpu")):
        where = narrow_to_list(make_filter(COORDINATOR, question, SEOUL), question, SEOUL)
        assert (where.visible_users, where.visible_accounts) == (of("emmy"), of("maths"))


def test_the_list_is_narrowed_to_a_day_of_the_site() -> None:
    question = ask(day="2026-11-30", queue="gpu", user="emmy", account="maths")
    where = narrow_to_list(make_filter(COORDINATOR, question, SEOUL), question, SEOUL)
    assert where.since == datetime(2026, 11, 29, 15, tzinfo=UTC)
    assert where.until == NOVEMBER.until(SEOUL)
    assert (where.queue, where.users, where.accounts) == ("gpu", of("emmy"), of("maths"))


def test_an_operator_who_names_a_user_means_all_accounts() -> None:
    assert widen_question(OPERATOR, ask(user="ada")).account == ALL
    assert widen_question(OPERATOR, ask(user="root")).account == ""
    assert widen_question(OPERATOR, ask(user="ada", account="maths")).account == "maths"
    assert widen_question(MEMBER, ask(user="emmy")).account == ""
    assert widen_question(Reader("", operator=True), ask()).account == ALL
