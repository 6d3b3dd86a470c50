"""What a start tells of itself before its server answers."""

from __future__ import annotations

import asyncio

import pytest

from neuronhub.slurm.types import JobState
from neuronhub.spawn import arrival
from neuronhub.spawn.arrival import Arrival


class Clock:
    """In place of the module ``time``."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(arrival, "time", made)
    return made


def test_it_is_late_when_it_runs_for_long_and_nothing_moves(clock: Clock) -> None:
    start = Arrival()
    clock.now += 500
    assert not start.is_late(JobState.PENDING, 60), "time in the queue does not count"
    assert not start.is_late(JobState.RUNNING, 60)
    clock.now += 61
    assert start.is_late(JobState.RUNNING, 60)
    start.prepare(0.5)
    assert not start.is_late(JobState.RUNNING, 60), "it makes the environment"
    clock.now += 61
    start.prepare(0.5)
    assert start.is_late(JobState.RUNNING, 60), "the same again is no progress"
    assert start.preparing == 0.5


def test_patience_is_counted_from_the_start(clock: Clock) -> None:
    start = Arrival()
    clock.now += 10
    assert not start.has_waited(10)
    clock.now += 1
    assert start.has_waited(10)


async def test_whoever_waits_is_told_at_once() -> None:
    start = Arrival()
    await start.wait(0)
    assert not start.announced
    waiting = asyncio.create_task(start.wait(60))
    await asyncio.sleep(0)
    start.announce()
    async with asyncio.timeout(5):
        await waiting
    assert start.announced
