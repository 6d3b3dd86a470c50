"""Telling the hub the port of a started server, once, however long the hub is away.

Runs in the server's own event loop. Standard library only, since it is imported while a server starts.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable
from dataclasses import asdict, dataclass
from urllib.parse import urlsplit

from neuronhub.protocol import ANNOUNCE_PATH, EXIT_HUB_REFUSED, Announcement
from neuronhub.workbench.errors import StartFailed

FIRST_DELAY_S = 0.25
LONGEST_DELAY_S = 5.0
ANSWER_LIMIT_S = 30.0
"""The hub asks the server for its proof before it answers."""
#: Of the answers that say no, these say: not now.
_NOT_NOW = frozenset({408, 425, 429})


@dataclass(frozen=True, slots=True)
class Answer:
    """What an HTTP server answered, as far as it matters here. Header names are in lower case."""

    status: int
    headers: dict[str, str]


async def ask(method: str, url: str, *, headers: dict[str, str], body: bytes, source: str | None) -> Answer:
    """Send one HTTP request from the address ``source`` on a connection of its own; raises OSError or ValueError."""
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    reader, writer = await asyncio.open_connection(
        parts.hostname,
        parts.port or (443 if secure else 80),
        ssl=secure or None,
        local_addr=(source, 0) if source else None,
    )
    lines = [f"{method} {parts.path or '/'} HTTP/1.1", f"Host: {parts.netloc}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    lines += [f"Content-Length: {len(body)}", "", ""]
    try:
        writer.write("\r\n".join(lines).encode("latin-1") + body)
        head, _, _ = (await reader.read()).partition(b"\r\n\r\n")
    finally:
        writer.close()
    status_line, *fields = head.decode("latin-1").split("\r\n")
    version, _, status = status_line.partition(" ")
    if not version.startswith("HTTP/1."):
        raise ValueError("this is not an HTTP server")
    pairs = (field.partition(":") for field in fields)
    return Answer(int(status[:3]), {name.strip().lower(): value.strip() for name, _, value in pairs})


async def announce(port: int, *, api_url: str, token: str, source: str | None, say: Callable[[str], None]) -> Answer:
    """POST the port to the hub and return its answer; tries again while the hub is away or busy.

    Raises StartFailed when the hub answers that it does not know this start (any other 4xx): asking again is no use.
    """
    url = f"{api_url.rstrip('/')}/{ANNOUNCE_PATH}"
    headers = {"Authorization": f"token {token}", "Content-Type": "application/json"}
    body = json.dumps(asdict(Announcement(port))).encode()
    delay, told = FIRST_DELAY_S, ""
    while True:
        try:
            async with asyncio.timeout(ANSWER_LIMIT_S):
                answer = await ask("POST", url, headers=headers, body=body, source=source)
        except (OSError, ValueError) as error:  # TimeoutError is an OSError
            trouble = f"{type(error).__name__} {error}".strip()
        else:
            if 200 <= answer.status < 300:
                return answer
            if 400 <= answer.status < 500 and answer.status not in _NOT_NOW:
                raise StartFailed(
                    EXIT_HUB_REFUSED,
                    f"The hub refused this server with HTTP {answer.status}: this start was cancelled or is over, or "
                    "the hub does not know this node by this address. Go back to the start page and start again; "
                    "if it happens twice, show this to the operators: the hub's log has the reason.",
                )
            trouble = f"HTTP {answer.status}"
        if trouble != told:
            say(f"the hub at {api_url} cannot be told yet ({trouble}); trying again until it can")
            told = trouble
        await asyncio.sleep(delay * random.uniform(0.8, 1.2))  # noqa: S311 (spreads servers, no secret)
        delay = min(delay * 2, LONGEST_DELAY_S)
