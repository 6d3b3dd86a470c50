"""Money, spans and moments as readers of each language write them."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from neuronhub import language
from neuronhub.web import formats


@pytest.mark.parametrize(
    ("seconds", "english", "korean", "slurm"),
    [
        (0, "0 seconds", "0초", "0:00:00"),
        (1800, "30 minutes", "30분", "0:30:00"),
        (5400, "1 hour 30 minutes", "1시간 30분", "1:30:00"),
        (86400, "1 day", "1일", "1-00:00:00"),
        (131405, "1 day 12 hours 30 minutes 5 seconds", "1일 12시간 30분 5초", "1-12:30:05"),
    ],
)
def test_spans(seconds: int, english: str, korean: str, slurm: str, reader: str) -> None:
    assert formats.render_duration(seconds) == {"en": english, "ko": korean}[reader]
    assert formats.render_time_limit(seconds) == slurm


def test_money_and_numbers(reader: str) -> None:
    assert formats.render_money("5000", "KRW") == "₩5,000"
    assert formats.render_money("0.25", "KRW") == "₩0.25"
    assert formats.render_money(Decimal("1234.5"), "USD").endswith("1,234.50")
    assert formats.render_number(1234) == "1,234"


def test_a_moment_without_a_zone_is_utc() -> None:
    naive = datetime(2026, 11, 23, 4, 12, 9)  # as JupyterHub's database gives it
    assert formats.render_iso(naive) == "2026-11-23T04:12:09+00:00"
    assert formats.render_moment(naive) == formats.render_moment(naive.replace(tzinfo=UTC).isoformat())


def test_moments_follow_the_language() -> None:
    moment = "2026-11-23T04:12:09+00:00"
    english = formats.render_moment(moment)
    token = language.current.set("ko")
    korean = formats.render_moment(moment)
    language.current.reset(token)
    assert "Nov 2" in english
    assert "2026. 11. 2" in korean
