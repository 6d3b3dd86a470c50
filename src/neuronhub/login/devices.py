"""A browser in which a user has signed in before is known by a signed cookie. Runs in the hub.

It opens nothing: it only gives that browser its own count of failures (see throttle), so that
strangers who fail on purpose do not keep the user out. (OWASP describes this as device cookies.)
"""

from __future__ import annotations

import hashlib
import re
import secrets
from typing import Any

from neuronhub.login.throttle import STRANGER

KEEP_DAYS = 180


def fetch_device(handler: Any, user: str) -> str:
    """Return the name of the browser behind ``handler`` if ``user`` has signed in from it, else STRANGER."""
    value = handler.get_signed_cookie(_cookie_name(user), max_age_days=KEEP_DAYS)
    if value is None or not re.fullmatch(rb"[0-9a-f]{32}", value):
        return STRANGER
    return str(value.decode())


def remember_device(handler: Any, user: str, device: str) -> None:
    """Let the browser be known for the next time; it keeps the name it has."""
    handler.set_signed_cookie(
        _cookie_name(user),
        secrets.token_hex(16) if device == STRANGER else device,
        expires_days=KEEP_DAYS,
        path=handler.hub.base_url,
        httponly=True,
        secure=handler.request.protocol == "https",
        samesite="Lax",
    )


def _cookie_name(user: str) -> str:
    # One per user: the signature covers the name, so that it cannot be used for somebody else.
    return f"neuronhub-device-{hashlib.sha256(user.encode()).hexdigest()[:16]}"
