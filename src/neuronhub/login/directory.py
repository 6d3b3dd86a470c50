"""The LDAP directory: is this the user's password, and in which groups is the user? Runs in the hub.

Servers are asked in the site's order; those that failed a moment ago come last. A "no" is an answer;
only silence, a broken connection or a server's own trouble moves on to the next server.
"""

from __future__ import annotations

import asyncio
import logging
import re
import ssl
import time
from collections.abc import Callable

from sansldap import LDAPFilter, LDAPResultCode

from neuronhub.errors import DirectoryUnavailable, LoginSetupError
from neuronhub.login.connection import Connection, ConnectionFailed, Server
from neuronhub.site import Directory as Settings

REFUSALS = frozenset(
    {
        LDAPResultCode.INVALID_CREDENTIALS,
        LDAPResultCode.NO_SUCH_OBJECT,
        LDAPResultCode.INAPPROPRIATE_AUTHENTICATION,
        LDAPResultCode.CONSTRAINT_VIOLATION,
    }
)
"""Answers to a bind that speak about the account, not about the server (some directories lock with the last one)."""
MOST_GROUPS = 1000
MOST_AT_ONCE = 100
"""Sign-ins that wait for the directory; more are told at once that it is away, before the hub runs out of sockets."""
SHUN_S = 30.0
"""How long a server that failed is asked last."""


class Directory:
    """The site's directory servers."""

    def __init__(self, settings: Settings, log: logging.Logger, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._log = log
        self._clock = clock
        self._failed_at: dict[Server, float] = {}
        self._waiting = 0
        try:
            self._servers = [Server.parse(url) for url in settings.servers]
            self._context = ssl.create_default_context(cafile=settings.ca_file)
            self._group_filter("check", "uid=check")
            if "{id}" not in settings.user_dn:
                raise ValueError("user_dn has no {id}: everybody would sign in as the same entry")
        except ssl.SSLError as error:
            raise LoginSetupError(f"login.directory.ca_file {settings.ca_file}: holds no certificate.") from error
        except OSError as error:
            text = f"login.directory.ca_file {settings.ca_file}: cannot be read ({error.strerror})."
            raise LoginSetupError(text) from error
        except ValueError as error:
            raise LoginSetupError(f"login.directory: {error}") from error

    async def sign_in(self, user: str, password: str) -> tuple[str, ...] | None:
        """Return the groups of ``user`` when the password is right, None when the directory says no.

        Raises DirectoryUnavailable when no server gave an answer.
        """
        if self._waiting >= MOST_AT_ONCE:
            raise DirectoryUnavailable(f"{self._waiting} sign-ins wait for the directory already; try again soon.")
        self._waiting += 1
        try:
            for server in self._in_order():
                try:
                    async with asyncio.timeout(self._settings.timeout_s):
                        groups = await self._ask(server, user, password)
                except TimeoutError:
                    self._note_failure(server, f"no answer within {self._settings.timeout_s:g} s")
                except (OSError, ConnectionFailed) as error:
                    self._note_failure(server, str(error))
                else:
                    self._failed_at.pop(server, None)
                    return groups
        finally:
            self._waiting -= 1
        raise DirectoryUnavailable("No server of the directory gave an answer; try again in a few minutes.")

    def _in_order(self) -> list[Server]:
        horizon = self._clock() - SHUN_S
        return sorted(self._servers, key=lambda server: self._failed_at.get(server, horizon - 1) > horizon)

    def _note_failure(self, server: Server, reason: str) -> None:
        self._failed_at[server] = self._clock()
        self._log.warning("directory server %s: %s", server, reason)

    async def _ask(self, server: Server, user: str, password: str) -> tuple[str, ...] | None:
        dn = fill(self._settings.user_dn, {"id": escape_dn(user)})
        connection = await Connection.open(server, self._context)
        try:
            code = await connection.bind(dn, password)
            if code in REFUSALS:
                return None
            if code != LDAPResultCode.SUCCESS:
                raise ConnectionFailed(f"the bind was answered with {LDAPResultCode(code).name}")
            return await self._fetch_groups(connection, user, dn)
        finally:
            await connection.close()

    async def _fetch_groups(self, connection: Connection, user: str, dn: str) -> tuple[str, ...]:
        """The user's groups, read with the user's own rights.

        Too many, or a search that fails, counts as no answer: a user with half of the groups would
        meet closed queues and no reason for it.
        """
        if self._settings.group_base is None:
            return ()
        code, values = await connection.search(
            self._settings.group_base, self._group_filter(user, dn), self._settings.group_attribute, MOST_GROUPS
        )
        if code != LDAPResultCode.SUCCESS:
            name = LDAPResultCode(code).name
            raise ConnectionFailed(f"the search for groups below {self._settings.group_base} ended with {name}")
        try:
            return tuple(sorted({value.decode("utf-8") for value in values}))
        except UnicodeDecodeError:
            raise ConnectionFailed("a group's name is not UTF-8") from None

    def _group_filter(self, user: str, dn: str) -> LDAPFilter:
        return LDAPFilter.from_string(
            fill(self._settings.group_filter, {"id": escape_filter(user), "dn": escape_filter(dn)})
        )


def fill(template: str, values: dict[str, str]) -> str:
    """Replace ``{name}`` in ``template``; what was filled in is not looked at again."""
    return re.sub(r"\{(\w+)\}", lambda match: values.get(match[1], match[0]), template)


def escape_dn(text: str) -> str:
    """Escape an attribute value for a distinguished name (RFC 4514)."""
    return re.sub(r'^[ #]|[\\,+"<>;=]| \Z|\0', lambda match: f"\\{ord(match[0]):02x}", text)


def escape_filter(text: str) -> str:
    """Escape a value for a search filter (RFC 4515)."""
    return re.sub(r"[\\*()\0]", lambda match: f"\\{ord(match[0]):02x}", text)
