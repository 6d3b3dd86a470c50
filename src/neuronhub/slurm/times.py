"""Slurm's spellings of lengths and moments of time: text in, timedelta and UTC-aware datetime out, and back. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

LONGEST = timedelta(days=3650)
"""No job is that long: a longer limit is a slip of the keyboard."""

_MINUTE = timedelta(minutes=1)
_DIGITS = "[0-9]{1,7}"
_LENGTH = re.compile(
    rf"(?P<days>{_DIGITS})-(?P<hours>{_DIGITS})(?::(?P<minutes>{_DIGITS}))?(?::(?P<seconds>{_DIGITS}))?"
    rf"|(?P<h>{_DIGITS}):(?P<m>{_DIGITS}):(?P<s>{_DIGITS})"
    rf"|(?P<only_m>{_DIGITS})(?::(?P<only_s>{_DIGITS}))?"
)
_NO_LIMIT = frozenset({"unlimited", "infinite"})
_NO_LENGTH = _NO_LIMIT | {"", "invalid", "not_set", "n/a", "none", "partition_limit", "unknown", "(null)"}
_NO_MOMENT = frozenset({"", "0", "n/a", "none", "unknown", "invalid", "not_set", "(null)"})


def parse_time_limit(text: str) -> timedelta | None:
    """Parse a time limit as a person types it for sbatch; None means unlimited.

    Slurm's forms: ``minutes``, ``MM:SS``, ``H:MM:SS``, ``D-HH``, ``D-HH:MM``, ``D-HH:MM:SS``, ``UNLIMITED``,
    ``infinite``. Seconds are rounded up to Slurm's unit, the minute. Raises ValueError for anything else, for zero
    (which Slurm takes for unlimited) and for more than LONGEST.
    """
    word = text.strip()
    if word.lower() in _NO_LIMIT:
        return None
    length = _round_up(_parse_length(word))
    if length <= timedelta(0):
        raise ValueError("a time limit must be longer than zero")
    if length > LONGEST:
        raise ValueError(f"a time limit must not be longer than {LONGEST.days} days")
    return length


def render_time_limit(limit: timedelta) -> str:
    """Return ``H:MM:SS`` or ``D-HH:MM:SS``, rounded up to whole minutes; ValueError unless longer than zero."""
    if limit <= timedelta(0):
        raise ValueError("a time limit must be longer than zero")
    rounded = _round_up(limit)
    hours, rest = divmod(rounded.seconds, 3600)
    if rounded.days:
        return f"{rounded.days}-{hours:02}:{rest // 60:02}:00"
    return f"{hours}:{rest // 60:02}:00"


def parse_duration(text: str) -> timedelta | None:
    """Parse a length of time as Slurm prints it; None when it has no value there, or no limit."""
    word = text.strip()
    return None if word.lower() in _NO_LENGTH else _parse_length(word)


def parse_moment(text: str) -> datetime | None:
    """Parse a moment printed under ``SLURM_TIME_FORMAT=%s`` (seconds since 1970); None when there is none.

    Also None for one beyond the calendar: anybody may ask for any ``--begin``, and must not spoil the whole answer.
    """
    word = text.strip()
    if word.lower() in _NO_MOMENT:
        return None
    if not re.fullmatch("[0-9]{1,20}", word):
        raise ValueError(f"not a moment in seconds: {word!r}")
    try:
        return datetime.fromtimestamp(int(word), UTC)
    except (ValueError, OverflowError, OSError):
        return None


def render_moment(moment: datetime) -> str:
    """Return ``moment`` as sacct takes it under TZ=UTC, cut to the second."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S}"


def _parse_length(word: str) -> timedelta:
    match = _LENGTH.fullmatch(word)
    if match is None:
        raise ValueError(f"not a length of time such as 90, 1:30:00 or 2-12:00:00: {word!r}")
    part = {name: int(value) for name, value in match.groupdict().items() if value is not None}
    return timedelta(
        days=part.get("days", 0),
        hours=part.get("hours", part.get("h", 0)),
        minutes=part.get("minutes", part.get("m", part.get("only_m", 0))),
        seconds=part.get("seconds", part.get("s", part.get("only_s", 0))),
    )


def _round_up(length: timedelta) -> timedelta:
    return -(-length // _MINUTE) * _MINUTE
