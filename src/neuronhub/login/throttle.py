"""Limits of failed sign-ins per user and per address, in a sliding window kept in the login database. Runs in the hub.

An attempt counts from its beginning and is taken back when it succeeds or could not be judged, so
that many at once cannot slip through. What is turned away here is not counted: it prolongs nothing.

Nobody can lock somebody else out for good by failing on purpose: a browser in which the user has
signed in before (see devices) has a count of its own, which strangers cannot fill. Strangers share one count per
user; while somebody keeps it full, the user's new browsers wait, ``neuronhub otp unlock`` empties it,
and the audit lines name the addresses.
"""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from typing import Literal

from sqlalchemy import ColumnElement, Connection, delete, func, insert, or_, select

from neuronhub.login.database import Database, attempts
from neuronhub.site import Throttle as Limits

STRANGER = ""
"""The device of everyone who has not signed in as this user before."""


@dataclass(frozen=True, slots=True)
class TooMany:
    """The limit that is reached, and when to come back."""

    limit: Literal["user", "address"]
    retry_after_s: int


class Throttle:
    """Counts attempts against the site's limits."""

    def __init__(self, database: Database, limits: Limits, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._limits = limits
        self._clock = clock

    async def admit(self, user: str, device: str, address: str) -> int | TooMany:
        """Count an attempt and return its number for ``forgive``, or say which limit is reached."""
        now = self._clock()
        network = parse_network(address)
        window_s = self._limits.window_s

        def work(connection: Connection) -> int | TooMany:
            # Rows from the future are left over from a clock that was set back: they would never age.
            stale = or_(attempts.c.at <= now - window_s, attempts.c.at > now + window_s)
            connection.execute(delete(attempts).where(stale))
            same_user = (attempts.c.user == user) & (attempts.c.device == device)
            for name, condition, limit in (
                ("user", same_user, self._limits.per_user),
                ("address", attempts.c.network == network, self._limits.per_address),
            ):
                wait_s = _wait(connection, condition, limit, now - window_s)
                if wait_s is not None:
                    return TooMany("user" if name == "user" else "address", wait_s)
            row = insert(attempts).values(user=user, device=device, network=network, at=now)
            return connection.execute(row).lastrowid

        return await self._database.run(work)

    async def forgive(self, attempt: int) -> None:
        """Take an attempt back: it succeeded, or nobody could judge it."""

        def work(connection: Connection) -> None:
            connection.execute(delete(attempts).where(attempts.c.id == attempt))

        await self._database.run(work)


def _wait(connection: Connection, condition: ColumnElement[bool], limit: int, window_start: float) -> int | None:
    """Seconds until fewer than ``limit`` attempts are left in the window, or None when that is so now."""
    count = connection.execute(select(func.count()).select_from(attempts).where(condition)).scalar_one()
    if count < limit:
        return None
    oldest = select(attempts.c.at).where(condition).order_by(attempts.c.at).offset(count - limit).limit(1)
    leaves_in_s: float = connection.execute(oldest).scalar_one() - window_start
    return max(1, ceil(leaves_in_s))


def count_attempts(connection: Connection, user: str, since: float) -> int:
    """How many failed (or pending) attempts on ``user`` there were after ``since``."""
    condition = (attempts.c.user == user) & (attempts.c.at > since)
    return connection.execute(select(func.count()).select_from(attempts).where(condition)).scalar_one()


def forget_attempts(connection: Connection, user: str) -> int:
    """Empty every count of ``user``; return how many attempts were forgotten."""
    return connection.execute(delete(attempts).where(attempts.c.user == user)).rowcount


def parse_network(address: str) -> str:
    """Return what is counted as one address: an IPv4 address, or the /64 of an IPv6 address.

    One IPv6 customer has at least a /64 to choose addresses from.
    """
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            return str(ip.ipv4_mapped)
        return str(ipaddress.ip_network((ip.packed, 64), strict=False))
    return str(ip)
