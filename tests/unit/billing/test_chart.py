"""The chart of a month: heights, colours, round lines across."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from neuronhub.billing.chart import QUEUES, Measure, choose_measure, draw_chart, find_ticks
from neuronhub.billing.period import Month
from neuronhub.billing.types import Total
from neuronhub.billing.usage import add_totals

DAYS = Month(2026, 11).list_days()
NOTHING = add_totals([])


def total(day: int, queue: str, amount: int, seconds: int = 3600) -> Total:
    return replace(NOTHING, key=f"2026-11-{day:02}", queue=queue, segments=1, amount_minor=amount, elapsed_s=seconds)


def test_a_bar_is_as_high_as_its_parts() -> None:
    chart = draw_chart(DAYS, [total(3, "a", 100), total(3, "b", 300), total(4, "b", 50)], Measure.AMOUNT, "KRW")
    assert [bar.day for bar in chart.bars] == list(DAYS)
    third = chart.bars[2]
    assert (third.value, third.segments) == (Decimal(400), 2)
    assert [(part.series, part.value) for part in third.parts] == [(0, Decimal(300)), (1, Decimal(100))]
    assert chart.queues == ("b", "a")
    assert sum(part.height for part in third.parts) == pytest.approx(100)
    assert third.parts[0].y + third.parts[0].height == pytest.approx(100)
    assert third.parts[1].y == pytest.approx(0)
    assert chart.highest is third


def test_beyond_four_queues_the_rest_is_one_part() -> None:
    totals = [total(1, f"q{n}", 100 - n) for n in range(7)]
    chart = draw_chart(DAYS, totals, Measure.AMOUNT, "KRW")
    assert chart.queues == ("q0", "q1", "q2", "q3")
    assert chart.others
    assert [part.series for part in chart.bars[0].parts] == [0, 1, 2, 3, QUEUES]
    assert chart.bars[0].parts[-1].value == 96 + 95 + 94
    assert not draw_chart(DAYS, totals[:4], Measure.AMOUNT, "KRW").others


def test_hours_of_a_free_queue_are_seen() -> None:
    free = [total(2, "jupyter", 0, 5400)]
    assert choose_measure(free) is Measure.HOURS
    assert choose_measure([*free, total(2, "gpu", 1)]) is Measure.AMOUNT
    assert draw_chart(DAYS, free, Measure.HOURS, "KRW").bars[1].value == Decimal("1.5")
    assert draw_chart(DAYS, free, Measure.AMOUNT, "KRW").highest is None


def test_an_empty_month_has_bars_without_height() -> None:
    chart = draw_chart(DAYS, [], Measure.HOURS, "KRW")
    assert all(bar.value == 0 and not bar.parts for bar in chart.bars)
    assert chart.highest is None
    assert chart.bars[-1].day == date(2026, 11, 30)


@pytest.mark.parametrize(
    ("highest", "top"),
    [("1", "1"), ("0.3", "0.4"), ("377147", "400000"), ("401", "800"), ("1000000000000000", "1E+15"), ("99", "100")],
)
def test_lines_across_are_round_and_reach_the_top(highest: str, top: str) -> None:
    ticks = find_ticks(Decimal(highest))
    assert ticks[0] == Decimal(top)
    assert len(ticks) == 5
    assert ticks[-1] == 0
    assert ticks[0] - ticks[1] == ticks[3] - ticks[4]


def test_amounts_are_drawn_in_whole_money_not_in_coins() -> None:
    assert draw_chart(DAYS, [total(1, "a", 1250)], Measure.AMOUNT, "USD").bars[0].value == Decimal("12.50")
