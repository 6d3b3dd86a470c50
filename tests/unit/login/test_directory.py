"""The directory's side of things when servers misbehave; what a proper server does is in the contract tests."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from sansldap import BindRequest, LDAPResultCode, LDAPServer, PartialAttribute, SearchRequest
from tests.contract.login.certificates import Authority
from tests.unit.login.conftest import Clock

from neuronhub.errors import DirectoryUnavailable, LoginSetupError
from neuronhub.login.connection import Server
from neuronhub.login.directory import SHUN_S, Directory, escape_dn, escape_filter, fill
from neuronhub.site import Directory as Settings

log = logging.getLogger("test")
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


class Site:
    """Starts servers that talk as the test likes."""

    def __init__(self, authority: Authority) -> None:
        self._authority = authority
        certificate = authority.issue("127.0.0.1")
        self.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.context.load_cert_chain(certificate.certificate, certificate.key)
        self._servers: list[asyncio.Server] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(self, talk: Talk, *, encrypted: bool = True) -> str:
        async def run(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            self._tasks.add(task)
            try:
                with contextlib.suppress(OSError):
                    await talk(reader, writer)
            finally:
                writer.transport.abort()

        context = self.context if encrypted else None
        server = await asyncio.start_server(run, "127.0.0.1", 0, ssl=context)
        self._servers.append(server)
        return f"{'ldaps' if encrypted else 'ldap'}://127.0.0.1:{server.sockets[0].getsockname()[1]}"

    async def close(self) -> None:
        for server in self._servers:
            server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def directory(self, *urls: str, clock: Clock | None = None, group_base: str | None = None) -> Directory:
        settings = Settings(servers=urls, ca_file=self._authority.file, timeout_s=0.5, group_base=group_base)
        return Directory(settings, log) if clock is None else Directory(settings, log, clock)


@pytest.fixture
async def site(authority: Authority) -> AsyncIterator[Site]:
    site = Site(authority)
    yield site
    await site.close()


def answer_binds(code: LDAPResultCode, seen: list[str] | None = None) -> Talk:
    """A server that answers every bind with ``code``."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        codec = LDAPServer()
        while data := await reader.read(65536):
            for message in codec.receive(data):
                assert isinstance(message, BindRequest | SearchRequest)
                if isinstance(message, BindRequest):
                    if seen is not None:
                        seen.append(message.name)
                    codec.bind_response(message.message_id, result_code=code, diagnostics_message="it is secret-1")
                else:
                    names = [name.encode() for name in ("b", "a", "b")]
                    codec.search_result_reference(message.message_id, ["ldap://elsewhere/"])
                    codec.search_result_entry(message.message_id, "cn=b", [PartialAttribute("CN", names)])
                    codec.search_result_entry(message.message_id, "cn=c", [PartialAttribute("mail", [b"c"])])
                    codec.search_result_done(message.message_id)
            for byte in codec.data_to_send():
                writer.write(bytes([byte]))
        await writer.drain()

    return talk


async def say_garbage(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)
    writer.write(b"HTTP/1.1 400 secret-1\r\n\r\n")
    await writer.drain()


async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)


async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(60)


async def say_too_much(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)
    writer.write(b"\x30\x84\x7f\xff\xff\xff")
    while not writer.is_closing():
        writer.write(bytes(65536))
        await asyncio.sleep(0.001)


async def refuse_start_tls(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    codec = LDAPServer()
    (request,) = codec.receive(await reader.read(65536))
    codec.extended_response(request.message_id, result_code=LDAPResultCode.UNAVAILABLE)
    writer.write(codec.data_to_send())
    assert await reader.read() == b""


TROUBLE = {
    "says garbage": say_garbage,
    "hangs up": hang_up,
    "says nothing": say_nothing,
    "says too much": say_too_much,
    "is busy": answer_binds(LDAPResultCode.BUSY),
    "is unwilling": answer_binds(LDAPResultCode.UNWILLING_TO_PERFORM),
    "points elsewhere": answer_binds(LDAPResultCode.REFERRAL),
    # sansldap takes codes that it does not know for 0.
    "says something unknown": answer_binds(LDAPResultCode(118)),
    "says something big and unknown": answer_binds(LDAPResultCode(4711)),
}


@pytest.mark.parametrize("talk", TROUBLE.values(), ids=TROUBLE.keys())
async def test_server_in_trouble_is_no_answer(site: Site, talk: Talk, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    url = await site.serve(talk)
    with pytest.raises(DirectoryUnavailable):
        await site.directory(url).sign_in("alice", "secret-1")
    assert url in caplog.text
    assert "secret-1" not in caplog.text


@pytest.mark.parametrize("talk", TROUBLE.values(), ids=TROUBLE.keys())
async def test_next_server_is_asked(site: Site, talk: Talk) -> None:
    urls = await site.serve(talk), await site.serve(answer_binds(LDAPResultCode.SUCCESS))
    assert await site.directory(*urls).sign_in("alice", "secret-1") == ()


@pytest.mark.parametrize("name", ["INVALID_CREDENTIALS", "NO_SUCH_OBJECT", "CONSTRAINT_VIOLATION"])
async def test_no_is_not_put_to_the_next_server(site: Site, name: str) -> None:
    seen: list[str] = []
    urls = (
        await site.serve(answer_binds(LDAPResultCode[name])),
        await site.serve(answer_binds(LDAPResultCode.SUCCESS, seen)),
    )
    assert await site.directory(*urls).sign_in("alice", "secret-1") is None
    assert seen == []


async def test_server_that_failed_is_asked_last_for_a_while(site: Site, clock: Clock) -> None:
    first, second = list[str](), list[str]()
    urls = (
        await site.serve(answer_binds(LDAPResultCode.BUSY, first)),
        await site.serve(answer_binds(LDAPResultCode.SUCCESS, second)),
    )
    directory = site.directory(*urls, clock=clock)
    for _ in range(3):
        assert await directory.sign_in("alice", "secret-1") == ()
    assert (len(first), len(second)) == (1, 3)
    clock.now += SHUN_S + 1
    await directory.sign_in("alice", "secret-1")
    assert (len(first), len(second)) == (2, 4)


async def test_groups_are_sorted_and_references_left_alone(site: Site) -> None:
    url = await site.serve(answer_binds(LDAPResultCode.SUCCESS))
    assert await site.directory(url, group_base="ou=groups").sign_in("alice", "secret-1") == ("a", "b")


async def test_no_password_without_start_tls(site: Site) -> None:
    url = await site.serve(refuse_start_tls, encrypted=False)
    with pytest.raises(DirectoryUnavailable):
        await site.directory(url).sign_in("alice", "secret-1")


async def test_what_is_said_before_tls_is_not_believed(site: Site) -> None:
    seen: list[str] = []

    async def inject(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        codec = LDAPServer()
        (request,) = codec.receive(await reader.read(65536))
        codec.extended_response(request.message_id)
        forged = LDAPServer()
        forged._outstanding_requests.add(1)
        forged.bind_response(1)
        writer.write(codec.data_to_send() + forged.data_to_send())
        await writer.start_tls(site.context)
        await answer_binds(LDAPResultCode.INVALID_CREDENTIALS, seen)(reader, writer)

    url = await site.serve(inject, encrypted=False)
    with pytest.raises(DirectoryUnavailable):
        await site.directory(url).sign_in("alice", "secret-1")
    assert seen == []


async def test_flood_is_turned_away_before_the_sockets_run_out(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("neuronhub.login.directory.MOST_AT_ONCE", 3)
    directory = site.directory(await site.serve(say_nothing))
    waiting = [asyncio.create_task(directory.sign_in("alice", "secret-1")) for _ in range(3)]
    await asyncio.sleep(0)
    with pytest.raises(DirectoryUnavailable, match="3 sign-ins wait"):
        await directory.sign_in("alice", "secret-1")
    assert {type(error) for error in await asyncio.gather(*waiting, return_exceptions=True)} == {DirectoryUnavailable}
    with pytest.raises(DirectoryUnavailable, match="No server"):
        await directory.sign_in("alice", "secret-1")


async def test_empty_password_never_leaves(site: Site) -> None:
    seen: list[str] = []
    url = await site.serve(answer_binds(LDAPResultCode.SUCCESS, seen))
    with pytest.raises(ValueError, match="password"):
        await site.directory(url).sign_in("alice", "")
    assert seen == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"servers": ("http://ldap.example.org",)}, "ldaps://host"),
        ({"servers": ("ldaps://",)}, "ldaps://host"),
        ({"servers": ("ldaps://user@host",)}, "ldaps://host"),
        ({"servers": ("ldaps://host:99999",)}, "Port"),
        ({"servers": (f"ldaps://{'x' * 64}.example.org",)}, "label"),
        ({"ca_file": Path("/nowhere/ca.pem")}, "/nowhere/ca.pem"),
        ({"group_filter": "(memberUid={id}"}, "login.directory"),
        ({"user_dn": "uid=alice,dc=example"}, "{id}"),
    ],
)
def test_wrong_settings_are_found_at_the_start(change: dict[str, object], words: str) -> None:
    settings = Settings(servers=("ldaps://127.0.0.1",)).model_copy(update=change)
    with pytest.raises(LoginSetupError) as problem:
        Directory(settings, log)
    assert words in str(problem.value)


def test_file_without_a_certificate(tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    file.write_text("nothing")
    with pytest.raises(LoginSetupError, match="holds no certificate"):
        Directory(Settings(servers=("ldaps://127.0.0.1",), ca_file=file), log)


def test_servers() -> None:
    assert Server.parse("ldaps://ldap.example.org") == Server("ldap.example.org", 636, False)
    assert Server.parse("ldap://[::1]:1389/") == Server("::1", 1389, True)
    assert str(Server.parse("ldap://[::1]")) == "ldap://[::1]:389"


def test_escaping() -> None:
    assert escape_filter("a*(b)\\c\0ü") == "a\\2a\\28b\\29\\5cc\\00ü"
    assert escape_dn(' a,b+c"d\\e<f>g;h=i ') == "\\20a\\2cb\\2bc\\22d\\5ce\\3cf\\3eg\\3bh\\3di\\20"
    assert escape_dn("#a#\0") == "\\23a#\\00"
    assert fill("(|(m={id})(d={dn})(x={y}))", {"id": "{dn}", "dn": "uid={id}"}) == "(|(m={dn})(d=uid={id})(x={y}))"
