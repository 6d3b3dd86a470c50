"""Users who start and stop servers by JupyterHub's REST API, through the proxy; the same for every subject."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp

LONGEST_START_S = 400.0
LONGEST_STOP_S = 120.0
ANSWER_WITHIN_S = 30.0
"""From the hub's word that the server is ready."""
LOOK_S = 0.1
MOST_WORDS = 200
"""Of an answer that is quoted."""


class HubSaidNo(Exception):
    """A hub gave another answer than the API promises; the text quotes it."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A hub that is measured."""

    name: str
    public_url: str
    """Of its proxy, without a slash at the end."""
    health_url: str
    """Of the hub itself."""
    token: str
    """Of a service that may make users and tokens for them."""
    pid: int
    """Of the hub's process."""
    options: Mapping[str, Any]
    """What a start asks for."""


@dataclass(frozen=True, slots=True)
class Start:
    """One start: how long until the server answered through the proxy, or what went wrong."""

    user: str
    seconds: float | None
    problem: str = ""


class Load:
    """All users of one subject."""

    def __init__(self, subject: Subject, session: aiohttp.ClientSession) -> None:
        self._subject = subject
        self._session = session
        self._api = f"{subject.public_url}/hub/api"
        self._tokens: dict[str, str] = {}

    async def ensure_users(self, names: Sequence[str]) -> None:
        """Make the users known to the hub, each with a token of its own.

        The service's token would cost every request the many rounds of hashing that JupyterHub spends on tokens
        which it has not drawn itself.
        """
        for name in names:
            if name not in self._tokens:
                self._tokens[name] = await self._make_user(name)

    async def _make_user(self, name: str) -> str:
        headers = {"Authorization": f"token {self._subject.token}"}
        async with self._session.post(f"{self._api}/users/{name}", headers=headers) as answer:
            if answer.status not in (201, 409):
                raise HubSaidNo(await quote(answer))
        async with self._session.post(f"{self._api}/users/{name}/tokens", headers=headers) as answer:
            if answer.status != 201:
                raise HubSaidNo(await quote(answer))
            return str((await answer.json())["token"])

    def _authorize(self, user: str) -> dict[str, str]:
        return {"Authorization": f"token {self._tokens[user]}"}

    async def start(self, user: str) -> Start:
        """Start the user's server, and wait until it answers through the proxy."""
        began = time.perf_counter()
        try:
            async with asyncio.timeout(LONGEST_START_S):
                await self._ask_for_server(user)
                await self._wait_for_answer(user)
        except TimeoutError:
            return Start(user, None, f"no answer within {LONGEST_START_S:.0f} s")
        except (HubSaidNo, aiohttp.ClientError) as error:
            return Start(user, None, str(error) or type(error).__name__)
        return Start(user, time.perf_counter() - began)

    async def start_all(self, users: Sequence[str]) -> list[Start]:
        """Start the servers of all ``users`` at once."""
        return list(await asyncio.gather(*(self.start(user) for user in users)))

    async def stop(self, user: str) -> None:
        """Stop the user's server, waiting or running or not there, and wait until the hub says that it has ended."""
        headers = self._authorize(user)
        async with asyncio.timeout(LONGEST_STOP_S):
            async with self._session.delete(f"{self._api}/users/{user}/server", headers=headers) as answer:
                if answer.status not in (202, 204):
                    raise HubSaidNo(await quote(answer))
                ended = answer.status == 204
            while not ended:
                await asyncio.sleep(LOOK_S)
                async with self._session.get(f"{self._api}/users/{user}", headers=headers) as answer:
                    model = await answer.json()
                    ended = model["server"] is None and model["pending"] is None

    async def stop_all(self, users: Sequence[str]) -> None:
        """Stop the servers of all ``users`` at once."""
        await asyncio.gather(*(self.stop(user) for user in users))

    async def _ask_for_server(self, user: str) -> None:
        url = f"{self._api}/users/{user}/server"
        headers = self._authorize(user)
        async with self._session.post(url, json=dict(self._subject.options), headers=headers) as answer:
            if answer.status == 202:
                await self._follow(user)
            elif answer.status != 201:
                raise HubSaidNo(await quote(answer))

    async def _follow(self, user: str) -> None:
        url = f"{self._api}/users/{user}/server/progress"
        async with self._session.get(url, headers=self._authorize(user)) as answer:
            if answer.status != 200:
                raise HubSaidNo(await quote(answer))
            async for line in answer.content:
                if not line.startswith(b"data:"):
                    continue
                event = json.loads(line[5:])
                if event.get("failed"):
                    raise HubSaidNo(str(event.get("message"))[:MOST_WORDS])
                if event.get("ready"):
                    return
        raise HubSaidNo("the progress stream ended without a word on the server")

    async def _wait_for_answer(self, user: str) -> None:
        url = f"{self._subject.public_url}/user/{user}/api"
        until = time.monotonic() + ANSWER_WITHIN_S
        while time.monotonic() < until:
            async with self._session.get(url, allow_redirects=False) as answer:
                await answer.read()
                if answer.status == 200:
                    return
            await asyncio.sleep(LOOK_S / 5)
        raise HubSaidNo(f"ready, says the hub, but nothing answered through the proxy within {ANSWER_WITHIN_S:.0f} s")


async def quote(answer: aiohttp.ClientResponse) -> str:
    """What was asked, and the beginning of the answer."""
    text = " ".join((await answer.text()).split())
    return f"{answer.method} {answer.url.path}: {answer.status} {text[:MOST_WORDS]}"


@asynccontextmanager
async def open_load(subject: Subject) -> AsyncIterator[Load]:
    """A Load with as many connections as it needs."""
    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0),
        timeout=aiohttp.ClientTimeout(total=None),
    )
    async with session:
        yield Load(subject, session)
