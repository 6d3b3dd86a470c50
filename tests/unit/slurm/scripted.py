"""A Slurm that says what a test tells it to, and remembers when it was asked for what."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from itertools import pairwise

from tests.unit.slurm.virtual_time import run_virtually

from neuronhub.errors import SlurmUnavailable
from neuronhub.slurm.questions import Questions
from neuronhub.slurm.sightings import Pace
from neuronhub.slurm.types import Configuration, Job, JobRef, JobState, Node, NodeCounts, Queue
from neuronhub.slurm.watch import Watch

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def make_job(
    number: int, state: JobState = JobState.RUNNING, *, name: str = "", user: str = "alice", partition: str = "jupyter"
) -> Job:
    return Job(number, name or f"nh-{number}", user, partition, state, submitted_at=NOON)


def make_ref(number: int, *, known: bool = True) -> JobRef:
    return JobRef("alice", f"nh-{number}", number if known else None)


OTHERS = make_job(900, user="bob", name="train")
"""A job of somebody else, so that an answer is not empty."""


class ScriptedSlurm:
    """The watch's Questions; ``asked_at`` has (time, program) of each."""

    def __init__(self, *jobs: Job, took_s: float = 0.01) -> None:
        self.jobs: Sequence[Job] = jobs
        self.records: Sequence[Job] = ()
        self.nodes = (("jupyter", Node("jn01", "10.0.0.1", "idle", cpus_free=10, cpus_total=10)),)
        self.partitions = (Queue("gpu", NodeCounts()), Queue("jupyter", NodeCounts()))
        self.configuration = Configuration(accounting=True)
        self.failing: dict[str, Exception] = {}
        self.took_s = took_s
        self.asked: Counter[str] = Counter()
        self.asked_at: list[tuple[float, str]] = []

    async def _answer(self, program: str) -> None:
        self.asked[program] += 1
        self.asked_at.append((asyncio.get_running_loop().time(), program))
        await asyncio.sleep(self.took_s)
        if error := self.failing.get(program):
            raise error

    def silence(self, *programs: str) -> None:
        self.failing = {program: SlurmUnavailable(f"{program} is silent") for program in programs}

    async def fetch_nodes(self) -> tuple[tuple[str, Node], ...]:
        await self._answer("sinfo")
        return self.nodes

    async def fetch_partitions(self) -> tuple[Queue, ...]:
        await self._answer("scontrol")
        return self.partitions

    async def fetch_configuration(self) -> Configuration:
        await self._answer("scontrol")
        return self.configuration

    async def fetch_jobs(self) -> tuple[Job, ...]:
        jobs = tuple(self.jobs)
        await self._answer("squeue")
        return jobs

    async def fetch_ended(self, ids: Sequence[int]) -> tuple[Job, ...]:
        await self._answer("sacct")
        return tuple(job for job in self.records if job.id in ids)

    async def fetch_named(self, names: Sequence[str]) -> tuple[Job, ...]:
        await self._answer("sacct")
        return tuple(job for job in self.records if job.name in names)

    def count_worst_minute(self) -> int:
        """The most commands that began within any 60 seconds."""
        times = [moment for moment, _ in self.asked_at]
        return max((sum(start <= moment < start + 60 for moment in times) for start in times), default=0)

    def list_gaps(self, program: str) -> list[float]:
        """Seconds between one question to ``program`` and its next."""
        times = [moment for moment, asked in self.asked_at if asked == program]
        return [later - earlier for earlier, later in pairwise(times)]


def watch_virtually(
    slurm: ScriptedSlurm, scene: Callable[[Watch], Awaitable[None]], *, commands_per_minute: int = 30
) -> None:
    """Run ``scene`` beside a started watch of ``slurm``, on a virtual clock."""

    async def main() -> None:
        questions: Questions = slurm
        clock = asyncio.get_running_loop().time
        watch = Watch(questions, ("jupyter", "gpu"), commands_per_minute, user="neuronhub", clock=clock)
        watch.start()
        try:
            await scene(watch)
        finally:
            await watch.close()

    run_virtually(main())


def follow_all(watch: Watch, jobs: Sequence[Job], pace: Pace) -> None:
    for job in jobs:
        watch.follow(JobRef(job.user, job.name, job.id), pace)
