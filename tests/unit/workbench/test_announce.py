"""Announcing: patient while the hub is away, done when it says no."""

from __future__ import annotations

import asyncio
import socket

import pytest
from tests.unit.workbench.hub_double import TOKEN, run_hub

from neuronhub.protocol import EXIT_HUB_REFUSED
from neuronhub.workbench import announce as room
from neuronhub.workbench.announce import Answer, announce
from neuronhub.workbench.errors import StartFailed


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait hundredths of seconds where it would be seconds."""
    monkeypatch.setattr(room, "FIRST_DELAY_S", 0.01)
    monkeypatch.setattr(room, "LONGEST_DELAY_S", 0.05)


async def tell(api_url: str, said: list[str]) -> Answer:
    async with asyncio.timeout(10):
        return await announce(4711, api_url=api_url, token=TOKEN, source="127.0.0.3", say=said.append)


async def test_it_posts_the_port_with_the_servers_token_from_the_nodes_address() -> None:
    said: list[str] = []
    with run_hub() as hub:
        answer = await tell(hub.api_url, said)
        heard = hub.announcements.get_nowait()
    assert heard == {
        "body": {"port": 4711},
        "authorization": f"token {TOKEN}",
        "from": "127.0.0.3",
        "status": 200,
    }
    assert answer.headers["x-jupyterhub-version"] == "6.1.1"
    assert said == []


async def test_it_tries_again_while_the_hub_is_ill_or_busy() -> None:
    said: list[str] = []
    with run_hub((500, 502, 503, 503, 429, 408)) as hub:
        await tell(hub.api_url, said)
        assert [hub.announcements.get_nowait()["status"] for _ in range(7)][-1] == 200
    assert [line.split("(")[1].split(")")[0] for line in said] == [
        "HTTP 500",
        "HTTP 502",
        "HTTP 503",
        "HTTP 429",
        "HTTP 408",
    ]
    assert TOKEN not in "".join(said)


async def test_it_waits_for_a_hub_that_is_down() -> None:
    said: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    telling = asyncio.create_task(tell(f"http://127.0.0.1:{port}/hub/api", said))
    await asyncio.sleep(0.2)
    assert not telling.done()
    with run_hub(port=port) as hub:
        assert (await telling).status == 200
        assert hub.announcements.qsize() == 1
    assert len(said) == 1, "one trouble is told once, however long it lasts"


async def test_something_else_at_the_hubs_address_is_a_hub_that_is_away() -> None:
    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"}")
        writer.write(b"SSH-2.0-OpenSSH\r\n")
        writer.close()

    said: list[str] = []
    heard = asyncio.Event()

    def say(text: str) -> None:
        said.append(text)
        heard.set()

    server = await asyncio.start_server(babble, "127.0.0.1", 0)
    async with server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        telling = asyncio.create_task(announce(4711, api_url=url, token=TOKEN, source=None, say=say))
        async with asyncio.timeout(10):
            await heard.wait()
        telling.cancel()
    assert "not an HTTP server" in said[0]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
async def test_a_refusal_is_the_end_of_this_start(status: int) -> None:
    with run_hub((status,)) as hub:
        with pytest.raises(StartFailed, match=f"HTTP {status}.*start again") as failure:
            await tell(hub.api_url, [])
        assert hub.announcements.qsize() == 1
    assert failure.value.exit_code == EXIT_HUB_REFUSED
