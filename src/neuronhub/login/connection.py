"""One LDAP connection over verified TLS: asyncio streams, and sansldap as the codec. Runs in the hub.

The caller sets the time limit. Nothing here follows a referral, and nothing is logged.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
import ssl
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import urlsplit

from sansldap import (
    BindResponse,
    ExtendedOperations,
    ExtendedResponse,
    LDAPClient,
    LDAPError,
    LDAPFilter,
    LDAPMessage,
    LDAPResult,
    LDAPResultCode,
    SearchResultDone,
    SearchResultEntry,
    SearchScope,
)

MOST_BYTES = 1 << 20
"""A server that sends more than this on one connection is not believed."""
CLOSE_TIMEOUT_S = 0.2

# Not the loop's own pool: a name server that hangs must not stop others who need a thread.
_resolver = ThreadPoolExecutor(max_workers=4, thread_name_prefix="login-resolver")


class ConnectionFailed(Exception):
    """This server gave no usable answer; the text says what happened, without secrets."""


@dataclass(frozen=True, slots=True)
class Server:
    """Where one directory server listens."""

    host: str
    port: int
    start_tls: bool
    """TLS begins with the StartTLS operation instead of at once."""

    @classmethod
    def parse(cls, url: str) -> Server:
        """Parse ``ldaps://host[:port]`` or ``ldap://host[:port]``; raises ValueError."""
        parts = urlsplit(url)
        if parts.scheme not in {"ldap", "ldaps"} or not parts.hostname or parts.username or parts.path.strip("/"):
            raise ValueError(f"{url} is not of the form ldaps://host[:port] or ldap://host[:port]")
        parts.hostname.encode("idna")  # ValueError now rather than from the resolver at every sign-in
        start_tls = parts.scheme == "ldap"
        return cls(parts.hostname, parts.port or (389 if start_tls else 636), start_tls)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'ldap' if self.start_tls else 'ldaps'}://{host}:{self.port}"


class Connection:
    """Bind once, search, close. After an exception only ``close`` is left to do."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, plain: Connection | None = None
    ) -> None:
        self._reader = reader
        self._writer = writer
        # Below StartTLS lies a plain stream; from Python 3.13 on it would close when it is collected.
        self._plain = plain
        self._client = LDAPClient()
        self._received = 0
        self._messages: list[LDAPMessage] = []

    @classmethod
    async def open(cls, server: Server, context: ssl.SSLContext) -> Connection:
        """Connect; the server has proved its name when this returns. Raises OSError or ConnectionFailed."""
        problem: OSError | None = None
        for address in await _resolve(server):
            try:
                if server.start_tls:
                    return await cls._open_with_start_tls(server, address, context)
                streams = await asyncio.open_connection(
                    address, server.port, ssl=context, server_hostname=server.host, ssl_shutdown_timeout=CLOSE_TIMEOUT_S
                )
                return cls(*streams)
            except OSError as error:
                problem = error
        raise problem or ConnectionFailed("the server's name has no address")

    @classmethod
    async def _open_with_start_tls(cls, server: Server, address: str, context: ssl.SSLContext) -> Connection:
        plain = cls(*await asyncio.open_connection(address, server.port))
        try:
            plain._client.extended_request(ExtendedOperations.LDAP_START_TLS.value)
            answer = await plain._receive()
            if not isinstance(answer, ExtendedResponse) or _code(answer.result) != LDAPResultCode.SUCCESS:
                raise ConnectionFailed("the server refused StartTLS")
            # A new reader: whatever somebody put in before the encryption began is not read as part of it.
            loop = asyncio.get_running_loop()
            reader = asyncio.StreamReader(loop=loop)
            protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
            transport = await loop.start_tls(
                plain._writer.transport,
                protocol,
                context,
                server_hostname=server.host,
                ssl_shutdown_timeout=CLOSE_TIMEOUT_S,
            )
            if transport is None:
                raise ConnectionFailed("the connection was lost before TLS")
            protocol.connection_made(transport)
            return cls(reader, asyncio.StreamWriter(transport, protocol, reader, loop), plain)
        except BaseException:
            plain._writer.transport.abort()
            raise

    async def bind(self, dn: str, password: str) -> int:
        """Return the result code of a bind with a name and a password; without a password it would bind as nobody."""
        if not password or not dn:
            raise ValueError("a bind needs a name and a password")
        self._client.bind_simple(dn, password)
        answer = await self._receive()
        if not isinstance(answer, BindResponse):
            raise ConnectionFailed("the answer to the bind is something else")
        return _code(answer.result)

    async def search(self, base: str, condition: LDAPFilter, attribute: str, most: int) -> tuple[int, list[bytes]]:
        """Return the result code and every value of ``attribute`` below ``base`` where ``condition`` holds.

        References to other servers are left alone.
        """
        self._client.search_request(
            base, scope=SearchScope.SUBTREE, size_limit=most, filter=condition, attributes=[attribute]
        )
        values: list[bytes] = []
        while True:
            answer = await self._receive()
            if isinstance(answer, SearchResultDone):
                return _code(answer.result), values
            if isinstance(answer, SearchResultEntry):
                for found in answer.attributes:
                    if found.name.lower() == attribute.lower():
                        values.extend(found.values)

    async def _receive(self) -> LDAPMessage:
        """Send what waits to be sent and return the next message."""
        self._writer.write(self._client.data_to_send())
        await self._writer.drain()
        while not self._messages:
            data = await self._reader.read(65536)
            if not data:
                raise ConnectionFailed("the server closed the connection")
            self._received += len(data)
            if self._received > MOST_BYTES:
                raise ConnectionFailed(f"the server sent more than {MOST_BYTES} bytes")
            try:
                self._messages = self._client.receive(data)
            except (LDAPError, ValueError, IndexError) as error:
                # The codec's words may quote what it read.
                raise ConnectionFailed(f"the server does not speak LDAP ({type(error).__name__})") from None
        return self._messages.pop(0)

    async def close(self) -> None:
        """Say goodbye, but do not wait for a server that does not listen."""
        with contextlib.suppress(OSError, LDAPError, TimeoutError):
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                self._client.unbind()
                self._writer.write(self._client.data_to_send())
                self._writer.close()
                await self._writer.wait_closed()
        self._writer.transport.abort()


def _code(result: LDAPResult) -> int:
    # sansldap's members for codes that it does not know compare equal to 0, which is success.
    return int(result.result_code.value)


async def _resolve(server: Server) -> list[str]:
    try:
        return [str(ipaddress.ip_address(server.host))]
    except ValueError:
        pass  # a name, then
    found = await asyncio.get_running_loop().run_in_executor(
        _resolver, lambda: socket.getaddrinfo(server.host, server.port, type=socket.SOCK_STREAM)
    )
    return [str(entry[4][0]) for entry in found]
