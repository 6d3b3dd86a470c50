"""The watch on the real daemons: what it says of jobs while Slurm works, falls silent and comes back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable

import pytest
from tests.contract.slurm.door import PATIENCE_S, Door
from tests.contract.slurm.test_slurm import make_request

from neuronhub.demo.shape import HUB_USER
from neuronhub.slurm.types import Job, JobRef, JobState
from neuronhub.slurm.watch import Pace, Watch

pytestmark = pytest.mark.contract


@pytest.fixture
async def watch(real_door: Door) -> AsyncIterator[Watch]:
    watch = Watch(real_door.commands, ("jupyter", "cas_v100_2"), user=HUB_USER)
    watch.start()
    yield watch
    await watch.close()


async def wait_for(watch: Watch, name: str, holds: Callable[[Job], bool], never: Callable[[Job], bool]) -> Job:
    """Wait until ``holds`` for what the watch says of a job; ``never`` must not hold at any moment before."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        job = watch.job(name)
        if job is not None and holds(job):
            return job
        assert job is None or not never(job), job
        assert time.monotonic() < deadline, job
        await asyncio.sleep(0.05)


async def start_job(door: Door, watch: Watch, name: str) -> JobRef:
    number = await door.commands.submit(make_request(name))
    ref = JobRef("u41", name, number)
    watch.follow(ref, Pace.URGENT)
    await wait_for(watch, name, lambda job: job.state is JobState.RUNNING, lambda job: job.state.ended)
    return ref


async def test_job_from_submit_to_cancel(real_door: Door, watch: Watch) -> None:
    name = f"nh-w-{time.time_ns()}"
    ref = await start_job(real_door, watch, name)
    assert ref.id is not None
    assert [job.id for job in watch.jobs_of(name)] == [ref.id]
    await real_door.commands.cancel("u41", [ref.id])
    job = await wait_for(watch, name, lambda job: job.state.ended, lambda job: job.state is JobState.UNKNOWN)
    assert job.state is JobState.CANCELLED
    assert watch.jobs_of(name) == ()


@pytest.mark.parametrize(("part", "action"), [("slurmctld", "stop"), ("slurmctld", "kill"), ("slurmctld", "pause")])
async def test_silence_ends_no_job(real_door: Door, watch: Watch, part: str, action: str) -> None:
    name = f"nh-s-{time.time_ns()}"
    ref = await start_job(real_door, watch, name)
    await asyncio.sleep(6)  # slurmctld saves its state every 5 s; what came after that, a SIGKILL makes it forget
    hidden = JobRef("u41", name.replace("-s-", "-hidden-"))
    with real_door.without(part, action):
        watch.follow(hidden, Pace.URGENT)
        await wait_for(watch, name, lambda job: job.state is JobState.UNKNOWN, lambda job: job.state.ended)
        assert watch.problem is not None
        assert watch.job(hidden.name) is None
    job = await wait_for(watch, name, lambda job: job.state is JobState.RUNNING, lambda job: job.state.ended)
    assert job.id == ref.id
    await wait_for(watch, hidden.name, lambda job: job.state is JobState.LOST, lambda _: False)
    problem: Exception | None = watch.problem
    assert problem is None


async def test_what_never_existed_is_lost_and_the_rest_is_not(real_door: Door, watch: Watch) -> None:
    name = f"nh-l-{time.time_ns()}"
    ref = await start_job(real_door, watch, name)
    absent = [
        JobRef("u41", f"{name}-other", ref.id),
        JobRef("u41", f"{name}-future", 99999999),
        JobRef("u41", f"{name}-nameless"),
        JobRef("u42", f"{name}-u42", ref.id),
    ]
    for other in absent:
        watch.follow(other, Pace.URGENT)
    for other in absent:
        await wait_for(watch, other.name, lambda job: job.state is JobState.LOST, lambda job: job.state.ended)
        job = watch.job(name)
        assert job is not None
        assert job.state is JobState.RUNNING


async def test_many_lookers_cost_few_commands(real_door: Door, watch: Watch) -> None:
    await start_job(real_door, watch, f"nh-n-{time.time_ns()}")
    before, started = sum(watch.asked.values()), time.monotonic()

    async def look() -> None:
        while time.monotonic() < started + 15:
            snapshot = await watch.fetch_cluster()
            queue = snapshot.queue("jupyter")
            assert queue is not None
            assert queue.counts.total == 5
            await asyncio.sleep(0.2)

    await asyncio.gather(*(look() for _ in range(200)))
    queue = (await watch.fetch_cluster()).queue("jupyter")
    assert queue is not None
    assert queue.running_jobs == 1
    assert sum(watch.asked.values()) - before <= 4 + 15 * 0.5
