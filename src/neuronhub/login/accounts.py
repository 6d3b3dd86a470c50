"""What people type when they sign in, checked at the border before anything else sees it. Runs in the hub.

An account ID has one spelling: the typed text without white space at its ends, in lower case, ASCII
only, matching the site's ``id_pattern``. Directories take ``BOB``, full-width ``ｂｏｂ`` and ``bo\\62`` for
the same person; limits, spent codes and JupyterHub's own user table must not be fooled by that.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

FIELDS = ("username", "otp", "password")
LONGEST_BYTES = {"username": 256, "otp": 64, "password": 1024}


class BadForm(ValueError):
    """The form itself is wrong (a field missing, doubled, too long ...); nothing was checked."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """The three fields, complete and of sane size, the account ID as it was typed."""

    account: str
    otp: str = field(repr=False)
    password: str = field(repr=False)


def parse_body(arguments: Mapping[str, list[bytes]], query: Mapping[str, list[bytes]]) -> dict[str, str]:
    """Return the fields of a posted form, each given once, in the body only; raises BadForm.

    Tornado's own reading takes the last of several values, mixes in the query string, turns NUL into a
    space, and quotes a value that is not UTF-8 in the log.
    """
    fields = {}
    for name in FIELDS:
        values = arguments.get(name, [])
        if len(values) > 1 or name in query:
            raise BadForm(f"{name} is given more than once or in the address")
        if values:
            try:
                fields[name] = values[0].decode("utf-8")
            except UnicodeDecodeError:
                raise BadForm(f"{name} is not UTF-8") from None
    return fields


def parse_credentials(data: object) -> Credentials:
    """Return the credentials in ``data`` (a form, or the body of a REST request); raises BadForm."""
    if not isinstance(data, Mapping):
        raise BadForm("no fields at all")
    return Credentials(*(_parse_field(name, data.get(name)) for name in FIELDS))


def _parse_field(name: str, value: object) -> str:
    if not isinstance(value, str) or not value:
        raise BadForm(f"{name} is missing")
    try:
        size = len(value.encode("utf-8"))
    except UnicodeEncodeError:
        raise BadForm(f"{name} is not Unicode text") from None
    if size > LONGEST_BYTES[name]:
        raise BadForm(f"{name} is too long")
    if "\0" in value:
        raise BadForm(f"{name} contains a NUL")
    return value


def parse_account(text: str, pattern: re.Pattern[str]) -> str | None:
    """Return the canonical account ID for what was typed, or None when it cannot be one."""
    account = text.strip().lower() if text.isascii() else ""
    return account if account and pattern.fullmatch(account) else None


def parse_otp(text: str) -> str | None:
    """Return the 6 to 8 ASCII digits of a code; spaces, as authenticator apps show them, do not count."""
    digits = text.replace(" ", "")
    return digits if re.fullmatch(r"[0-9]{6,8}", digits) else None
