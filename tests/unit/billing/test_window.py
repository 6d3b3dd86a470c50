"""Spans of time that an operator asks for."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from neuronhub.billing.window import Window, parse_window
from neuronhub.errors import QuestionRefused

SEOUL = ZoneInfo("Asia/Seoul")
BERLIN = ZoneInfo("Europe/Berlin")


def utc(*numbers: int) -> datetime:
    """A moment."""
    return datetime(*numbers, tzinfo=UTC)  # type: ignore[arg-type,misc]


@pytest.mark.parametrize(
    ("options", "window"),
    [
        ({}, Window()),
        ({"month": "2026-11"}, Window(utc(2026, 10, 31, 15), utc(2026, 11, 30, 15))),
        ({"day": "2026-11-23"}, Window(utc(2026, 11, 22, 15), utc(2026, 11, 23, 15))),
        ({"since": "2026-11-23"}, Window(utc(2026, 11, 22, 15))),
        ({"until": "2026-11-23T09:00"}, Window(None, utc(2026, 11, 23))),
        (
            {"since": "2026-11-23T09:00+02:00", "until": "2026-11-23T16:01"},
            Window(utc(2026, 11, 23, 7), utc(2026, 11, 23, 7, 1)),
        ),
    ],
)
def test_options_are_a_span_in_the_sites_zone(options: dict[str, str], window: Window) -> None:
    assert parse_window(SEOUL, **options) == window


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-11-23", 24)])
def test_a_day_is_as_long_as_its_clocks_make_it(day: str, hours: int) -> None:
    window = parse_window(BERLIN, day=day)
    assert window.since is not None
    assert window.until is not None
    assert (window.until - window.since).total_seconds() == hours * 3600


@pytest.mark.parametrize(
    "options",
    [
        {"month": "2026-11", "day": "2026-11-23"},
        {"day": "2026-11-23", "since": "2026-11-23"},
        {"since": "2026-11-23", "until": "2026-11-23"},
        {"since": "2026-11-24", "until": "2026-11-23"},
        {"since": "yesterday"},
        {"since": "2026-11-31"},
        {"since": "0001-01-01"},
        {"until": "9999-12-31T23:59-14:00"},
        {"since": ""},
        {"day": "2026-11-31"},
        {"day": "2026-11"},
    ],
)
def test_contradictions_and_nonsense_are_refused(options: dict[str, str]) -> None:
    with pytest.raises(QuestionRefused):
        parse_window(SEOUL, **options)
