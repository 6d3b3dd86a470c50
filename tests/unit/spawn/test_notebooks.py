"""Notebooks that were open, asked of a server that may answer anything."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from tornado.httpclient import AsyncHTTPClient

from neuronhub.spawn import notebooks
from neuronhub.spawn.notebooks import (
    LONGEST_PATH,
    MOST_NOTEBOOKS,
    fetch_notebooks,
    is_notebook,
    parse_sessions,
    render_notebook_url,
)

Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]


def session(path: object, kind: object = "notebook") -> dict[str, object]:
    return {"id": "1", "path": path, "type": kind, "kernel": {"name": "python3"}, "notebook": {"path": path}}


def test_notebooks_are_told_once_and_consoles_are_not() -> None:
    told = [session("a.ipynb"), session("b/c d.ipynb"), session("x.py", "console"), session("a.ipynb")]
    assert parse_sessions(json.dumps(told).encode()) == ("a.ipynb", "b/c d.ipynb")


@pytest.mark.parametrize(
    "path",
    [
        "../a.ipynb",
        "a/../../b.ipynb",
        "a/./b.ipynb",
        "/etc/a.ipynb",
        "//evil.example/a.ipynb",
        "a//b.ipynb",
        "https://evil.example/a.ipynb",
        "javascript:alert(1)//a.ipynb",
        "RTC:a.ipynb",
        "a\\..\\b.ipynb",
        "a\nb.ipynb",
        "a\x00.ipynb",
        "a\u202e.ipynb",
        "a\ud800.ipynb",
        "a.txt",
        "",
        "x" * LONGEST_PATH + ".ipynb",
        7,
        None,
        ["a.ipynb"],
    ],
)
def test_paths_that_could_lead_elsewhere_are_left_out(path: object) -> None:
    assert not is_notebook(path)
    assert parse_sessions(json.dumps([session(path), session("a.ipynb")]).encode()) == ("a.ipynb",)


def test_only_so_many_are_kept() -> None:
    many = [session(f"{number}.ipynb") for number in range(10 * MOST_NOTEBOOKS)]
    assert len(parse_sessions(json.dumps(many).encode())) == MOST_NOTEBOOKS


@pytest.mark.parametrize("body", [b"{}", b"7", b"null", b'"a.ipynb"', b"[[]]", b"[null]", b'[{"type": []}]', b"[{}]"])
def test_other_json_has_no_notebooks(body: bytes) -> None:
    assert parse_sessions(body) == ()


@pytest.mark.parametrize("body", [b"", b"<html>", b"\xff\xfe", b"[" * 100_000])
def test_what_is_no_json_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # whatever it says
        parse_sessions(body)


def test_an_address_holds_nothing_that_a_browser_could_read_as_another() -> None:
    url = render_notebook_url("/user/alice/", "a b/ü?x#y%2e&z.ipynb")
    assert url == "/user/alice/notebooks/a%20b/%C3%BC%3Fx%23y%252e%26z.ipynb"


# A real server on a real socket


@pytest.fixture
async def client() -> AsyncIterator[AsyncHTTPClient]:
    """As the desk makes it, with a limit of size."""
    client = AsyncHTTPClient(force_instance=True, max_body_size=64 * 1024)
    yield client
    client.close()


async def ask(client: AsyncHTTPClient, answer: Answer) -> tuple[tuple[str, ...], str]:
    """What is made of a server's ``answer``, and what it was asked."""
    asked = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append((await reader.readuntil(b"\r\n\r\n")).decode())
        try:
            await answer(writer)
        except ConnectionError:
            return  # the asker had enough
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        found = await fetch_notebooks(client, f"http://127.0.0.1:{port}/user/alice/", "secret")
    return found, asked[0]


def say(text: str, *, status: str = "200 OK", headers: str = "") -> Answer:
    async def write(writer: asyncio.StreamWriter) -> None:
        body = text.encode()
        writer.write(f"HTTP/1.1 {status}\r\n{headers}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        await writer.drain()

    return write


async def test_the_server_is_asked_with_its_own_token(client: AsyncHTTPClient) -> None:
    found, asked = await ask(client, say(json.dumps([session("a.ipynb")])))
    assert found == ("a.ipynb",)
    assert asked.startswith("GET /user/alice/api/sessions HTTP/1.1\r\n")
    assert "Authorization: token secret" in asked


async def drip(writer: asyncio.StreamWriter) -> None:
    """Never ends."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    while True:
        writer.write(b"[")
        await writer.drain()
        await asyncio.sleep(0.01)


async def flood(writer: asyncio.StreamWriter) -> None:
    """Never ends either, and does not say how much it is."""
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"10000\r\n" + b"[" * 0x10000 + b"\r\n")
        await writer.drain()


@pytest.mark.parametrize(
    "answer",
    [
        drip,
        flood,
        say("[" + " " * 100_000 + "]"),
        say(json.dumps([session("a.ipynb")]), status="500 No"),
        say("", status="302 Found", headers="Location: http://169.254.169.254/\r\n"),
        say("nonsense"),
        say("no status at all", status="what?"),
    ],
    ids=["drip", "flood", "large", "error", "redirect", "nonsense", "no HTTP"],
)
async def test_whatever_it_answers_is_soon_over_and_harmless(
    client: AsyncHTTPClient, answer: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notebooks, "PATIENCE_S", 0.5)
    async with asyncio.timeout(5):
        assert (await ask(client, answer))[0] == ()


async def test_a_server_that_is_not_there(client: AsyncHTTPClient, unused_tcp_port: int) -> None:
    assert await fetch_notebooks(client, f"http://127.0.0.1:{unused_tcp_port}/user/alice/", "secret") == ()
