"""Second factors behind one small interface: local TOTP, and password with OTP in one bind. Runs in the hub."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, Protocol

import pyotp
from pyotp.exceptions import OTPVerificationError
from sqlalchemy import Connection, select
from sqlalchemy.dialects.sqlite import insert

from neuronhub.login.accounts import parse_otp
from neuronhub.login.database import Database, keys
from neuronhub.login.totp_store import TotpStore

Failed = Literal["wrong-otp", "not-enrolled"]

WINDOW = 1
"""Time steps of 30 s before and after the present one whose codes are taken too (clocks differ)."""
KEEP_S = 600.0
"""How long a spent code is remembered: well beyond the time in which any back end would take it."""


@dataclass(frozen=True, slots=True)
class Passed:
    """The code may be right: spend it under this name, then ask the directory with this password."""

    code: str
    bind_password: str = field(repr=False)


class SecondFactor(Protocol):
    """One way to check one-time passwords."""

    async def check(self, user: str, otp: str, password: str) -> Passed | Failed:
        """Judge ``otp`` as far as that is possible without the directory."""

    async def still_enrolled(self, user: str) -> bool:
        """False when the user's second factor has been taken away since signing in."""


class Totp:
    """Time-based codes (RFC 6238) checked here, before the directory hears of the attempt.

    Without the right code nobody can make the directory count a failed password and lock an account.
    """

    def __init__(self, store: TotpStore, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock

    async def check(self, user: str, otp: str, password: str) -> Passed | Failed:
        secret = await self._store.fetch_secret(user)
        if secret is None:
            return "not-enrolled"
        digits = parse_otp(otp)
        if digits is None:
            return "wrong-otp"
        try:
            step = pyotp.TOTP(secret).verify_and_get_timecode(digits, for_time=self._clock(), valid_window=WINDOW)
        except OTPVerificationError:
            return "wrong-otp"
        return Passed(f"totp:{step}", password)

    async def still_enrolled(self, user: str) -> bool:
        return await self._store.fetch_secret(user) is not None


class CombinedBind:
    """Codes that only the directory can check, appended to the password (OpenLDAP's otp overlay).

    A wrong code reaches the directory and counts there: keep the site's ``per_user`` limit below the
    directory's own lockout.
    """

    def __init__(self, database: Database) -> None:
        self._key = database.run_now(_ensure_key)

    async def check(self, user: str, otp: str, password: str) -> Passed | Failed:
        digits = parse_otp(otp)
        if digits is None:
            return "wrong-otp"
        # The directory sees one string and cuts it by itself: name the code by the end of that string, or
        # moving a digit from one field to the other would make the same code look new.
        name = hmac.new(self._key, f"{user}:{digits[-6:]}".encode(), hashlib.sha256).hexdigest()
        return Passed(f"bind:{name}", password + digits)

    async def still_enrolled(self, user: str) -> bool:
        return True


def _ensure_key(connection: Connection) -> bytes:
    """The key of the hashes under which spent codes are kept; made once."""
    row = insert(keys).values(name="spent-code", value=secrets.token_bytes(32)).on_conflict_do_nothing()
    connection.execute(row)
    return bytes(connection.execute(select(keys.c.value).where(keys.c.name == "spent-code")).scalar_one())
