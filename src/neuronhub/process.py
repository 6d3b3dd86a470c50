"""One run of one command: argv and a minimal environment in, what it printed out; bounded in time and size.

Runs in the hub and in a user's Jupyter server, so the standard library only. There is no shell, and no process is
left behind.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from neuronhub.errors import CommandSilent

log = logging.getLogger("neuronhub.process")

MAX_OUTPUT_BYTES = 64 * 1024 * 1024
"""A hundred thousand jobs fit into it."""
KILL_AFTER_S = 0.5
"""From SIGTERM, which sudo hands on to its command, to SIGKILL."""


left_behind: set[asyncio.SubprocessTransport] = set()
"""Processes that could not be ended from here and have not ended yet."""


@dataclass(frozen=True, slots=True)
class Output:
    """What a command that came to its own end printed."""

    code: int
    stdout: str
    stderr: str


class _Collector(asyncio.SubprocessProtocol):
    def __init__(self, limit_bytes: int, take: Callable[[bytes], None] | None) -> None:
        self.printed = {1: bytearray(), 2: bytearray()}
        self._limit_bytes = limit_bytes
        self._take = take
        self._count_bytes = 0
        self.exited = asyncio.Event()
        self.finished = asyncio.Event()
        self.too_much = False
        self.left: asyncio.SubprocessTransport | None = None
        """Set when the process is left to itself: it is closed when that has ended."""

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        self._count_bytes += len(data)
        if self._count_bytes > self._limit_bytes:
            self.too_much = True
            self.finished.set()
        elif fd == 1 and self._take is not None:
            self._take(data)
        else:
            self.printed[fd] += data

    def process_exited(self) -> None:
        self.exited.set()
        if self.left is not None:
            self.left.close()
            left_behind.discard(self.left)

    def connection_lost(self, exc: Exception | None) -> None:
        self.finished.set()


async def run(
    program: str,
    argv: Sequence[str],
    *,
    environment: Mapping[str, str],
    timeout_s: float,
    stdin: str | None = None,
    linger_s: float = 0.0,
    limit_bytes: int = MAX_OUTPUT_BYTES,
    take: Callable[[bytes], None] | None = None,
) -> Output:
    """Run ``argv``, called ``program`` in messages, in the root folder and return what it printed.

    With ``take`` standard output is handed to it as it comes, and not kept. Raises CommandSilent if the command cannot
    be run, takes longer than ``timeout_s`` or prints more than ``limit_bytes``; it is ended then, and if it is another
    user's and so cannot be ended from here, waited for during ``linger_s``.
    """
    transport, collector = await _open(argv, environment, stdin is not None, _Collector(limit_bytes, take))
    try:
        if stdin is not None:
            pipe = cast(asyncio.WriteTransport, transport.get_pipe_transport(0))
            pipe.write(stdin.encode())
            pipe.write_eof()
        async with asyncio.timeout(timeout_s):
            await collector.finished.wait()
    except TimeoutError as error:
        raise CommandSilent(f"{program} gave no answer within {timeout_s:g} s.") from error
    finally:
        # A program that has ended may have left children, which keep its output open.
        ended = transport.get_returncode() is not None and collector.finished.is_set()
        if ended or await _end(transport, collector, linger_s):
            transport.close()
    code = transport.get_returncode()
    if collector.too_much or code is None:
        raise CommandSilent(f"{program} printed more than {limit_bytes} bytes.")
    stdout, stderr = (bytes(collector.printed[fd]).decode(errors="replace") for fd in (1, 2))
    return Output(code, stdout, stderr)


async def _open(
    argv: Sequence[str], environment: Mapping[str, str], feed: bool, collector: _Collector
) -> tuple[asyncio.SubprocessTransport, _Collector]:
    """Start the process; with ``feed`` it reads from us, else nothing. Raises CommandSilent."""
    try:
        return await asyncio.get_running_loop().subprocess_exec(
            lambda: collector,
            *argv,
            stdin=asyncio.subprocess.PIPE if feed else asyncio.subprocess.DEVNULL,
            env=dict(environment),
            cwd="/",
            start_new_session=True,
        )
    except OSError as error:
        raise CommandSilent(f"{argv[0]} cannot be run ({error.strerror}). Correct the site file.") from error


async def _end(transport: asyncio.SubprocessTransport, collector: _Collector, linger_s: float) -> bool:
    """End the process with its children (it has a process group of its own); False if that is not ours to do."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(transport.get_pid(), number)
        except ProcessLookupError:
            return True
        except PermissionError:
            # sudo runs as root: its rule in the sudoers file has a TIMEOUT for this case.
            log.warning("process %d is not ours to end; it has sudo's own time limit", transport.get_pid())
            if await _wait(collector.exited, linger_s):
                return True
            collector.left = transport
            left_behind.add(transport)
            for fd in (0, 1, 2):
                if (pipe := transport.get_pipe_transport(fd)) is not None:
                    pipe.close()
            return False
        if await _wait(collector.exited, KILL_AFTER_S):
            return True
    return True


async def _wait(event: asyncio.Event, timeout_s: float) -> bool:
    try:
        async with asyncio.timeout(timeout_s):
            await event.wait()
    except TimeoutError:
        return False
    return True
