"""Months and days as a site's people know them: they begin at midnight in ``billing.time_zone``. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from neuronhub.errors import QuestionRefused
from neuronhub.language import translate as _

FIRST_YEAR, LAST_YEAR = 2000, 2199
"""Beyond these nobody has charges, and dates near the calendar's own ends cannot be reckoned with."""


@dataclass(frozen=True, slots=True, order=True)
class Month:
    """A month of the calendar."""

    year: int
    number: int
    """1 to 12."""

    def __str__(self) -> str:
        return f"{self.year:04}-{self.number:02}"

    @property
    def first(self) -> date:
        """Its first day."""
        return date(self.year, self.number, 1)

    def shift(self, months: int) -> Month:
        """The month so many months later, or earlier."""
        year, number = divmod(self.year * 12 + self.number - 1 + months, 12)
        return Month(year, number + 1)

    def list_days(self) -> tuple[date, ...]:
        """Its days in order."""
        count = (self.shift(1).first - self.first).days
        return tuple(self.first + timedelta(days=index) for index in range(count))

    def since(self, zone: ZoneInfo) -> datetime:
        """The moment at which it begins in ``zone``."""
        return begin_day(self.first, zone)

    def until(self, zone: ZoneInfo) -> datetime:
        """The moment at which the next one begins."""
        return self.shift(1).since(zone)


def begin_day(day: date, zone: ZoneInfo) -> datetime:
    """The moment at which ``day`` begins in ``zone``, in UTC."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


def month_of(moment: datetime, zone: ZoneInfo) -> Month:
    """The month in which ``moment`` lies in ``zone``."""
    local = moment.astimezone(zone)
    return Month(local.year, local.month)


def parse_month(text: str) -> Month:
    """``2026-11``; raises QuestionRefused for anything else."""
    found = re.fullmatch(r"([0-9]{4})-(0[1-9]|1[0-2])", text)
    if found is None or not FIRST_YEAR <= int(found[1]) <= LAST_YEAR:
        raise QuestionRefused(_("“{text}” is not a month. Write it as 2026-11.").format(text=text[:40]))
    return Month(int(found[1]), int(found[2]))


def parse_day(text: str, month: Month) -> date:
    """``2026-11-23``, a day of ``month``; raises QuestionRefused for anything else."""
    found = next((day for day in month.list_days() if day.isoformat() == text), None)
    if found is None:
        raise QuestionRefused(
            _("“{text}” is not a day of {month}. Write it as {example}.").format(
                text=text[:40], month=month, example=month.first
            )
        )
    return found
