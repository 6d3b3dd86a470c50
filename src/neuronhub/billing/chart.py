"""The chart of a month: a bar for each day, stacked by queue. Pure; usage.html draws it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from neuronhub.billing.money import to_decimal
from neuronhub.billing.types import Total

QUEUES = 4
"""So many queues have a colour of their own; what is left is one more part of the bar."""
_TICKS = 4
_STEPS = (Decimal(1), Decimal(2), Decimal("2.5"), Decimal(5), Decimal(10))
_HOUR = Decimal(3600)


class Measure(StrEnum):
    """What the height of a bar stands for."""

    AMOUNT = "amount"
    HOURS = "hours"
    """What Slurm calls elapsed: free queues have hours as well."""


@dataclass(frozen=True, slots=True)
class Part:
    """One queue's part of a bar."""

    series: int
    """Its colour: position in Chart.queues, or their number for the other queues together."""
    value: Decimal
    y: float
    """Percent of the chart's height, from above."""
    height: float


@dataclass(frozen=True, slots=True)
class Bar:
    """One day."""

    day: date
    value: Decimal
    parts: tuple[Part, ...]
    segments: int


@dataclass(frozen=True, slots=True)
class Chart:
    """A month's bars, in the order of its days."""

    measure: Measure
    queues: tuple[str, ...]
    """Those with a colour of their own, the biggest first."""
    others: bool
    """There are more queues than that."""
    bars: tuple[Bar, ...]
    ticks: tuple[Decimal, ...]
    """Values at the lines across, the highest first, 0 last."""

    @property
    def highest(self) -> Bar | None:
        """The day with the most; None when there is nothing to see."""
        best = max(self.bars, key=lambda bar: bar.value)
        return best if best.value else None


def choose_measure(totals: Iterable[Total]) -> Measure:
    """Money where there is some; hours where all was free."""
    return Measure.AMOUNT if any(total.amount_minor for total in totals) else Measure.HOURS


def measure_total(total: Total, measure: Measure, currency: str) -> Decimal:
    """The number that a bar shows."""
    return to_decimal(total.amount_minor, currency) if measure is Measure.AMOUNT else total.elapsed_s / _HOUR


def rank_queues(totals: Iterable[Total], measure: Measure, currency: str) -> tuple[str, ...]:
    """All queues of ``totals``, the biggest first."""
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for total in totals:
        sums[total.queue] += measure_total(total, measure, currency)
    return tuple(sorted(sums, key=lambda queue: (-sums[queue], queue)))


def draw_chart(days: Sequence[date], totals: Sequence[Total], measure: Measure, currency: str) -> Chart:
    """The chart of ``totals``, which are sums by day and queue; days without any are empty bars."""
    ranked = rank_queues(totals, measure, currency)
    series = {queue: min(index, QUEUES) for index, queue in enumerate(ranked)}
    stacks: dict[str, dict[int, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    segments: dict[str, int] = defaultdict(int)
    for total in totals:
        stacks[total.key][series[total.queue]] += measure_total(total, measure, currency)
        segments[total.key] += total.segments
    ticks = find_ticks(max((sum(stack.values(), Decimal()) for stack in stacks.values()), default=Decimal()))
    bars = tuple(_stack(day, stacks[day.isoformat()], ticks[0], segments[day.isoformat()]) for day in days)
    return Chart(measure, ranked[:QUEUES], len(ranked) > QUEUES, bars, ticks)


def find_ticks(highest: Decimal) -> tuple[Decimal, ...]:
    """Round values from 0 to ``highest`` or a little more, the highest first."""
    if highest <= 0:
        return tuple(Decimal(index) for index in range(_TICKS, -1, -1))
    least = highest / _TICKS
    power = Decimal(10) ** least.adjusted()
    step = next(step * power for step in _STEPS if step * power >= least)
    return tuple((step * index).normalize() for index in range(_TICKS, -1, -1))


def _stack(day: date, stack: dict[int, Decimal], top: Decimal, segments: int) -> Bar:
    parts: list[Part] = []
    reached = Decimal()
    for series, value in sorted(stack.items()):
        reached += value
        if value:
            parts.append(
                Part(series, value, round(float(100 - reached * 100 / top), 3), round(float(value * 100 / top), 3))
            )
    return Bar(day, reached, tuple(parts), segments)
