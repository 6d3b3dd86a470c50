"""Months and days of a site's time zone."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from neuronhub.billing.period import Month, begin_day, month_of, parse_day, parse_month
from neuronhub.errors import QuestionRefused

SEOUL, BERLIN, SAO_PAULO = ZoneInfo("Asia/Seoul"), ZoneInfo("Europe/Berlin"), ZoneInfo("America/Sao_Paulo")
NOVEMBER = Month(2026, 11)


def test_a_month_begins_at_midnight_of_the_site() -> None:
    assert NOVEMBER.since(SEOUL) == datetime(2026, 10, 31, 15, tzinfo=UTC)
    assert NOVEMBER.until(SEOUL) == datetime(2026, 11, 30, 15, tzinfo=UTC)
    assert month_of(datetime(2026, 10, 31, 15, tzinfo=UTC), SEOUL) == NOVEMBER
    assert month_of(datetime(2026, 10, 31, 14, 59, 59, tzinfo=UTC), SEOUL) == Month(2026, 10)


@pytest.mark.parametrize("zone", [SEOUL, BERLIN, SAO_PAULO, ZoneInfo("UTC")])
@pytest.mark.parametrize("year", [2018, 2026])  # Sao Paulo put its clocks forward at midnight in 2018
def test_days_and_months_leave_no_gap(zone: ZoneInfo, year: int) -> None:
    months = [Month(year, number) for number in range(1, 13)]
    for month, following in itertools.pairwise(months):
        days = [begin_day(day, zone) for day in month.list_days()]
        assert days == sorted(set(days))
        assert days[0] == month.since(zone)
        assert month.until(zone) == following.since(zone)
        assert days[-1] < month.until(zone)


def test_months_are_shifted_over_years() -> None:
    assert NOVEMBER.shift(2) == Month(2027, 1)
    assert NOVEMBER.shift(-11) == Month(2025, 12)
    assert NOVEMBER.shift(14).shift(-14) == NOVEMBER
    assert str(Month(2026, 3)) == "2026-03"


def test_february_has_its_days() -> None:
    assert Month(2028, 2).list_days()[-1] == date(2028, 2, 29)
    assert len(Month(2026, 2).list_days()) == 28


@pytest.mark.parametrize(
    "text",
    ["", "2026", "2026-13", "2026-00", "2026-1", "26-01", "0001-01", "9999-12", "2026-11-01", "２０２６-11", "x" * 99],
)
def test_what_is_no_month_is_refused(text: str) -> None:
    with pytest.raises(QuestionRefused, match="is not a month"):
        parse_month(text)


def test_a_day_belongs_to_its_month() -> None:
    assert parse_month("2026-11") == NOVEMBER
    assert parse_day("2026-11-30", NOVEMBER) == date(2026, 11, 30)
    for text in ("2026-11-31", "2026-12-01", "2026-11-1", "20261101", ""):
        with pytest.raises(QuestionRefused, match="is not a day of 2026-11"):
            parse_day(text, NOVEMBER)
