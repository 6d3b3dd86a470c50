"""The supervisor, with small real processes as parts."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from neuronhub.demo.errors import DemoError, PartFailed
from neuronhub.demo.supervisor import Part, Supervisor

MakeSupervisor = Callable[..., Supervisor]


async def at_once() -> bool:
    """A part that needs no time."""
    return True


async def never() -> bool:
    """A part that is not ready yet."""
    return False


def read_weight(pid: int) -> str:
    """The ``nice`` value of a process's session."""
    return Path(f"/proc/{pid}/autogroup").read_text().split()[-1]


def sleeper(name: str, *needs: str) -> Part:
    """A part that runs until it is ended."""
    return Part(name, ("/bin/sleep", "60"), at_once, needs)


@pytest.fixture
async def supervise(tmp_path: Path) -> AsyncIterator[MakeSupervisor]:
    """Make a supervisor; its parts end with the test."""
    made: list[Supervisor] = []

    def make(*parts: Part, came_up: Callable[[str, float], None] = lambda _name, _seconds: None) -> Supervisor:
        made.append(Supervisor(parts, tmp_path, came_up))
        return made[-1]

    yield make
    for supervisor in made:
        await supervisor.stop_all(())


async def test_parts_start_after_what_they_need(supervise: MakeSupervisor) -> None:
    order: list[str] = []
    supervisor = supervise(
        sleeper("hub", "slurmctld", "proxy"),
        sleeper("slurmctld", "slurmdbd"),
        sleeper("slurmdbd"),
        sleeper("proxy"),
        came_up=lambda name, _: order.append(name),
    )
    assert supervisor.waiting == ("hub", "slurmctld", "slurmdbd", "proxy")
    await supervisor.start_all()
    assert order.index("slurmdbd") < order.index("slurmctld") < order.index("hub")
    assert order.index("proxy") < order.index("hub")
    assert not supervisor.waiting
    for pid in supervisor.pids.values():
        os.kill(pid, 0)


async def test_a_part_left_out_is_not_waited_for(supervise: MakeSupervisor) -> None:
    supervisor = supervise(sleeper("hub", "proxy"))
    await asyncio.wait_for(supervisor.start_all(), 5)
    assert set(supervisor.pids) == {"hub"}


async def test_a_part_that_ends_at_start_is_named_with_its_last_words(supervise: MakeSupervisor) -> None:
    supervisor = supervise(Part("slapd", ("/bin/sh", "-c", "echo no such suffix; exit 3"), never))
    with pytest.raises(PartFailed, match="slapd ended with exit status 3") as caught:
        await supervisor.start("slapd")
    assert caught.value.log_lines == ("no such suffix",)


async def test_a_part_that_is_never_ready_is_named(supervise: MakeSupervisor) -> None:
    supervisor = supervise(Part("slapd", ("/bin/sleep", "60"), never, ready_within_s=0.1))
    with pytest.raises(PartFailed, match="slapd was not ready"):
        await supervisor.start("slapd")


async def test_a_part_that_dies_later_is_reported(supervise: MakeSupervisor) -> None:
    supervisor = supervise(sleeper("hub"), sleeper("proxy"))
    await supervisor.start_all()
    os.kill(supervisor.pids["hub"], signal.SIGSEGV)
    failure = await asyncio.wait_for(supervisor.failure, 5)
    assert "hub was ended by SIGSEGV" in str(failure)
    assert set(supervisor.pids) == {"proxy"}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
async def test_a_part_ended_on_purpose_is_not_a_failure(supervise: MakeSupervisor, number: signal.Signals) -> None:
    supervisor = supervise(sleeper("hub"))
    await supervisor.start_all()
    await supervisor.stop("hub", number)
    assert supervisor.pids == {}
    assert supervisor.waiting == ("hub",)
    assert not supervisor.failure.done()
    await supervisor.start("hub")
    assert set(supervisor.pids) == {"hub"}


async def test_a_frozen_part_can_be_ended(supervise: MakeSupervisor) -> None:
    supervisor = supervise(sleeper("hub"))
    await supervisor.start_all()
    supervisor.send("hub", signal.SIGSTOP)
    await asyncio.wait_for(supervisor.stop("hub"), 2)
    assert supervisor.pids == {}


async def test_a_stubborn_part_is_killed(supervise: MakeSupervisor) -> None:
    stubborn = ("/bin/sh", "-c", "trap '' TERM; echo up; while :; do sleep 0.05; done")
    up = asyncio.Event()

    async def said_so() -> bool:
        if "up" in supervisor.last_words("hub"):
            up.set()
        return up.is_set()

    supervisor = supervise(Part("hub", stubborn, said_so, stop_within_s=0.2))
    await supervisor.start_all()
    await asyncio.wait_for(supervisor.stop("hub"), 5)
    assert supervisor.pids == {}


@pytest.mark.parametrize(
    ("act", "sentence"),
    [
        (lambda supervisor: supervisor.start("nosuch"), "no part nosuch"),
        (lambda supervisor: supervisor.start("hub"), "runs already"),
        (lambda supervisor: supervisor.stop("proxy"), "proxy does not run"),
    ],
)
async def test_impossible_requests_are_refused(
    supervise: MakeSupervisor, act: Callable[[Supervisor], Awaitable[None]], sentence: str
) -> None:
    supervisor = supervise(sleeper("hub"), sleeper("proxy"))
    await supervisor.start("hub")
    with pytest.raises(DemoError, match=sentence):
        await act(supervisor)


async def test_a_machine_of_its_own_is_not_weighed_like_a_job(supervise: MakeSupervisor) -> None:
    supervisor = supervise(Part("hub", ("/bin/sleep", "60"), at_once, own_machine=True), sleeper("slurmd"))
    await supervisor.start_all()
    weights = {name: read_weight(pid) for name, pid in supervisor.pids.items()}
    assert weights == {"hub": "-10", "slurmd": "0"}


async def test_what_has_to_be_done_before_is_done_before(supervise: MakeSupervisor, tmp_path: Path) -> None:
    async def write() -> None:
        (tmp_path / "data").write_text("there\n")

    supervisor = supervise(Part("slapd", ("/bin/cat", str(tmp_path / "data")), never, before=write))
    with pytest.raises(PartFailed) as caught:
        await supervisor.start("slapd")
    assert caught.value.log_lines == ("there",)
