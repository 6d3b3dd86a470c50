"""TOTP secrets, sealed in the login database with a key that lies in a file of its own.

Used by the hub (to read), by ``neuronhub otp`` and by the embedded site (to enrol).
"""

from __future__ import annotations

import binascii
import os
import stat
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pyotp
from cryptography.fernet import Fernet, InvalidToken
from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects.sqlite import insert

from neuronhub.errors import AlreadyEnrolled, LoginSetupError
from neuronhub.login.database import Database, factors

SHORTEST_SECRET_BYTES = 16
"""RFC 4226 demands 128 bits."""


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What the user's authenticator app must learn, shown once and never again."""

    secret: str = field(repr=False)
    """Base32."""
    uri: str = field(repr=False)
    """``otpauth://totp/...``"""


def ensure_key(path: Path) -> None:
    """Make a key file (mode 0600) unless there is one; as root, it belongs to the owner of its folder."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        return
    with os.fdopen(descriptor, "wb") as file:
        file.write(Fernet.generate_key() + b"\n")
        if os.geteuid() == 0:
            folder = path.parent.stat()
            os.fchown(file.fileno(), folder.st_uid, folder.st_gid)


def read_key(path: Path) -> Fernet:
    """Read the key file; raises LoginSetupError when others can read it or it holds no key."""
    where = f"login.second_factor.key_file {path}"
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            text = file.read(1024)
    except FileNotFoundError as error:
        raise LoginSetupError(f"{where}: does not exist. Make it with `neuronhub otp new-key`.") from error
    except OSError as error:
        raise LoginSetupError(
            f"{where}: cannot be read ({error.strerror}). It must belong to the hub's user."
        ) from error
    if mode & 0o077:
        raise LoginSetupError(f"{where}: other users may read or change it. Run `chmod 600 {path}`.")
    try:
        return Fernet(text.strip())
    except (ValueError, binascii.Error):
        # Without the cause: its text may quote the key.
        raise LoginSetupError(f"{where}: holds no Fernet key. Put the right file there.") from None


class TotpStore:
    """Who is enrolled, and with which secret."""

    def __init__(self, database: Database, key: Fernet, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._key = key
        self._clock = clock

    def check_key(self) -> None:
        """Raise LoginSetupError when the key fits nothing of what is in the database."""
        rows = self._database.run_now(lambda connection: connection.execute(select(factors)).all())
        for row in rows:
            try:
                self._unseal(row.user, row.sealed)
            except LoginSetupError as error:
                problem = error
            else:
                return
        if rows:
            raise problem

    def enrol(self, user: str, issuer: str, secret: str | None = None, *, replace: bool = False) -> Enrolment:
        """Give ``user`` a second factor (``secret`` in base32, or a new one).

        Raises AlreadyEnrolled when there is one and ``replace`` is not set, ValueError for a bad secret.
        """
        secret = _parse_secret(secret) if secret is not None else pyotp.random_base32()
        sealed = self._key.encrypt(f"{user}:{secret}".encode())
        row = insert(factors).values(user=user, sealed=sealed, enrolled_at=self._clock())
        if replace:
            updated = {"sealed": sealed, "enrolled_at": self._clock()}
            row = row.on_conflict_do_update(index_elements=["user"], set_=updated)
        else:
            row = row.on_conflict_do_nothing()
        if self._database.run_now(lambda connection: connection.execute(row).rowcount) != 1:
            raise AlreadyEnrolled(f"{user} is enrolled already. To make the old code generator useless, use --replace.")
        return Enrolment(secret, pyotp.TOTP(secret).provisioning_uri(name=user, issuer_name=issuer))

    def revoke(self, user: str) -> bool:
        """Take the second factor of ``user`` away; False when there was none."""
        row = delete(factors).where(factors.c.user == user)
        return self._database.run_now(lambda connection: connection.execute(row).rowcount) == 1

    def enrolled_at(self, user: str) -> datetime | None:
        """When ``user`` was enrolled, or None."""
        row = self._database.run_now(lambda connection: _select(connection, user))
        return None if row is None else datetime.fromtimestamp(row[1], UTC)

    async def fetch_secret(self, user: str) -> str | None:
        """The secret of ``user``, or None when not enrolled; raises LoginSetupError when the key does not fit."""
        row = await self._database.run(lambda connection: _select(connection, user))
        return None if row is None else self._unseal(user, row[0])

    def _unseal(self, user: str, sealed: bytes) -> str:
        try:
            owner, _, secret = self._key.decrypt(sealed).decode().partition(":")
        except InvalidToken:
            owner, secret = "", ""
        if owner != user:
            raise LoginSetupError(
                f"The second factor of {user} was not sealed with the key in login.second_factor.key_file. "
                "Put the right key file back, or enrol again with --replace."
            )
        return secret


def _select(connection: Connection, user: str) -> tuple[bytes, float] | None:
    row = connection.execute(
        select(factors.c.sealed, factors.c.enrolled_at).where(factors.c.user == user)
    ).one_or_none()
    return None if row is None else (row.sealed, row.enrolled_at)


def _parse_secret(text: str) -> str:
    secret = text.replace(" ", "").upper().rstrip("=")
    try:
        size = len(pyotp.TOTP(secret).byte_secret())
    except (ValueError, binascii.Error):
        raise ValueError("the secret is not base32") from None
    if size < SHORTEST_SECRET_BYTES:
        raise ValueError(f"the secret is shorter than {SHORTEST_SECRET_BYTES * 8} bits")
    return secret
