"""A span of time that an operator asks for: a month, a day, or from a moment until another. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from neuronhub.billing.period import begin_day, parse_day, parse_month
from neuronhub.errors import QuestionRefused
from neuronhub.language import translate as _


@dataclass(frozen=True, slots=True)
class Window:
    """From ``since`` until before ``until``; None: without an end there."""

    since: datetime | None = None
    until: datetime | None = None


def parse_window(
    zone: ZoneInfo,
    *,
    since: str | None = None,
    until: str | None = None,
    month: str | None = None,
    day: str | None = None,
) -> Window:
    """What the options of a command say; raises QuestionRefused when they contradict each other."""
    if sum((since is not None or until is not None, month is not None, day is not None)) > 1:
        raise QuestionRefused(_("Say one of --month, --day, and --since with --until."))
    if month is not None:
        found = parse_month(month)
        return Window(found.since(zone), found.until(zone))
    if day is not None:
        return _window_of_day(parse_day(day, parse_month(day[:7])), zone)
    window = Window(
        None if since is None else parse_moment(since, zone), None if until is None else parse_moment(until, zone)
    )
    if window.since is not None and window.until is not None and window.since >= window.until:
        raise QuestionRefused(_("--since must lie before --until."))
    return window


def parse_moment(text: str, zone: ZoneInfo) -> datetime:
    """``2026-11-23`` (its midnight), ``2026-11-23T09:00`` (of ``zone``) or with an offset; raises QuestionRefused."""
    try:
        if len(text) == len("2026-11-23"):
            return begin_day(date.fromisoformat(text), zone)
        moment = datetime.fromisoformat(text)
        aware = moment if moment.tzinfo else moment.replace(tzinfo=zone)
        return aware.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise QuestionRefused(
            _("“{text}” is not a day or moment. Write 2026-11-23 or 2026-11-23T09:00.").format(text=text[:40])
        ) from error


def _window_of_day(day: date, zone: ZoneInfo) -> Window:
    return Window(begin_day(day, zone), begin_day(day + timedelta(days=1), zone))
