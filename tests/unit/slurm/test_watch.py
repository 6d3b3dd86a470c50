from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import nullcontext
from itertools import pairwise

import pytest
from tests.unit.slurm.scripted import (
    OTHERS,
    ScriptedSlurm,
    follow_all,
    make_job,
    make_ref,
    watch_virtually,
)

from neuronhub.errors import SlurmUnavailable
from neuronhub.slurm.sightings import Pace
from neuronhub.slurm.types import Configuration, JobState
from neuronhub.slurm.watch import Watch


async def look(watch: Watch, lookers: int, seconds: float) -> None:
    """So many people have a page open that renews itself every 5 s, and press Refresh as they like."""

    async def one(number: int) -> None:
        await asyncio.sleep(number * 0.037 % 5)
        end = asyncio.get_running_loop().time() + seconds
        while asyncio.get_running_loop().time() < end:
            await watch.fetch_cluster()
            await asyncio.sleep(5 if number % 3 else 0.5)

    await asyncio.gather(*(one(number) for number in range(lookers)))


def test_idle_watch_asksnullcontext() -> None:
    slurm = ScriptedSlurm()
    watch_virtually(slurm, lambda _: asyncio.sleep(3600))
    assert slurm.asked_at == []


def test_watch_is_idle_again_when_lookers_and_jobs_are_gone() -> None:
    slurm = ScriptedSlurm(make_job(1))

    async def scene(watch: Watch) -> None:
        watch.follow(make_ref(1), Pace.URGENT)
        await look(watch, 3, 20)
        watch.unfollow("nh-1")
        await asyncio.sleep(10)
        before = len(slurm.asked_at)
        assert before > 0
        await asyncio.sleep(3600)
        assert len(slurm.asked_at) == before

    watch_virtually(slurm, scene)


def test_jobs_that_ended_are_not_asked_for() -> None:
    slurm = ScriptedSlurm(make_job(1, JobState.COMPLETED))

    async def scene(watch: Watch) -> None:
        watch.follow(make_ref(1), Pace.URGENT)
        await asyncio.sleep(600)
        job = watch.job("nh-1")
        assert job is not None
        assert job.state is JobState.COMPLETED

    watch_virtually(slurm, scene)
    assert slurm.asked == {"squeue": 1}


@pytest.mark.parametrize("pace", list(Pace))
@pytest.mark.parametrize("jobs", [0, 10, 500])
@pytest.mark.parametrize("lookers", [0, 1, 200])
@pytest.mark.parametrize("silent", [False, True])
def test_never_more_than_the_budget_in_any_minute(pace: Pace, jobs: int, lookers: int, silent: bool) -> None:
    all_jobs = [make_job(number) for number in range(jobs)]
    slurm = ScriptedSlurm(*all_jobs)

    async def scene(watch: Watch) -> None:
        if not silent:
            await watch.fetch_cluster()
        else:
            slurm.silence("sinfo", "squeue", "scontrol", "sacct")
        follow_all(watch, all_jobs[::2], pace)
        await asyncio.sleep(7)
        follow_all(watch, all_jobs[1::2], pace)
        with pytest.raises(SlurmUnavailable) if silent and lookers else nullcontext():
            await look(watch, lookers, 120)
        await asyncio.sleep(60)
        slurm.jobs = all_jobs[::4]  # the others have gone, and accounting is asked for them
        await asyncio.sleep(120)

    watch_virtually(slurm, scene)
    assert slurm.count_worst_minute() <= 30
    turns = sorted({moment for moment, _ in slurm.asked_at})
    assert all(later - earlier > 1.999 for earlier, later in pairwise(turns))
    if jobs or lookers:
        assert slurm.asked_at


@pytest.mark.parametrize("per_minute", [6, 12, 30])
def test_budget_of_the_site_file_is_kept(per_minute: int) -> None:
    slurm = ScriptedSlurm(make_job(1))

    async def scene(watch: Watch) -> None:
        watch.follow(make_ref(1), Pace.URGENT)
        await look(watch, 20, 300)

    watch_virtually(slurm, scene, commands_per_minute=per_minute)
    assert slurm.count_worst_minute() <= per_minute
    assert sum(slurm.asked.values()) >= (per_minute - 4) * 5 * 0.9


@pytest.mark.parametrize(("pace", "at_most"), [(Pace.URGENT, 2.4), (Pace.WAITING, 5.1), (Pace.RUNNING, 15.1)])
def test_pace_of_a_followed_job(pace: Pace, at_most: float) -> None:
    slurm = ScriptedSlurm(make_job(1))

    async def scene(watch: Watch) -> None:
        watch.follow(make_ref(1), pace)
        await asyncio.sleep(300)

    watch_virtually(slurm, scene)
    assert max(slurm.list_gaps("squeue")) <= at_most
    assert min(slurm.list_gaps("squeue")) >= pace.value - 0.01


def test_new_job_and_quicker_pace_are_served_at_once() -> None:
    slurm = ScriptedSlurm(make_job(1), make_job(2))

    async def scene(watch: Watch) -> None:
        watch.follow(make_ref(1), Pace.RUNNING)
        await asyncio.sleep(8)
        watch.follow(make_ref(2), Pace.RUNNING)
        await asyncio.sleep(0.1)
        assert slurm.asked["squeue"] == 2
        await asyncio.sleep(5)
        watch.follow(make_ref(1), Pace.URGENT)
        await asyncio.sleep(0.1)
        assert slurm.asked["squeue"] == 3

    watch_virtually(slurm, scene)


def test_jobs_and_lookers_share_a_short_budget() -> None:
    slurm = ScriptedSlurm(make_job(1))

    async def scene(watch: Watch) -> None:
        watch.follow(make_ref(1), Pace.URGENT)
        await look(watch, 200, 600)

    watch_virtually(slurm, scene)
    assert max(slurm.list_gaps("squeue")) <= 6
    assert max(slurm.list_gaps("sinfo")) <= 12
    assert slurm.asked["squeue"] > slurm.asked["sinfo"] > 60


def test_lookers_of_one_moment_cost_one_question() -> None:
    slurm = ScriptedSlurm(make_job(1, JobState.PENDING), make_job(2), took_s=1)

    async def scene(watch: Watch) -> None:
        snapshots = await asyncio.gather(*(watch.fetch_cluster() for _ in range(200)))
        assert {id(snapshot) for snapshot in snapshots} == {id(watch.cluster)}
        queue = snapshots[0].queue("jupyter")
        assert queue is not None
        assert (queue.counts.idle, queue.waiting_jobs, queue.running_jobs) == (1, 1, 1)
        assert [queue.name for queue in snapshots[0].queues] == ["jupyter", "gpu"]
        await watch.fetch_cluster()

    watch_virtually(slurm, scene)
    assert slurm.asked == {"sinfo": 1, "squeue": 1, "scontrol": 1}


def test_partitions_are_asked_for_once_a_minute() -> None:
    slurm = ScriptedSlurm()

    async def scene(watch: Watch) -> None:
        await look(watch, 5, 600)

    watch_virtually(slurm, scene)
    assert slurm.asked["scontrol"] <= 11
    assert max(slurm.list_gaps("sinfo")) <= 6


def test_older_snapshot_while_slurm_hangs() -> None:
    slurm = ScriptedSlurm(took_s=0.1)

    async def scene(watch: Watch) -> None:
        first = await watch.fetch_cluster()
        slurm.took_s = 15
        await asyncio.sleep(10)
        slurm.silence("sinfo", "squeue", "scontrol")
        asked_at = asyncio.get_running_loop().time()
        assert await watch.fetch_cluster() is first
        assert asyncio.get_running_loop().time() - asked_at < 4
        await asyncio.sleep(20)
        assert watch.problem is not None
        slurm.failing, slurm.took_s = {}, 0.1
        assert await watch.fetch_cluster() is not first
        problem: SlurmUnavailable | None = watch.problem
        assert problem is None

    watch_virtually(slurm, scene)


def test_without_any_snapshot_the_problem_is_raised() -> None:
    slurm = ScriptedSlurm()
    slurm.silence("sinfo")

    async def scene(watch: Watch) -> None:
        with pytest.raises(SlurmUnavailable, match="sinfo is silent"):
            await watch.fetch_cluster()

    watch_virtually(slurm, scene)


def test_silence_makes_a_job_unknown_and_nothing_else() -> None:
    slurm = ScriptedSlurm(make_job(1))

    async def scene(watch: Watch) -> None:
        watch.follow(make_ref(1), Pace.RUNNING)
        assert watch.job("nh-1") is None
        await asyncio.sleep(1)
        assert _state(watch) is JobState.RUNNING
        slurm.silence("sinfo", "squeue", "scontrol", "sacct")
        slurm.jobs = []
        for _ in range(3600):
            await asyncio.sleep(1)
            assert _state(watch) in (JobState.RUNNING, JobState.UNKNOWN)
        assert _state(watch) is JobState.UNKNOWN
        slurm.failing, slurm.jobs = {}, [make_job(1)]
        await asyncio.sleep(16)
        assert _state(watch) is JobState.RUNNING

    watch_virtually(slurm, scene)
    assert slurm.asked["sacct"] == 0


def test_job_that_slurm_forgot_takes_its_end_from_accounting() -> None:
    slurm = ScriptedSlurm(OTHERS)
    slurm.records = [make_job(1, JobState.TIMEOUT)]

    async def scene(watch: Watch) -> None:
        watch.follow(make_ref(1), Pace.RUNNING)
        await asyncio.sleep(1)
        assert _state(watch) is JobState.UNKNOWN
        await asyncio.sleep(9)
        assert _state(watch) is JobState.TIMEOUT

    watch_virtually(slurm, scene)
    assert slurm.asked["sacct"] == 1


def test_accounting_away_leaves_a_forgotten_job_unknown() -> None:
    slurm = ScriptedSlurm(OTHERS)
    slurm.silence("sacct")

    async def scene(watch: Watch) -> None:
        watch.follow(make_ref(1), Pace.RUNNING)
        await asyncio.sleep(3600)
        assert _state(watch) is JobState.UNKNOWN
        assert watch.problem is None

    watch_virtually(slurm, scene)
    assert min(slurm.list_gaps("sacct")) >= 6


def test_configuration_unknown_leaves_a_forgotten_job_unknown() -> None:
    slurm = ScriptedSlurm(OTHERS)
    slurm.silence("scontrol")

    async def scene(watch: Watch) -> None:
        watch.follow(make_ref(1), Pace.RUNNING)
        await asyncio.sleep(600)
        assert _state(watch) is JobState.UNKNOWN

    watch_virtually(slurm, scene)


def test_site_without_accounting_sees_a_forgotten_job_end() -> None:
    slurm = ScriptedSlurm(OTHERS)
    slurm.configuration = Configuration(accounting=False)
    slurm.silence("sacct")

    async def scene(watch: Watch) -> None:
        watch.follow(make_ref(1), Pace.RUNNING)
        await asyncio.sleep(40)
        assert _state(watch) is JobState.LOST

    watch_virtually(slurm, scene)
    assert slurm.asked["sacct"] == 0


def test_name_without_id_is_found_or_found_missing() -> None:
    slurm = ScriptedSlurm(OTHERS, make_job(7, name="nh-1"))

    async def scene(watch: Watch) -> None:
        watch.follow(make_ref(1, known=False), Pace.URGENT)
        watch.follow(make_ref(2, known=False), Pace.URGENT)
        await asyncio.sleep(10)
        found = watch.job("nh-1")
        assert found is not None
        assert found.id == 7
        missing = watch.job("nh-2")
        assert missing is not None
        assert (missing.id, missing.state) == (0, JobState.LOST)

    watch_virtually(slurm, scene)


def test_answer_to_an_earlier_question_does_not_miss_a_new_job() -> None:
    slurm = ScriptedSlurm(OTHERS, took_s=1.5)

    async def scene(watch: Watch) -> None:
        assert asyncio.create_task(watch.fetch_jobs())
        await asyncio.sleep(0.5)
        watch.follow(make_ref(1), Pace.URGENT)
        slurm.jobs = [OTHERS, make_job(1)]
        await asyncio.sleep(1.1)
        assert watch.job("nh-1") is None
        await asyncio.sleep(2)
        assert _state(watch) is JobState.RUNNING

    watch_virtually(slurm, scene)


def test_id_that_becomes_known_starts_the_evidence_anew() -> None:
    slurm = ScriptedSlurm(OTHERS)

    async def scene(watch: Watch) -> None:
        watch.follow(make_ref(1, known=False), Pace.URGENT)
        await asyncio.sleep(10)
        assert _state(watch) is JobState.LOST
        watch.follow(make_ref(1), Pace.URGENT)
        assert watch.job("nh-1") is None
        slurm.jobs = [OTHERS, make_job(1)]
        await asyncio.sleep(2)
        watch.follow(make_ref(1, known=False), Pace.RUNNING)
        assert _state(watch) is JobState.RUNNING

    watch_virtually(slurm, scene)


def test_changed_tells_of_answers_and_of_silence_and_fetch_jobs_asks() -> None:
    slurm = ScriptedSlurm(make_job(1), make_job(2, JobState.FAILED), OTHERS)

    async def scene(watch: Watch) -> None:
        assert not await watch.changed(60)
        assert await watch.fetch_jobs()
        assert watch.jobs_of("nh-") == (make_job(1),)
        slurm.silence("squeue")
        assert not await watch.fetch_jobs()
        assert watch.jobs_of("nh-") == (make_job(1),)
        watch.follow(make_ref(1), Pace.WAITING)
        assert await watch.changed(6)

    watch_virtually(slurm, scene)
    assert slurm.asked["squeue"] == 3


def test_errors_nobody_expected_are_logged_and_the_watch_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    slurm = ScriptedSlurm(make_job(1))
    slurm.failing = {"squeue": RuntimeError("a slip of ours")}

    async def scene(watch: Watch) -> None:
        watch.follow(make_ref(1), Pace.URGENT)
        await asyncio.sleep(10)
        assert watch.job("nh-1") is None
        slurm.failing = {}
        await asyncio.sleep(5)
        assert _state(watch) is JobState.RUNNING

    with caplog.at_level(logging.ERROR):
        watch_virtually(slurm, scene)
    assert "a slip of ours" in caplog.text


def test_error_in_the_turn_itself_is_logged_and_the_watch_goes_on(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    slurm = ScriptedSlurm()
    good: Callable[[Watch], object] = Watch._make_snapshot
    failures = [KeyError("a slip of ours")]

    def make_snapshot(watch: Watch) -> object:
        if failures:
            raise failures.pop()
        return good(watch)

    monkeypatch.setattr(Watch, "_make_snapshot", make_snapshot)

    async def scene(watch: Watch) -> None:
        assert (await watch.fetch_cluster()).queues

    watch_virtually(slurm, scene)
    assert "a slip of ours" in caplog.text


def _state(watch: Watch) -> JobState:
    job = watch.job("nh-1")
    assert job is not None
    return job.state
