"""Two directory servers with the same people in them: the real slapd, and a small fake in the test's own process."""

from __future__ import annotations

import asyncio
import contextlib
import re
import signal
import socket
import ssl
import time
from pathlib import Path
from typing import Protocol

import pyotp
from sansldap import (
    BindRequest,
    ExtendedRequest,
    FilterAnd,
    FilterEquality,
    LDAPResultCode,
    LDAPServer,
    PartialAttribute,
    ProtocolError,
    SearchRequest,
    SimpleCredential,
)
from tests.contract.login.certificates import Certificate
from tests.contract.login.people import EVERYBODY, GROUPS, MOST_FAILURES, SUFFIX, Person, render_ldif

SLAPD_CONF = """
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
include /etc/ldap/schema/nis.schema
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload ppolicy
moduleload otp
TLSCertificateFile {certificate}
TLSCertificateKeyFile {key}
security simple_bind=128
database mdb
suffix "{suffix}"
rootdn "cn=admin,{suffix}"
directory {folder}/data
access to dn.subtree="ou=tokens,{suffix}" by * none
access to attrs=userPassword by anonymous auth by * none
access to dn.subtree="ou=groups,{suffix}" by users read by * none
access to * by users search by * none
overlay ppolicy
ppolicy_default "cn=policy,{suffix}"
overlay otp
"""


class DirectoryServer(Protocol):
    """What the cases need of a server."""

    ldaps_url: str
    ldap_url: str

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    def binds(self) -> int:
        """Binds that reached the server."""

    def freeze(self) -> None:
        """Accept connections, but say nothing."""

    def thaw(self) -> None: ...


class Slapd:
    """OpenLDAP's slapd on loopback, with lockout policy and one-time passwords."""

    def __init__(self, folder: Path, certificate: Certificate) -> None:
        self._folder = folder
        self._certificate = certificate
        self._ports = free_ports(2)
        self.ldaps_url = f"ldaps://127.0.0.1:{self._ports[0]}"
        self.ldap_url = f"ldap://127.0.0.1:{self._ports[1]}"
        self._log = folder / "slapd.log"

    async def start(self) -> None:
        (self._folder / "data").mkdir(parents=True)
        conf = self._folder / "slapd.conf"
        certificate, key = self._certificate.certificate, self._certificate.key
        conf.write_text(SLAPD_CONF.format(certificate=certificate, key=key, suffix=SUFFIX, folder=self._folder))
        ldif = self._folder / "people.ldif"
        ldif.write_text(render_ldif())
        added = await asyncio.create_subprocess_exec("/usr/sbin/slapadd", "-q", "-f", conf, "-l", ldif)
        assert await added.wait() == 0
        with self._log.open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                "/usr/sbin/slapd", "-d", "stats", "-f", conf, "-h", f"{self.ldaps_url} {self.ldap_url}", stderr=log
            )
        for port in self._ports:
            while not await _listens(port):
                assert self._process.returncode is None, self._log.read_text()
                await asyncio.sleep(0.01)

    async def stop(self) -> None:
        self.thaw()
        self._process.terminate()
        await self._process.wait()

    def binds(self) -> int:
        return len(re.findall(r"BIND dn=\"[^\"]+\" method=128", self._log.read_text()))

    def freeze(self) -> None:
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._process.send_signal(signal.SIGCONT)


class FakeDirectory:
    """Answers binds, StartTLS and one kind of search as slapd does with the same people."""

    def __init__(self, certificate: Certificate) -> None:
        self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._context.load_cert_chain(certificate.certificate, certificate.key)
        self._people = {person.dn: person for person in EVERYBODY}
        self._failures: dict[str, int] = {}
        self._last_step: dict[str, int] = {}
        self._binds = 0
        self._awake = asyncio.Event()
        self._awake.set()
        self._connections: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        self._servers = [
            await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._context),
            await asyncio.start_server(self._serve, "127.0.0.1", 0),
        ]
        self.ldaps_url, self.ldap_url = (
            f"{scheme}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            for scheme, server in zip(("ldaps", "ldap"), self._servers, strict=True)
        )

    async def stop(self) -> None:
        for server in self._servers:
            server.close()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    def binds(self) -> int:
        return self._binds

    def freeze(self) -> None:
        self._awake.clear()

    def thaw(self) -> None:
        self._awake.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)
        session = _Session(self, LDAPServer(), encrypted=writer.get_extra_info("ssl_object") is not None)
        try:
            with contextlib.suppress(OSError, ProtocolError):
                while data := await reader.read(65536):
                    await self._awake.wait()
                    for message in session.codec.receive(data):
                        session.answer(message)
                    writer.write(session.codec.data_to_send())
                    await writer.drain()
                    if session.tls_wanted:
                        await writer.start_tls(self._context)
                        session = _Session(self, LDAPServer(), encrypted=True)
        finally:
            writer.transport.abort()

    def judge(self, dn: str, password: str) -> Person | None:
        """The bound person; counts failures and locks as ppolicy does, spends codes as the otp overlay does."""
        self._binds += 1
        person = self._people.get(dn)
        if person is None or self._failures.get(dn, 0) >= MOST_FAILURES:
            return None
        if person.otp_secret is not None:
            password, step = password[:-6], self._find_step(person, password[-6:])
            if step is None:
                password = ""
            else:
                self._last_step[dn] = step
        if password != person.password:
            self._failures[dn] = self._failures.get(dn, 0) + 1
            return None
        self._failures.pop(dn, None)
        return person

    def _find_step(self, person: Person, code: str) -> int | None:
        totp, now = pyotp.TOTP(person.otp_secret or ""), int(time.time()) // 30
        steps = (step for step in (now - 1, now, now + 1) if totp.generate_otp(step) == code)
        return next((step for step in steps if step > self._last_step.get(person.dn, 0)), None)


class _Session:
    """One connection to the fake."""

    def __init__(self, directory: FakeDirectory, codec: LDAPServer, *, encrypted: bool) -> None:
        self.codec = codec
        self.tls_wanted = False
        self._directory = directory
        self._encrypted = encrypted
        self._person: Person | None = None

    def answer(self, message: object) -> None:
        if isinstance(message, ExtendedRequest):
            self.tls_wanted = True
            self.codec.extended_response(message.message_id)
        elif isinstance(message, BindRequest):
            self.codec.bind_response(message.message_id, result_code=self._bind(message))
        elif isinstance(message, SearchRequest):
            code = self._search(message)
            self.codec.search_result_done(message.message_id, result_code=code)

    def _bind(self, message: BindRequest) -> LDAPResultCode:
        if not self._encrypted:
            return LDAPResultCode.CONFIDENTIALITY_REQUIRED
        assert isinstance(message.authentication, SimpleCredential)
        self._person = self._directory.judge(message.name, message.authentication.password)
        return LDAPResultCode.SUCCESS if self._person else LDAPResultCode.INVALID_CREDENTIALS

    def _search(self, message: SearchRequest) -> LDAPResultCode:
        if message.base_object != GROUPS or self._person is None:
            return LDAPResultCode.NO_SUCH_OBJECT
        assert isinstance(message.filter, FilterAnd)
        members = [part.value.decode() for part in message.filter.filters if isinstance(part, FilterEquality)][1:]
        for group in sorted({group for person in EVERYBODY if person.id in members for group in person.groups}):
            attribute = PartialAttribute("cn", [group.encode()])
            self.codec.search_result_entry(message.message_id, f"cn={group},{GROUPS}", [attribute])
        return LDAPResultCode.SUCCESS


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    await writer.wait_closed()
    return True


def free_ports(count: int) -> list[int]:
    """Ports of loopback that nobody uses at the moment."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for opened in sockets:
            opened.bind(("127.0.0.1", 0))
        return [int(opened.getsockname()[1]) for opened in sockets]
