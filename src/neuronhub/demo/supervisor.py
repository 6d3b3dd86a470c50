"""Starts the parts of the embedded site in the order of their needs, watches them, and ends them. Runs inside."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import pwd
import signal
import time
from asyncio.subprocess import DEVNULL, Process
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from neuronhub.demo.errors import DemoError, PartFailed
from neuronhub.demo.namespace import rename_host, set_host_name

LOG_LINES_SHOWN = 15
PRIORITY = -10
"""Of the sessions of parts that are machines of their own in reality (``nice`` value of the autogroup)."""
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_PROBE_EVERY_S = 0.03


@dataclass(frozen=True)
class Part:
    """One process of the site: how it is started, and how it is known to be ready."""

    name: str
    argv: tuple[str, ...]
    ready: Callable[[], Awaitable[bool]]
    needs: tuple[str, ...] = ()
    user: str = "root"
    environment: tuple[tuple[str, str], ...] = ()
    before: Callable[[], Awaitable[None]] | None = None
    """What has to be done (or found done) before the process starts; no other part is needed for it."""
    host_name: str | None = None
    ready_host_name: str | None = None
    """What its host is called from then on, to all that it starts."""
    own_machine: bool = False
    """In reality it does not share a machine with the jobs, so it does not share their CPU time here."""
    ready_within_s: float = 30.0
    stop_within_s: float = 2.0


@dataclass
class _Running:
    process: Process
    expected_end: bool = False
    watcher: asyncio.Task[None] | None = field(default=None, repr=False)


class Supervisor:
    """All parts of one site."""

    def __init__(self, parts: Sequence[Part], log_dir: Path, came_up: Callable[[str, float], None]) -> None:
        """``came_up`` is told each part that is ready, and its seconds: those spent waiting for others do not count."""
        self.parts = {part.name: part for part in parts}
        self.failure: asyncio.Future[PartFailed] = asyncio.get_running_loop().create_future()
        self._log_dir = log_dir
        self._came_up = came_up
        self._running: dict[str, _Running] = {}
        self._ready = {name: asyncio.Event() for name in self.parts}

    @property
    def pids(self) -> dict[str, int]:
        """Process ids (of the site's own process namespace) by part; stopped parts are missing."""
        return {name: running.process.pid for name, running in self._running.items()}

    @property
    def waiting(self) -> tuple[str, ...]:
        """Parts that are not ready."""
        return tuple(name for name, ready in self._ready.items() if not ready.is_set())

    def log_file(self, name: str) -> Path:
        """Where the part prints."""
        return self._log_dir / f"{name}.log"

    async def start_all(self) -> None:
        """Start every part, each as soon as what it needs is ready; raises PartFailed for the first that fails."""
        async with asyncio.TaskGroup() as group:
            for name in self.parts:
                group.create_task(self.start(name))

    async def start(self, name: str) -> None:
        """Start one part, prepared at once and begun when what it needs is ready; wait until it is ready itself."""
        part = self._part(name)
        if name in self._running:
            raise DemoError(f"{name} runs already.")
        began = time.monotonic()
        if part.before is not None:
            await part.before()
        prepared = time.monotonic()
        for need in part.needs:
            if need in self._ready:
                await self._ready[need].wait()
        launched = time.monotonic()
        running = _Running(await self._launch(part))
        self._running[name] = running
        if part.own_machine:
            _raise_priority(running.process.pid)
        running.watcher = asyncio.create_task(self._watch(name, running), name=f"watch {name}")
        await self._wait_until_ready(part, running)
        if part.ready_host_name is not None:
            await asyncio.to_thread(rename_host, running.process.pid, part.ready_host_name)
        self._ready[name].set()
        self._came_up(name, prepared - began + time.monotonic() - launched)

    async def _launch(self, part: Part) -> Process:
        account = pwd.getpwnam(part.user)
        environment = {"PATH": PATH, "HOME": account.pw_dir, "LANG": "C.UTF-8", **dict(part.environment)}
        with self.log_file(part.name).open("ab") as log:
            return await asyncio.create_subprocess_exec(
                *part.argv,
                stdin=DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env=environment,
                user=account.pw_uid,
                group=account.pw_gid,
                extra_groups=[] if part.user != "root" else None,
                start_new_session=True,
                preexec_fn=functools.partial(set_host_name, part.host_name) if part.host_name else None,
            )

    async def _wait_until_ready(self, part: Part, running: _Running) -> None:
        deadline = time.monotonic() + part.ready_within_s
        while not await part.ready():
            if running.process.returncode is not None:
                raise self._describe(part.name, running)
            if time.monotonic() > deadline:
                raise PartFailed(
                    part.name,
                    f"was not ready after {part.ready_within_s:.0f} s",
                    str(self.log_file(part.name)),
                    self.last_words(part.name),
                )
            await asyncio.sleep(_PROBE_EVERY_S)

    async def _watch(self, name: str, running: _Running) -> None:
        await running.process.wait()
        if self._running.get(name) is running:
            del self._running[name]
        self._ready[name].clear()
        if not running.expected_end and not self.failure.done():
            self.failure.set_result(self._describe(name, running))

    def _describe(self, name: str, running: _Running) -> PartFailed:
        code = running.process.returncode or 0
        what = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit status {code}"
        return PartFailed(name, what, str(self.log_file(name)), self.last_words(name))

    def last_words(self, name: str) -> tuple[str, ...]:
        """The last lines of the part's log."""
        try:
            with self.log_file(name).open(encoding="utf-8", errors="replace") as log:
                return tuple(line.rstrip() for line in deque(log, LOG_LINES_SHOWN))
        except FileNotFoundError:
            return ()

    def send(self, name: str, number: signal.Signals) -> None:
        """Send a signal to the part's own process."""
        _signal(self._process(name).process, number)

    async def stop(self, name: str, number: signal.Signals = signal.SIGTERM) -> None:
        """End one part on purpose: ask by ``number``, insist by SIGKILL."""
        running = self._process(name)
        running.expected_end = True
        _signal(running.process, number)
        _signal(running.process, signal.SIGCONT)
        try:
            await asyncio.wait_for(running.process.wait(), self.parts[name].stop_within_s)
        except TimeoutError:
            _signal(running.process, signal.SIGKILL)
            await running.process.wait()
        if running.watcher is not None:
            await running.watcher

    async def stop_all(self, groups: Sequence[Sequence[str]]) -> None:
        """End the parts, group after group; those in no group end last."""
        for group in groups:
            await self.stop_all_in(group)
        await self.stop_all_in(tuple(self._running))

    async def stop_all_in(self, group: Sequence[str]) -> None:
        """End those of the parts that run."""
        await asyncio.gather(*(self.stop(name) for name in group if name in self._running))

    def _part(self, name: str) -> Part:
        if name not in self.parts:
            raise DemoError(f"There is no part {name}; the parts are {', '.join(self.parts)}.")
        return self.parts[name]

    def _process(self, name: str) -> _Running:
        self._part(name)
        if name not in self._running:
            raise DemoError(f"{name} does not run.")
        return self._running[name]


def _signal(process: Process, number: signal.Signals) -> None:
    """Like ``Process.send_signal``, which would itself reap an ended process and leave its watcher without a status."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, number)


def _raise_priority(pid: int) -> None:
    """Without this, the kernel weighs every job's session like the whole hub; some containers do not allow it."""
    group = Path(f"/proc/{pid}/autogroup")
    if group.exists():
        with contextlib.suppress(ProcessLookupError, PermissionError):
            group.write_text(str(PRIORITY))
