"""What goes wrong in a random day: the collector is killed, and accounting is away, again and again."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

from tests.embedded import RunningSite


class Collecting:
    """The collector's process, while this context lasts."""

    def __init__(self, folder: Path) -> None:
        self.killed = 0
        self._folder = folder

    async def __aenter__(self) -> Collecting:
        await self._start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._kill()

    async def die(self) -> None:
        """Be killed, with everything that was begun, wherever that is; and begin anew."""
        await self._kill()
        self.killed += 1
        await self._start()

    async def _start(self) -> None:
        with (self._folder / "collector.log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "tests.contract.billing.collecting", str(self._folder)),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    async def _kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        await self._process.wait()


@contextlib.asynccontextmanager
async def trouble(collecting: Collecting, running: RunningSite, chance: random.Random) -> AsyncIterator[None]:
    """The collector is killed and begun anew, and slurmdbd is killed or stopped, again and again, while this lasts."""

    over = asyncio.Event()

    async def passes(shortest: float, longest: float) -> bool:
        """Some time, unless all is over before."""
        try:
            async with asyncio.timeout(chance.uniform(shortest, longest)):
                await over.wait()
        except TimeoutError:
            return True
        return False

    async def kill_collector() -> None:
        while await passes(1.5, 6):
            await collecting.die()

    async def stop_accounting() -> None:
        while await passes(3, 8):
            await asyncio.to_thread(running.part, chance.choice(["kill", "stop"]), "slurmdbd")
            await passes(0.5, 4)
            await asyncio.to_thread(running.part, "start", "slurmdbd")

    async with asyncio.TaskGroup() as group:
        group.create_task(kill_collector())
        group.create_task(stop_accounting())
        try:
            yield
        finally:
            over.set()
