"""The door of a running embedded site: one JSON request and one JSON answer over a unix socket that is root's alone.

``Door`` runs inside; ``ask`` runs in commands such as ``neuronhub demo status``, outside.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import struct
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from neuronhub.demo.errors import DemoError
from neuronhub.errors import NeuronHubError

Answer = dict[str, Any]


class Door:
    """Answers requests such as ``{"do": "stop", "part": "hub"}``."""

    def __init__(self, path: Path, answer: Callable[[str, str], Awaitable[Answer]]) -> None:
        """``answer`` is given what to do and the part; what it raises of our own is told to the asker."""
        self._path = path
        self._answer = answer
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        """Listen."""
        self._path.unlink(missing_ok=True)
        before = os.umask(0o177)
        try:
            self._server = await asyncio.start_unix_server(self._serve, self._path)
        finally:
            os.umask(before)

    def close(self) -> None:
        """Listen no more."""
        if self._server is not None:
            self._server.close()
        self._path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            request = json.loads(await reader.readline())
            try:
                answer = await self._answer(str(request.get("do")), str(request.get("part", "")))
            except NeuronHubError as error:
                answer = {"error": str(error)}
            writer.write(json.dumps(answer).encode() + b"\n")
            await writer.drain()
        except (ConnectionError, ValueError):
            return  # the asker went away or is not one of ours
        finally:
            writer.close()


def ask(path: Path, do: str, part: str = "", within_s: float = 90.0) -> tuple[Answer, int]:
    """Ask the site whose door is ``path``; return the answer and the process id of the site's command (as seen here).

    Raises DemoError when no site runs there, or with what the site has to say against the request.
    """
    with contextlib.closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as client:
        client.settimeout(within_s)
        try:
            client.connect(str(path))
            pid, _, _ = struct.unpack("3i", client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
            client.sendall(json.dumps({"do": do, "part": part}).encode() + b"\n")
            with client.makefile("rb") as stream:
                line = stream.readline()
        except PermissionError as error:
            raise DemoError("The embedded site is root's: run this command as root.") from error
        except (FileNotFoundError, ConnectionError) as error:
            raise DemoError(
                f"No embedded site runs on {path.parent.parent}. Start one, or name another --state."
            ) from error
        except TimeoutError as error:
            raise DemoError(f"The embedded site did not answer within {within_s:.0f} s.") from error
    answer: Answer = json.loads(line or b'{"error": "The embedded site has just ended."}')
    if "error" in answer:
        raise DemoError(answer["error"])
    return answer, pid


def map_pids(site_pid: int) -> dict[int, int]:
    """Process ids inside the site -> process ids as seen here, for all processes of ``site_pid``'s namespace."""
    namespace = os.stat(f"/proc/{site_pid}/ns/pid").st_ino
    seen: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            if os.stat(entry / "ns" / "pid").st_ino == namespace:
                status = (entry / "status").read_text()
                inner = next(line for line in status.splitlines() if line.startswith("NSpid:")).split()[-1]
                seen[int(inner)] = int(entry.name)
    return seen
