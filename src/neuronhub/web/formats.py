"""Money, spans and moments in the reader's language, as filters of the hub's page templates.

Runs in the hub. The pages' TypeScript writes the same forms with the browser's Intl.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Literal
from zoneinfo import ZoneInfo

from babel.dates import format_datetime, format_skeleton
from babel.numbers import format_currency, format_decimal
from babel.units import format_unit

from neuronhub.language import current

#: Babel finds no long form of Korean's units; its short form is the same words.
_LENGTHS: dict[str, Literal["short", "long"]] = {"en": "long", "ko": "short"}
_UNITS = (("duration-day", 86400), ("duration-hour", 3600), ("duration-minute", 60), ("duration-second", 1))


def render_money(amount: str | Decimal, currency: str) -> str:
    """``5000``, ``KRW`` -> ``₩5,000``; all decimals that are there: a core may cost less than the smallest coin."""
    return format_currency(Decimal(amount), currency, locale=current.get(), decimal_quantization=False)


def render_number(number: int | Decimal) -> str:
    """A number with the language's thousands marks, a decimal one with its decimals."""
    return format_decimal(number, locale=current.get(), decimal_quantization=False)


def render_duration(seconds: int) -> str:
    """``5400`` -> ``1 hour 30 minutes``; every unit that is not zero is named."""
    language = current.get()
    parts: list[str] = []
    rest = seconds
    for unit, size in _UNITS:
        count, rest = divmod(rest, size)
        if count or (unit == "duration-second" and not parts):
            parts.append(format_unit(count, unit, length=_LENGTHS[language], locale=language))
    return " ".join(parts)


def render_time_limit(seconds: int) -> str:
    """The form that Slurm and the start page's field use: ``1:30:00``, ``2-00:00:00``."""
    days, rest = divmod(seconds, 86400)
    hours, rest = divmod(rest, 3600)
    clock = f"{rest // 60:02}:{rest % 60:02}"
    return f"{days}-{hours:02}:{clock}" if days else f"{hours}:{clock}"


def render_moment(moment: str | datetime) -> str:
    """A moment (ISO 8601 or datetime; UTC where no zone is given) in the hub's own time zone."""
    value = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    aware = value if value.tzinfo else value.replace(tzinfo=UTC)
    return format_datetime(aware.astimezone(), "medium", locale=current.get())


def render_moment_in(moment: datetime, zone: ZoneInfo) -> str:
    """A moment in ``zone``, to the second: ``Nov 23, 2026 14:03:11``."""
    local = moment.astimezone(zone)
    return f"{format_skeleton('yMMMd', local, locale=current.get())} {local:%H:%M:%S}"


def render_day(day: date) -> str:
    """``Mon, Nov 23``."""
    return format_skeleton("MMMEd", _at_midnight(day), locale=current.get())


def render_month(day: date) -> str:
    """The month of ``day``: ``November 2026``."""
    return format_skeleton("yMMMM", _at_midnight(day), locale=current.get())


def _at_midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day)  # babel's skeletons are typed for datetimes only


def render_hours(seconds: int | Decimal) -> str:
    """Hours as a decimal number: ``5400`` -> ``1.50``."""
    return format_decimal(Decimal(seconds) / 3600, "#,##0.00", locale=current.get())


def render_clock(seconds: int) -> str:
    """Hours, minutes and seconds: ``180011`` -> ``50:00:11``."""
    return f"{seconds // 3600}:{seconds % 3600 // 60:02}:{seconds % 60:02}"


def render_iso(moment: str | datetime) -> str:
    """The same moment for a ``datetime`` attribute; JupyterHub's own datetimes are UTC without saying so."""
    value = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    return (value if value.tzinfo else value.replace(tzinfo=UTC)).isoformat()
