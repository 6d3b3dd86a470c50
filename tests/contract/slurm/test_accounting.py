"""What Slurm's accounting says of jobs is understood, on recorded answers and on the daemons themselves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from tests.contract.slurm.door import Door
from tests.contract.slurm.test_slurm import SCONTROL, SLEEP, make_request

from neuronhub.errors import SlurmNotPermitted, SlurmUnavailable
from neuronhub.slurm.types import JobState
from neuronhub.slurm.usage import Usage

pytestmark = pytest.mark.contract

Segments = tuple[Usage, ...]
CHARGED = "cas_v100nv_4"
BUSY = "#!/bin/sh\nwhile :; do :; done\n"


def since() -> datetime:
    return datetime.now(UTC) - timedelta(hours=1)


def are_ended(*numbers: int) -> Callable[[Segments], bool]:
    """Accounting has heard of the end of these jobs."""
    return lambda found: {one.job_id for one in found if one.over} == set(numbers)


def are_in(*states: JobState) -> Callable[[Segments], bool]:
    return lambda found: [one.state for one in found] == list(states)


async def submit(door: Door, name: str, partition: str = "jupyter", **changes: object) -> int:
    request = make_request(f"nh-{name}", partition, **({"exclusive": partition == CHARGED} | changes))
    return await door.ask(f"usage-{name}-submit", lambda: door.commands.submit(request))


async def fetch(
    door: Door, name: str, number: int, until: Callable[[Segments], object], names: Sequence[str] = ()
) -> Segments:
    return await door.ask(
        f"usage-{name}", lambda: door.commands.fetch_usage([] if names else [number], names, since()), until
    )


async def test_whole_node_job_from_its_start_to_its_end(door: Door) -> None:
    number = await submit(door, "whole", CHARGED)
    (running,) = await fetch(door, "whole-running", number, are_in(JobState.RUNNING))
    assert (running.name, running.user, running.account) == ("nh-whole", "u41", "lab-a")
    assert (running.cluster, running.partition, running.restart) == ("demo", CHARGED, 0)
    assert (running.nodes, running.cpus, running.gpus, running.billing) == (1, 8, 4, 100)
    assert running.ended_at is None
    await door.ask("usage-whole-cancel", lambda: door.commands.cancel("u41", [number]))
    (ended,) = await fetch(door, "whole-ended", number, are_ended(number))
    assert ended.state is JobState.CANCELLED
    assert (ended.submitted_at, ended.started_at) == (running.submitted_at, running.started_at)
    assert ended.started_at is not None
    assert ended.ended_at is not None
    assert ended.elapsed_s == (ended.ended_at - ended.started_at).total_seconds()
    assert (ended.nodes, ended.cpus, ended.gpus, ended.billing) == (1, 8, 4, 100)


async def test_requeued_job_is_two_segments_with_submit_times_of_their_own(door: Door) -> None:
    number = await submit(door, "requeued", CHARGED)
    await fetch(door, "requeued-running", number, are_in(JobState.RUNNING))
    door.inside(SCONTROL, "update", f"JobId={number}", "Requeue=1")
    door.inside(SCONTROL, "requeue", str(number))
    first, second = await fetch(door, "requeued", number, are_in(JobState.REQUEUED, JobState.PENDING))
    assert first.ended_at is not None
    assert first.submitted_at < second.submitted_at == first.ended_at
    assert (first.restart, second.restart) == (0, 0)
    assert first.elapsed_s > 0
    assert (second.started_at, second.ended_at, second.elapsed_s, second.nodes) == (None, None, 0, 0)


async def test_suspended_time_is_not_elapsed_time(door: Door) -> None:
    number = await submit(door, "suspended")
    await fetch(door, "suspended-running", number, are_in(JobState.RUNNING))
    door.inside(SCONTROL, "suspend", str(number))
    (suspended,) = await fetch(door, "suspended", number, are_in(JobState.SUSPENDED))
    assert suspended.ended_at is None
    door.inside("/usr/bin/sleep", "2")
    door.inside(SCONTROL, "resume", str(number))
    await door.ask("usage-suspended-cancel", lambda: door.commands.cancel("u41", [number]))
    (ended,) = await fetch(door, "suspended-ended", number, are_ended(number))
    assert ended.started_at is not None
    assert ended.ended_at is not None
    assert ended.elapsed_s <= (ended.ended_at - ended.started_at).total_seconds() - 2


async def test_job_cancelled_while_it_waits(door: Door) -> None:
    number = await submit(door, "waiting", options=("--begin=now+1hour",))
    await door.ask("usage-waiting-cancel", lambda: door.commands.cancel("u41", [number]))
    (by_id,) = await fetch(door, "waiting-by-id", number, are_ended(number))

    def has_it(found: Segments) -> bool:
        return any(one.job_id == number and one.over for one in found)

    found = await fetch(door, "waiting-by-name", number, has_it, names=["nh-waiting"])
    assert found[-1] == by_id
    assert (by_id.state, by_id.elapsed_s, by_id.nodes, by_id.billing) == (JobState.CANCELLED, 0, 0, 0)


async def test_renamed_job_is_known_by_its_id(door: Door) -> None:
    number = await submit(door, "renamed")
    await fetch(door, "renamed-running", number, are_in(JobState.RUNNING))
    door.inside(SCONTROL, "update", f"JobId={number}", "JobName=nh-other", "Comment=mine", user="u41")
    await door.ask("usage-renamed-cancel", lambda: door.commands.cancel("u41", [number]))
    (ended,) = await fetch(door, "renamed-ended", number, are_ended(number))
    assert (ended.job_id, ended.name, ended.user) == (number, "nh-other", "u41")


async def test_job_on_a_node_that_fails(door: Door) -> None:
    number = await submit(door, "node-failed", CHARGED, options=("--nodelist=cas4n02",))
    await fetch(door, "node-failed-running", number, are_in(JobState.RUNNING))
    update = (SCONTROL, "update", "NodeName=cas4n02")
    down, resume = "scontrol show node cas4n02 | grep -q State=DOWN", "scontrol update NodeName=cas4n02 State=RESUME"
    back = f"while {down}; do {resume} || sleep 0.2; done"  # it may come back by itself (ReturnToService)
    with door.arranged((*update, "State=DOWN", "Reason=test"), ("/bin/sh", "-c", back)):
        (ended,) = await fetch(door, "node-failed", number, are_ended(number))
    assert (ended.state, ended.nodes) == (JobState.NODE_FAIL, 1)


async def test_hostile_name_forges_no_segment(door: Door) -> None:
    name = "evil|x||\n77|demo|u41"
    number = await submit(door, "hostile", script="#!/bin/sh\nsleep 300\n")
    await fetch(door, "hostile-running", number, are_in(JobState.RUNNING))
    door.inside(SCONTROL, "update", f"JobId={number}", f"JobName={name}", user="u41")
    await door.ask("usage-hostile-cancel", lambda: door.commands.cancel("u41", [number]))
    (ended,) = await fetch(door, "hostile", number, are_ended(number))
    assert (ended.name, ended.job_id) == (name, number)


async def test_window_holds_what_ran_in_it_and_in_its_queues(door: Door) -> None:
    number = await submit(door, "window", CHARGED, script="#!/bin/sh\nexit 3\n")
    await fetch(door, "window-ended", number, are_ended(number))

    async def look(partition: str) -> Segments:
        until = datetime.now(UTC) + timedelta(minutes=1)
        return await door.ask(
            f"usage-window-{partition}", lambda: door.commands.fetch_window(since(), until, [partition])
        )

    found = await look(CHARGED)
    assert {one.partition for one in found} == {CHARGED}
    (failed,) = (one for one in found if one.job_id == number)
    assert (failed.state, failed.exit_code) == (JobState.FAILED, 3)
    assert number not in {one.job_id for one in await look("jupyter")}


async def test_who_may_pay(door: Door) -> None:
    change = ("/usr/bin/sacctmgr", "--immediate")
    of = ("coordinator", "accounts=lab-b", "names=u42")
    with door.arranged((*change, "add", *of), (*change, "delete", *of)):
        found = await door.ask("associations", door.commands.fetch_associations)
    assert found.accounts_of("alice", "jupyter") == ("lab-a", "lab-b")
    assert found.accounts_of("u42", CHARGED) == ("lab-b",)
    assert found.accounts_of("nobody", "jupyter") == ()
    assert found.coordinated_by("alice") == ("lab-a",)
    assert found.coordinated_by("u42") == ("lab-b",)
    assert found.coordinated_by("u41") == ()


async def test_counters_grow_by_billing_and_seconds(door: Door) -> None:
    before = await door.ask("counters-before", door.commands.fetch_counters)
    number = await submit(door, "counted", CHARGED, user="u42", script="#!/bin/sh\nsleep 2\n")
    (ended,) = await fetch(door, "counted", number, are_ended(number))
    assert ended.elapsed_s >= 2

    def have_grown(after: dict[str, int]) -> bool:
        return after["lab-b"] - before["lab-b"] == ended.elapsed_s * ended.billing

    assert await door.ask("counters-after", door.commands.fetch_counters, have_grown)


async def test_sums_of_whole_hours(door: Door) -> None:
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    billed = await door.ask("billed", lambda: door.commands.fetch_billed(hour - timedelta(hours=24), hour))
    assert set(billed) <= {"lab-a", "lab-b", "lab-c"}  # nothing, on a site that is younger than an hour
    assert door.site is not None or billed["lab-a"] > 0
    long_ago = datetime(2001, 2, 3, 4, tzinfo=UTC)
    nothing = await door.ask(
        "billed-nothing", lambda: door.commands.fetch_billed(long_ago, long_ago + timedelta(hours=1))
    )
    assert nothing == {}


async def test_work_of_running_jobs(door: Door) -> None:
    busy, idle = [await submit(door, name, script=script) for name, script in (("busy", BUSY), ("idle", SLEEP))]

    def has_worked(work: object) -> bool:
        return isinstance(work, dict) and {busy, idle} == set(work) and work[busy].cpu_s >= 2

    work = await door.ask("work", lambda: door.commands.fetch_work("u41", [busy, idle, 99999999]), has_worked)
    assert work[idle].cpu_s < 1


async def test_steps_that_are_over(door: Door) -> None:
    """sstat forgets them: what they used is in no figure of a running job."""
    script = "#!/bin/sh\n/usr/bin/srun /bin/true\nsleep 300\n"
    number = await submit(door, "stepping", script=script)

    def have_ended(steps: dict[int, int]) -> bool:
        return steps.get(number) == 1

    steps = await door.ask("steps-ended", lambda: door.commands.fetch_steps_ended([number, 99999999]), have_ended)
    assert steps == {number: 1}


async def test_work_of_others_is_not_told(door: Door) -> None:
    number = await submit(door, "of-u41")
    await fetch(door, "of-u41-running", number, are_in(JobState.RUNNING))
    with pytest.raises(SlurmUnavailable):
        await door.ask("work-of-others", lambda: door.commands.fetch_work("u42", [number]))
    with pytest.raises(SlurmNotPermitted):
        await door.ask("work-as-root", lambda: door.commands.fetch_work("root", [number]))


async def test_accounting_away_is_silence(door: Door) -> None:
    with door.without("slurmdbd", "stop"):
        with pytest.raises(SlurmUnavailable):
            await door.ask("silent-slurmdbd-usage", lambda: door.commands.fetch_usage([1], [], since()))
        with pytest.raises(SlurmUnavailable):
            await door.ask("silent-slurmdbd-associations", door.commands.fetch_associations)
        with pytest.raises(SlurmUnavailable):
            await door.ask("silent-slurmdbd-billed", lambda: door.commands.fetch_billed(since(), since()))


async def test_job_that_ran_while_accounting_was_away_is_complete_in_the_end(door: Door) -> None:
    with door.without("slurmdbd", "stop"):
        number = await submit(door, "away", CHARGED, script="#!/bin/sh\nexit 3\n")
        await door.ask(
            "usage-away-over",
            door.commands.fetch_jobs,
            lambda jobs: any(job.id == number and job.state is JobState.FAILED for job in jobs),
        )
    (ended,) = await fetch(door, "away", number, are_ended(number))
    assert (ended.state, ended.exit_code, ended.nodes, ended.billing) == (JobState.FAILED, 3, 1, 100)
