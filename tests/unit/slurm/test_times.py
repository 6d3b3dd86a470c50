from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from neuronhub.slurm.parse import parse_time_limit, render_time_limit
from neuronhub.slurm.times import parse_duration, parse_moment

DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("90", timedelta(minutes=90)),
        (" 5 ", timedelta(minutes=5)),
        ("30:00", timedelta(minutes=30)),
        ("0:01", timedelta(minutes=1)),
        ("1:30", timedelta(minutes=2)),
        ("1:30:00", timedelta(hours=1, minutes=30)),
        ("01:00:01", timedelta(hours=1, minutes=1)),
        ("100:00:00", timedelta(hours=100)),
        ("1-0", DAY),
        ("2-12", timedelta(days=2, hours=12)),
        ("2-12:30", timedelta(days=2, hours=12, minutes=30)),
        ("2-12:30:00", timedelta(days=2, hours=12, minutes=30)),
        ("3650-0", timedelta(days=3650)),
        ("UNLIMITED", None),
        ("infinite", None),
    ],
)
def test_time_limit_in_every_form_of_slurm(text: str, limit: timedelta | None) -> None:
    assert parse_time_limit(text) == limit


NO_LIMITS = """0 0:00 0-0 0:00:00 -5 -1:00 1: :30 1:2:3:4 1-2-3 1.5 5m abc 1e3 ٥ １０ 1:٠0 3650-0:01
99999999999999999999 9999999 NOT_SET INVALID n/a --time=5 5;5""".split()


@pytest.mark.parametrize("text", ["", "1 0", "\x00", *NO_LIMITS])
def test_time_limit_that_is_none(text: str) -> None:
    with pytest.raises(ValueError, match=r"time"):
        parse_time_limit(text)


@pytest.mark.parametrize(
    ("limit", "text"),
    [
        (timedelta(seconds=1), "0:01:00"),
        (timedelta(minutes=90), "1:30:00"),
        (timedelta(hours=23, minutes=59, seconds=1), "1-00:00:00"),
        (timedelta(days=2, hours=3, minutes=4), "2-03:04:00"),
    ],
)
def test_rendered_time_limit(limit: timedelta, text: str) -> None:
    assert render_time_limit(limit) == text


def test_rendered_time_limits_are_read_back() -> None:
    for minutes in (1, 59, 60, 61, 1439, 1440, 1441, 100_000):
        limit = timedelta(minutes=minutes)
        assert parse_time_limit(render_time_limit(limit)) == limit


@pytest.mark.parametrize("limit", [timedelta(0), timedelta(minutes=-1)])
def test_nothing_is_no_time_limit(limit: timedelta) -> None:
    with pytest.raises(ValueError, match="longer than zero"):
        render_time_limit(limit)


@pytest.mark.parametrize("text", ["UNLIMITED", "infinite", "INVALID", "NOT_SET", "n/a", "NONE", "Partition_Limit", ""])
def test_durations_without_a_value(text: str) -> None:
    assert parse_duration(text) is None


@pytest.mark.parametrize("text", ["N/A", "Unknown", "None", "", "0", "NONE", "INVALID"])
def test_moments_without_a_value(text: str) -> None:
    assert parse_moment(text) is None


def test_moments_are_utc() -> None:
    assert parse_moment(" 1795417013 ") == datetime(2026, 11, 23, 6, 56, 53, tzinfo=UTC)


@pytest.mark.parametrize("text", ["2026-11-23T06:56:53", "-1", "1e9", "１７"])
def test_moments_in_another_format_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="moment"):
        parse_moment(text)
