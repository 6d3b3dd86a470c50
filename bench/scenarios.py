"""What is done with a hub while it is measured. A scenario goes on from the servers that the one before left."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from bench.accounting import Commands
from bench.figures import Figures, summarise_latencies, summarise_starts
from bench.latency import watch_latency
from bench.load import HubSaidNo, Load, Start, Subject
from bench.machine import read_cpu_time
from bench.site import Site, SiteError
from bench.subjects import BATCHSPAWNER, FLOOR, NEURONHUB, QUEUE

NODES, CPUS = 5, 10
"""Of the queue, all of which the fillers take."""
FILLER_USER = "alice"
FILLED_WITHIN_S = 30

Values = dict[str, float]


@dataclass(frozen=True, slots=True)
class Scale:
    """How much is done, and for how long."""

    row: int = 8
    some: int = 10
    many: int = 50
    minute_s: float = 60.0
    rest_s: float = 180.0
    """With many servers."""
    settle_s: float = 5.0


FULL = Scale()
QUICK = Scale(row=2, some=2, many=4, minute_s=2.0, rest_s=3.0, settle_s=0.5)


class Session:
    """One subject while it is measured."""

    def __init__(self, site: Site, subject: Subject, load: Load, scale: Scale) -> None:
        self._site = site
        self._subject = subject
        self._load = load
        self._scale = scale
        self._users = [f"u{number:02}" for number in range(1, scale.many + 1)]
        self._running = 0
        """The first so many users have servers."""
        self._problems: list[str] = []

    async def measure(self, scenario: str) -> Figures:
        """Run one of SCENARIOS."""
        await self._load.ensure_users(self._users)
        self._problems = []
        values = await SCENARIOS[scenario].run(self)
        return Figures(scenario, self._subject.name, values, tuple(dict.fromkeys(self._problems)))

    async def close(self) -> None:
        """Stop every server."""
        await self._load.stop_all(self._users)

    async def start_in_a_row(self) -> Values:
        """One user after the other: start, look, stop."""
        await self._run_exactly(0)
        began = self._begin_count()
        starts = []
        for number, user in enumerate(self._users[: self._scale.row]):
            # slurmctld starts and ends jobs once in a second: the starts are spread evenly over its second.
            await asyncio.sleep((number / self._scale.row - time.time()) % 1)
            starts.append(await self._load.start(user))
            await self._load.stop(user)
        return self._summarise(starts) | _describe_commands(await self._count_minute(began))

    async def start_some(self) -> Values:
        """A burst of some users."""
        return await self._start_at_once(self._scale.some)

    async def start_many(self) -> Values:
        """A burst of many users."""
        return await self._start_at_once(self._scale.many)

    async def _start_at_once(self, number: int) -> Values:
        await self._run_exactly(0)
        await asyncio.sleep(self._scale.settle_s)
        async with watch_latency(self._subject.health_url) as latencies:
            began = self._begin_count()
            starts = await self._load.start_all(self._users[:number])
            seconds = time.monotonic() - began
        self._running = number
        values = self._summarise(starts) | summarise_latencies(latencies) | {"all_s": seconds}
        values |= _describe_commands(await self._count_minute(began))
        if values["failures"]:
            await self._run_exactly(0)
        return values

    async def rest_empty(self) -> Values:
        """Nobody has a server."""
        return await self._rest(0, self._scale.minute_s)

    async def rest_with_some(self) -> Values:
        """Some servers run, and nobody does anything."""
        return await self._rest(self._scale.some, self._scale.minute_s)

    async def rest_with_many(self) -> Values:
        """Many servers run, and nobody does anything."""
        return await self._rest(self._scale.many, self._scale.rest_s)

    async def _rest(self, number: int, seconds: float) -> Values:
        await self._run_exactly(number)
        await asyncio.sleep(self._scale.settle_s)
        before = read_cpu_time(self._subject.pid)
        began = self._begin_count()
        await asyncio.sleep(seconds)
        commands = self._site.ledger.count(time.monotonic() - began)
        after = read_cpu_time(self._subject.pid)
        cpu = {"hub_cpu_s": after.own_s - before.own_s, "commands_cpu_s": after.children_s - before.children_s}
        return cpu | _describe_commands(commands)

    async def wait_in_queue(self) -> Values:
        """The queue is full, and some starts wait in it."""
        await self._run_exactly(0)
        users = self._users[: self._scale.some]
        async with self._filled_queue():
            starts = [asyncio.create_task(self._load.start(user)) for user in users]
            await asyncio.sleep(self._scale.settle_s)
            began = self._begin_count()
            await asyncio.sleep(self._scale.minute_s)
            commands = self._site.ledger.count(time.monotonic() - began)
            self._problems += [f"did not wait: {start.result()}" for start in starts if start.done()]
            for start in starts:  # the user closes the page; then the start is cancelled
                start.cancel()
            await asyncio.gather(*starts, return_exceptions=True)
            await self._load.stop_all(users)
        return _describe_commands(commands)

    async def stop_many(self) -> Values:
        """Many servers are stopped at once."""
        await self._run_exactly(self._scale.many)
        await asyncio.sleep(self._scale.settle_s)
        began = self._begin_count()
        outcomes = await asyncio.gather(*map(self._load.stop, self._users), return_exceptions=True)
        seconds = time.monotonic() - began
        failures = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
        self._problems += map(str, failures)
        self._running = 0
        counts = _describe_commands(await self._count_minute(began))
        return {"all_s": seconds, "failures": len(failures)} | counts

    async def _run_exactly(self, number: int) -> None:
        if number == self._running:
            return
        await self._load.stop_all(self._users[number : self._running])
        starts = await self._load.start_all(self._users[self._running : number])
        failed = [start.problem for start in starts if start.seconds is None]
        self._running = number
        if failed:
            raise HubSaidNo(f"{len(failed)} servers that should run do not: {failed[0]}")

    @asynccontextmanager
    async def _filled_queue(self) -> AsyncIterator[None]:
        options = (f"--partition={QUEUE}", f"--cpus-per-task={CPUS}", "--time=20", "--output=/dev/null", "--chdir=/")
        submit = ("/usr/bin/sbatch", "--parsable", *options, "--wrap=sleep 1200")
        ids = [(await self._site.run(*submit, user=FILLER_USER)).strip() for _ in range(NODES)]
        try:
            await self._wait_for_fillers(ids)
            yield
        finally:
            await self._site.run("/usr/bin/scancel", *ids)

    async def _wait_for_fillers(self, ids: Sequence[str]) -> None:
        for _ in range(FILLED_WITHIN_S):
            states = await self._site.run("/usr/bin/squeue", "--noheader", f"--jobs={','.join(ids)}", "--format=%T")
            if states.split().count("RUNNING") == NODES:
                return
            await asyncio.sleep(1)
        raise SiteError(f"The queue was not full within {FILLED_WITHIN_S} s.")

    def _begin_count(self) -> float:
        self._site.ledger.skip()
        return time.monotonic()

    async def _count_minute(self, began: float) -> Commands:
        """Commands from ``began`` on, for a minute or, when that is over, until now."""
        await asyncio.sleep(max(0.0, began + self._scale.minute_s - time.monotonic()))
        return self._site.ledger.count(time.monotonic() - began)

    def _summarise(self, starts: Sequence[Start]) -> Values:
        self._problems += [start.problem for start in starts if start.seconds is None]
        seconds = [start.seconds for start in starts if start.seconds is not None]
        return summarise_starts(seconds, len(starts) - len(seconds))


def _describe_commands(commands: Commands) -> Values:
    return {
        "counted_s": commands.seconds,
        "questions_per_minute": commands.questions_per_minute,
        "orders": commands.orders,
        "sudo_per_minute": commands.sudo_per_minute,
    }


@dataclass(frozen=True, slots=True)
class Scenario:
    """One thing to measure, and of whom."""

    run: Callable[[Session], Awaitable[Values]]
    subjects: tuple[str, ...] = (NEURONHUB, BATCHSPAWNER)
    jupyter: bool = False
    """With the real Jupyter server."""


_ALL = (NEURONHUB, BATCHSPAWNER, FLOOR)

SCENARIOS = {
    "rest-0": Scenario(Session.rest_empty),
    "one": Scenario(Session.start_in_a_row, _ALL),
    "burst-10": Scenario(Session.start_some, _ALL),
    "rest-10": Scenario(Session.rest_with_some),
    "waiting-10": Scenario(Session.wait_in_queue),
    "burst-50": Scenario(Session.start_many, _ALL),
    "rest-50": Scenario(Session.rest_with_many),
    "stop-50": Scenario(Session.stop_many, _ALL),
    "jupyter-one": Scenario(Session.start_in_a_row, jupyter=True),
    "jupyter-burst-10": Scenario(Session.start_some, jupyter=True),
    "jupyter-burst-50": Scenario(Session.start_many, jupyter=True),
    "jupyter-stop-50": Scenario(Session.stop_many, jupyter=True),
}
"""In the order in which they are run."""
