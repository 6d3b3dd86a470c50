"""A time zone of the tests' own: its midnight is at whatever second a test needs it."""

from __future__ import annotations

import struct
import zoneinfo
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

NAME = "Test/Day"
DAY_S = 86400


def write_zone(folder: Path, midnight: datetime) -> None:
    """A TZif file (RFC 8536) of the zone in which ``midnight``, a whole second, begins a day."""
    passed = midnight - midnight.replace(hour=0, minute=0, second=0)
    offset_s = -int(passed / timedelta(seconds=1))
    if offset_s <= -DAY_S // 2:
        offset_s += DAY_S
    counts = struct.pack(">6l", 0, 0, 0, 0, 1, 4)  # one type of local time, called DAY
    block = b"TZif2" + bytes(15) + counts + struct.pack(">lbb", offset_s, 0, 0) + b"DAY\0"
    path = folder / NAME
    path.parent.mkdir(parents=True)
    path.write_bytes(block + block + b"\n\n")


@contextmanager
def known_zones(folder: Path) -> Iterator[None]:
    """zoneinfo finds the zones of ``folder`` as well."""
    former = zoneinfo.TZPATH
    zoneinfo.ZoneInfo.clear_cache()
    zoneinfo.reset_tzpath([str(folder), *former])
    try:
        yield
    finally:
        zoneinfo.reset_tzpath(former)
        zoneinfo.ZoneInfo.clear_cache()
