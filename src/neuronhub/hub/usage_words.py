"""What the templates of the usage page and the statement call: amounts, moments and links of one question."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from neuronhub.billing.chart import Bar, Chart, Measure
from neuronhub.billing.money import to_decimal
from neuronhub.billing.question import ALL, OWN, Question
from neuronhub.billing.types import Balance, Rate
from neuronhub.billing.usage import NEARLY_SPENT_PERCENT
from neuronhub.billing.words import count_units, explain_free, name_unit, name_use
from neuronhub.language import translate as _
from neuronhub.web import formats


@dataclass(frozen=True, slots=True)
class UsageWords:
    """The words of one page, in the reader's language."""

    currency: str
    zone: ZoneInfo
    question: Question

    use = staticmethod(name_use)
    units = staticmethod(count_units)
    why_free = staticmethod(explain_free)

    def money(self, minor: int) -> str:
        """``150000`` -> ``₩150,000``."""
        return formats.render_money(to_decimal(minor, self.currency), self.currency)

    def moment(self, moment: datetime) -> str:
        """In the site's time zone."""
        return formats.render_moment_in(moment, self.zone)

    def rate(self, rate: Rate) -> str:
        """``₩3,000 / node-hour, less 10%``."""
        if rate.amount == 0:
            return _("free")
        words = _("{price} / {unit}") if not rate.discount_percent else _("{price} / {unit}, less {discount}%")
        return words.format(
            price=formats.render_money(rate.amount, self.currency),
            unit=name_unit(rate.unit),
            discount=formats.render_number(rate.discount_percent),
        )

    def view(self, account: str) -> str:
        """What is seen of an account, or instead of one."""
        return {OWN: _("My jobs"), ALL: _("All accounts")}.get(account) or _("Account {account}").format(
            account=account
        )

    def link(self, **changes: Any) -> str:
        """The query of the same question, with changes."""
        return self.question.render_query(**changes)

    def measured(self, value: Decimal, measure: Measure) -> str:
        """A height of the chart in words."""
        if measure is Measure.AMOUNT:
            return formats.render_money(value, self.currency)
        return _("{hours} hours").format(hours=formats.render_hours(value * 3600))

    def tick(self, value: Decimal, measure: Measure) -> str:
        """A line across the chart: short, there is little room."""
        return self.measured(value, measure) if measure is Measure.AMOUNT else formats.render_number(value)

    def bar(self, bar: Bar, chart: Chart) -> str:
        """A bar in words: ``Mon, Nov 23: ₩12,000; gpu ₩8,000; jupyter ₩4,000``."""
        names = dict(enumerate(chart.queues))
        parts = [
            f"{names.get(part.series, _('other queues'))} {self.measured(part.value, chart.measure)}"
            for part in bar.parts
        ]
        return "; ".join((f"{formats.render_day(bar.day)}: {self.measured(bar.value, chart.measure)}", *parts))

    def nearly_spent(self, balance: Balance) -> bool:
        """Little is left of what was granted."""
        return balance.available_minor * 100 < balance.granted_minor * NEARLY_SPENT_PERCENT or balance.left_minor < 0
