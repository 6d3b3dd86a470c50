"""One start is one job, though sbatch may fail after Slurm has taken the job; and orphans are found, not guessed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from cryptography.fernet import Fernet
from tests.unit.spawn.scripted_till import ScriptedTill
from tests.unit.spawn.test_options import SITE
from tornado.httpclient import AsyncHTTPClient

from neuronhub.errors import SlurmNotPermitted, SlurmRefused, SlurmUnavailable
from neuronhub.slurm.commands import Commands
from neuronhub.slurm.types import Job, JobRef, JobRequest, JobState
from neuronhub.slurm.watch import Pace, Watch
from neuronhub.spawn import submission
from neuronhub.spawn.desk import Desk
from neuronhub.spawn.record import Seal, StartRecord
from neuronhub.spawn.submission import TRIES, find_job, submit_once

REQUEST = JobRequest("alice", "neuronhub-server-0123456789abcdef", "gpu", timedelta(hours=1), "#!/bin/sh\n")


@dataclass
class ScriptedSlurm:
    """Answers of sbatch, in order, and the states in which the watcher finds the job after each of them."""

    answers: list[int | Exception]
    found: list[JobState] = field(default_factory=list)
    submitted: int = 0
    cancelled: list[int] = field(default_factory=list)
    known: tuple[Job, ...] = ()
    followed: list[JobRef] = field(default_factory=list)

    async def submit(self, request: JobRequest) -> int:
        self.submitted += 1
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def cancel(self, user: str, ids: Sequence[int], *, name: str | None = None) -> None:
        self.cancelled += ids

    def follow(self, ref: JobRef, pace: Pace) -> None:
        self.followed.append(ref)

    def unfollow(self, name: str) -> None:
        """Nothing to forget."""

    def job(self, name: str) -> Job | None:
        state = self.found.pop(0)
        return Job(42 if state is not JobState.LOST else 0, name, "alice", "gpu", state)

    def jobs_of(self, prefix: str) -> tuple[Job, ...]:
        return tuple(job for job in self.known if job.name.startswith(prefix))


def make_desk(slurm: ScriptedSlurm, till: ScriptedTill | None = None) -> Desk:
    return Desk(
        SITE,
        cast(Commands, slurm),
        cast(Watch, slurm),
        Seal(Fernet.generate_key()),
        cast(AsyncHTTPClient, cast(Any, None)),
        till,
    )


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(submission, "LOOK_S", 0.0)


async def test_a_clear_answer_is_the_end_of_it() -> None:
    slurm = ScriptedSlurm([7])
    assert await submit_once(make_desk(slurm), REQUEST) == 7
    assert slurm.submitted == 1
    assert slurm.followed == []


async def test_a_job_that_slurm_took_in_silence_is_not_submitted_again() -> None:
    slurm = ScriptedSlurm([SlurmUnavailable("timed out")], [JobState.UNKNOWN, JobState.UNKNOWN, JobState.PENDING])
    assert await submit_once(make_desk(slurm), REQUEST) == 42
    assert slurm.submitted == 1


async def test_a_job_that_does_not_exist_is_submitted_again() -> None:
    slurm = ScriptedSlurm([SlurmUnavailable("timed out"), 8], [JobState.UNKNOWN, JobState.LOST])
    assert await submit_once(make_desk(slurm), REQUEST) == 8
    assert slurm.submitted == 2


async def test_a_no_is_not_repeated() -> None:
    slurm = ScriptedSlurm([SlurmRefused("Invalid account")])
    with pytest.raises(SlurmRefused, match="Invalid account"):
        await submit_once(make_desk(slurm), REQUEST)
    assert slurm.submitted == 1


@pytest.mark.parametrize("no", [SlurmRefused("Invalid account"), SlurmNotPermitted("sudo says no")])
async def test_after_a_clear_no_nothing_is_held_back(no: Exception) -> None:
    till = ScriptedTill()
    with pytest.raises(type(no)):
        await submit_once(make_desk(ScriptedSlurm([no]), till), REQUEST)
    assert till.closed == [REQUEST.name]


async def test_while_a_job_may_exist_it_is_held_back_for() -> None:
    till = ScriptedTill()
    slurm = ScriptedSlurm([SlurmUnavailable("x")] * TRIES, [JobState.LOST] * TRIES)
    with pytest.raises(SlurmUnavailable):
        await submit_once(make_desk(slurm, till), REQUEST)
    assert till.closed == []


async def test_the_job_is_noted_however_it_was_found() -> None:
    till = ScriptedTill()
    slurm = ScriptedSlurm([SlurmUnavailable("timed out")], [JobState.PENDING])
    await submit_once(make_desk(slurm, till), REQUEST)
    assert till.jobs == {REQUEST.name: 42}


async def test_it_gives_up_when_slurm_never_takes_it() -> None:
    slurm = ScriptedSlurm([SlurmUnavailable("x")] * TRIES, [JobState.LOST] * TRIES)
    with pytest.raises(SlurmUnavailable):
        await submit_once(make_desk(slurm), REQUEST)
    assert slurm.submitted == TRIES


async def test_after_a_restart_a_job_is_looked_for_by_its_name() -> None:
    slurm = ScriptedSlurm([], [JobState.UNKNOWN, JobState.RUNNING, JobState.LOST])
    desk = make_desk(slurm)
    assert await find_job(desk, JobRef(REQUEST.user, REQUEST.name)) == 42
    assert await find_job(desk, JobRef(REQUEST.user, REQUEST.name)) is None
    assert slurm.submitted == 0


async def test_orphans_are_those_that_nobody_owns_and_no_others() -> None:
    slurm = ScriptedSlurm([])
    desk = make_desk(slurm)
    mine, other = desk.names.draw(), desk.names.draw()
    record = StartRecord("alice", mine, "gpu", timedelta(hours=1), datetime.now(UTC), "sealed")

    def job(id: int, name: str, state: JobState = JobState.RUNNING) -> Job:
        return Job(id, name, "alice", "gpu", state)

    desk.hold(record)
    slurm.known = (job(1, mine), job(2, other), job(3, desk.names.prefix + "mine"), job(4, other, JobState.COMPLETED))
    assert [orphan.id for orphan in desk.find_orphans()] == [2]
    desk.hold(record.with_job(9))
    assert [orphan.id for orphan in desk.find_orphans()] == [1, 2], "the same name with another id"
    desk.hold(record.with_job(1))
    desk.release(mine)
    assert [orphan.id for orphan in desk.find_orphans()] == [1, 2]


async def test_an_orphan_is_cancelled_only_when_two_answers_show_it(monkeypatch: pytest.MonkeyPatch) -> None:
    slurm = ScriptedSlurm([])
    desk = make_desk(slurm)
    slurm.known = (Job(5, desk.names.draw(), "alice", "gpu", JobState.RUNNING),)
    asked: list[int] = []

    async def fetch_jobs() -> bool:
        asked.append(len(slurm.cancelled))
        if len(asked) == 3:
            slurm.known = ()
        return len(asked) != 2

    monkeypatch.setattr(slurm, "fetch_jobs", fetch_jobs, raising=False)
    monkeypatch.setattr("neuronhub.spawn.desk.SUSPECT_CHECK_S", 0.0)
    monkeypatch.setattr("neuronhub.spawn.desk.ORPHAN_CHECK_S", 60.0)
    slurm_known = slurm.known
    desk.start_orphan_checks()
    for _ in range(100):
        await asyncio.sleep(0)
    assert slurm.cancelled == [], "one good answer, one failed, one without it"
    asked.clear()
    slurm.known = slurm_known
    await stop_checks(desk)

    async def fetch_well() -> bool:
        return True

    monkeypatch.setattr(slurm, "fetch_jobs", fetch_well, raising=False)
    desk.start_orphan_checks()
    for _ in range(100):
        await asyncio.sleep(0)
    await stop_checks(desk)
    assert 5 in slurm.cancelled


async def stop_checks(desk: Desk) -> None:
    """End the desk's task without its watch, which is scripted here."""
    task = desk._orphan_task
    assert task is not None
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
