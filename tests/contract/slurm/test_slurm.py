"""What Slurm prints is understood, on recorded answers and on the daemons themselves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from tests.contract.slurm.door import Door

from neuronhub.errors import SlurmNotPermitted, SlurmRefused, SlurmUnavailable
from neuronhub.slurm.nodes import count_gpus, count_nodes, fill_queue
from neuronhub.slurm.types import GpuCount, Job, JobRequest, JobState, Node, NodeCounts, Queue

pytestmark = pytest.mark.contract

Rows = tuple[tuple[str, Node], ...]
SCONTROL = "/usr/bin/scontrol"
SLEEP = "#!/bin/sh\nexec sleep 300\n"
HOSTILE_NAME = "evil|x||\n77                  |alice|RUNNING|jupyter"


def make_request(name: str, partition: str = "jupyter", **changes: object) -> JobRequest:
    values: dict[str, object] = {
        "user": "u41",
        "name": name,
        "partition": partition,
        "time_limit": timedelta(minutes=10),
        "script": SLEEP,
    }
    return JobRequest(**(values | changes))  # type: ignore[arg-type]


def find_node(rows: Rows, name: str) -> Node:
    return next(node for _, node in rows if node.name == name)


def find_job(jobs: Sequence[Job], number: int) -> Job:
    return next(job for job in jobs if job.id == number)


def is_in(number: int, state: JobState) -> Callable[[Sequence[Job]], bool]:
    return lambda jobs: any(job.id == number and job.state is state for job in jobs)


def list_nodes(rows: Rows, partition: str) -> list[Node]:
    return [node for name, node in rows if name == partition]


async def test_nodes_at_rest(door: Door) -> None:
    rows = await door.ask("nodes-at-rest", door.commands.fetch_nodes)
    assert {name for name, _ in rows} == {"jupyter", "cas_v100_2", "cas_v100nv_4", "amd_a100nv_8"}
    assert count_nodes(list_nodes(rows, "cas_v100_2")) == NodeCounts(idle=2, down=1)
    assert count_gpus(list_nodes(rows, "cas_v100_2"), whole_nodes=True) == (GpuCount("v100", 4, 6),)
    assert count_gpus(list_nodes(rows, "amd_a100nv_8"), whole_nodes=True) == (GpuCount("a100nv", 16, 16),)
    drained = find_node(rows, "cas2n03")
    assert (drained.state, drained.flags, drained.cpus_free) == ("drained", "", 0)
    idle = find_node(rows, "jn01")
    assert (idle.state, idle.cpus_free, idle.cpus_total, idle.address) == ("idle", 10, 10, "127.0.2.1")


async def test_partitions(door: Door) -> None:
    queues = {queue.name: queue for queue in await door.ask("partitions", door.commands.fetch_partitions)}
    jupyter, cas = queues["jupyter"], queues["cas_v100_2"]
    assert (jupyter.exclusive, jupyter.max_nodes, jupyter.open) == (False, 1, True)
    assert (jupyter.default_time, jupyter.max_time) == (timedelta(hours=2), timedelta(hours=12))
    assert (cas.exclusive, cas.allow_groups, cas.allow_accounts) == (True, (), ())


@pytest.mark.parametrize("state", ["DOWN", "DRAIN", "INACTIVE"])
async def test_partition_that_is_closed(door: Door, state: str) -> None:
    update = (SCONTROL, "update", "PartitionName=cas_v100nv_4")
    with door.arranged((*update, f"State={state}"), (*update, "State=UP")):
        queues = await door.ask(f"partition-{state.lower()}", door.commands.fetch_partitions)
        nodes = await door.ask(f"nodes-of-partition-{state.lower()}", door.commands.fetch_nodes)
    closed = fill_queue(next(queue for queue in queues if queue.name == "cas_v100nv_4"), nodes, ())
    assert (closed.state, closed.open) == (state, False)
    assert closed.gpus == (GpuCount("v100nv", 0, 8),)


async def test_partition_for_a_few(door: Door) -> None:
    update = (SCONTROL, "update", "PartitionName=cas_v100nv_4")
    few = ("AllowGroups=researchers,root", "AllowAccounts=root", "MaxTime=UNLIMITED")
    back = ("AllowGroups=ALL", "AllowAccounts=ALL", "MaxTime=2-0")
    with door.arranged((*update, *few), (*update, *back)):
        queues = await door.ask("partition-for-a-few", door.commands.fetch_partitions)
    queue = next(queue for queue in queues if queue.name == "cas_v100nv_4")
    assert (queue.allow_groups, queue.allow_accounts) == (("researchers", "root"), ("root",))
    assert queue.max_time is None


async def test_configuration(door: Door) -> None:
    configuration = await door.ask("configuration", door.commands.fetch_configuration)
    assert configuration.accounting
    assert configuration.private_data == frozenset()


async def test_whole_node_job_takes_all_gpus_of_its_node(door: Door) -> None:
    await door.ask(
        "submit-whole-node", lambda: door.commands.submit(make_request("nh-w", "cas_v100nv_4", exclusive=True))
    )
    rows = await door.ask(
        "nodes-with-a-whole-node-job",
        door.commands.fetch_nodes,
        lambda rows: count_nodes(list_nodes(rows, "cas_v100nv_4")).alloc == 1,
    )
    nodes = list_nodes(rows, "cas_v100nv_4")
    busy = next(node for node in nodes if node.state == "allocated")
    assert (busy.cpus_free, busy.gpus, busy.gpus_used) == (0, {"v100nv": 4}, {"v100nv": 4})
    assert count_nodes(nodes) == NodeCounts(alloc=1, idle=1)
    assert count_gpus(nodes, whole_nodes=True) == (GpuCount("v100nv", 4, 8),)


async def test_shared_node_is_mixed_and_then_draining_and_drained(door: Door) -> None:
    request = make_request("nh-m", options=("--nodelist=jn02",))
    number = await door.ask("submit-to-a-shared-node", lambda: door.commands.submit(request))
    rows = await door.ask(
        "node-mixed", door.commands.fetch_nodes, lambda rows: find_node(rows, "jn02").state == "mixed"
    )
    assert find_node(rows, "jn02").cpus_free == 9
    assert count_nodes(list_nodes(rows, "jupyter")) == NodeCounts(alloc=1, idle=4)
    update = (SCONTROL, "update", "NodeName=jn02")
    with door.arranged((*update, "State=DRAIN", "Reason=test"), (*update, "State=RESUME")):
        rows = await door.ask(
            "node-draining", door.commands.fetch_nodes, lambda rows: find_node(rows, "jn02").state == "draining"
        )
        assert count_nodes(list_nodes(rows, "jupyter")) == NodeCounts(alloc=1, idle=4)
        await door.ask("cancel-on-a-draining-node", lambda: door.commands.cancel("u41", [number]))
        rows = await door.ask(
            "node-drained", door.commands.fetch_nodes, lambda rows: find_node(rows, "jn02").state == "drained"
        )
        assert count_nodes(list_nodes(rows, "jupyter")) == NodeCounts(idle=4, down=1)


@pytest.mark.parametrize(("flags", "state"), [("MAINT,IGNORE_JOBS", "maint"), ("IGNORE_JOBS", "reserved")])
async def test_reserved_node_is_not_usable(door: Door, flags: str, state: str) -> None:
    create = ("create", "reservation", f"ReservationName={state}", "StartTime=now", "Duration=10", "Users=root")
    delete = (SCONTROL, "delete", f"ReservationName={state}")
    with door.arranged((SCONTROL, *create, "Nodes=jn05", f"Flags={flags}"), delete):
        rows = await door.ask(
            f"node-{state}", door.commands.fetch_nodes, lambda rows: find_node(rows, "jn05").state == state
        )
    assert count_nodes(list_nodes(rows, "jupyter")) == NodeCounts(idle=4, down=1)


async def test_node_that_is_down(door: Door) -> None:
    update = (SCONTROL, "update", "NodeName=jn05")
    with door.arranged((*update, "State=DOWN", "Reason=test"), (*update, "State=RESUME")):
        rows = await door.ask("node-down", door.commands.fetch_nodes)
    assert find_node(rows, "jn05").state == "down"
    assert count_nodes(list_nodes(rows, "jupyter")) == NodeCounts(idle=4, down=1)


async def test_running_job_then_cancelled_twice(door: Door) -> None:
    commands = door.commands
    number = await door.ask("submit", lambda: commands.submit(make_request("nh-r")))
    job = find_job(await door.ask("job-running", commands.fetch_jobs, is_in(number, JobState.RUNNING)), number)
    assert (job.name, job.user, job.partition, job.reason) == ("nh-r", "u41", "jupyter", "")
    assert job.submitted_at is not None
    assert job.started_at is not None
    assert job.ended_at == job.started_at + timedelta(minutes=10)
    assert job.time_limit == timedelta(minutes=10)
    assert job.batch_host.startswith("jn")
    if door.site is not None:
        assert abs(datetime.now(UTC) - job.submitted_at) < timedelta(minutes=2)
    await door.ask("cancel", lambda: commands.cancel("u41", [number]))
    jobs = await door.ask("job-cancelled", commands.fetch_jobs, is_in(number, JobState.CANCELLED))
    assert find_job(jobs, number).state.ended
    await door.ask("cancel-again", lambda: commands.cancel("u41", [number]))
    await door.ask("cancel-nothing", lambda: commands.cancel("u41", [99999999]))

    def is_complete(records: Sequence[Job]) -> bool:  # for a moment accounting calls it "allocation"
        return [(record.name, record.state) for record in records] == [("nh-r", JobState.CANCELLED)]

    (record,) = await door.ask("record-cancelled", lambda: commands.fetch_ended([number]), is_complete)
    assert (record.id, record.user) == (number, "u41")
    assert record.batch_host == job.batch_host


async def test_jobs_that_end_badly(door: Door) -> None:
    commands = door.commands
    failing = make_request("nh-f", script="#!/bin/sh\nexit 3\n")
    killed = make_request("nh-k", script="#!/bin/sh\nkill -9 $$\n")
    unwritable = make_request("nh-u", output="/nonexistent/log")
    numbers = [
        await door.ask(f"submit-{request.name}", lambda request=request: commands.submit(request))  # type: ignore[misc]
        for request in (failing, killed, unwritable)
    ]

    def all_failed(jobs: Sequence[Job]) -> bool:
        return all(is_in(number, JobState.FAILED)(jobs) for number in numbers)

    jobs = await door.ask("jobs-failed", commands.fetch_jobs, all_failed)
    records = await door.ask("records-failed", lambda: commands.fetch_ended(numbers), all_failed)
    for told in (jobs, records):
        ends = [(find_job(told, number).exit_code, find_job(told, number).exit_signal) for number in numbers]
        assert ends == [(3, 0), (0, 9), (0, 53)]


async def test_waiting_job_and_its_reason(door: Door) -> None:
    commands = door.commands
    request = make_request("nh-p", options=("--begin=now+1hour",))
    number = await door.ask("submit-for-later", lambda: commands.submit(request))
    jobs = await door.ask("job-waiting", commands.fetch_jobs, lambda jobs: find_job(jobs, number).reason == "BeginTime")
    job = find_job(jobs, number)
    assert job.state is JobState.PENDING
    assert job.batch_host == ""
    assert fill_queue(Queue("jupyter", NodeCounts()), (), [job]).waiting_jobs == 1


async def test_hostile_job_name_forges_nothing(door: Door) -> None:
    door.inside(
        *("/usr/bin/sbatch", "--parsable", f"--job-name={HOSTILE_NAME}", "--output=/dev/null", "--chdir=/"),
        user="u42",
        stdin=SLEEP,
    )

    def shows_it(jobs: Sequence[Job]) -> bool:
        return any(job.user == "u42" and job.state is JobState.RUNNING for job in jobs)

    jobs = await door.ask("job-with-hostile-name", door.commands.fetch_jobs, shows_it)
    (hostile,) = (job for job in jobs if job.user == "u42" and job.state is JobState.RUNNING)
    assert hostile.name == HOSTILE_NAME
    assert not any((job.id, job.user) == (77, "alice") for job in jobs)
    (record,) = await door.ask(
        "record-with-hostile-name", lambda: door.commands.fetch_ended([hostile.id]), is_in(hostile.id, JobState.RUNNING)
    )
    assert (record.name, record.user) == (HOSTILE_NAME, "u42")


async def test_job_found_by_its_name_in_accounting(door: Door) -> None:
    request = make_request("nh-named", script="#!/bin/sh\ntrue\n")
    number = await door.ask("submit-named", lambda: door.commands.submit(request))

    def is_done(jobs: Sequence[Job]) -> bool:
        return is_in(number, JobState.COMPLETED)(jobs)

    jobs = await door.ask("record-by-name", lambda: door.commands.fetch_named(["nh-named", "nh-none"]), is_done)
    assert {job.name for job in jobs} == {"nh-named"}


async def test_cancel_by_name_leaves_other_jobs_alone(door: Door) -> None:
    commands = door.commands
    kept = await door.ask("submit-kept", lambda: commands.submit(make_request("nh-kept")))
    gone = await door.ask("submit-gone", lambda: commands.submit(make_request("nh-gone")))
    await door.ask("cancel-wrong-name", lambda: commands.cancel("u41", [kept], name="nh-gone"))
    await door.ask("cancel-by-name", lambda: commands.cancel("u41", [], name="nh-gone"))
    jobs = await door.ask("jobs-after-cancel-by-name", commands.fetch_jobs, is_in(gone, JobState.CANCELLED))
    assert not find_job(jobs, kept).state.ended


REFUSED = {
    "no-such-partition": (make_request("nh-x", "nosuch"), "Invalid partition name"),
    "too-long": (make_request("nh-x", time_limit=timedelta(days=3000)), "Requested time limit is invalid"),
    "too-many-nodes": (make_request("nh-x", nodes=2), "Node count specification invalid"),
    "no-such-account": (make_request("nh-x", account="nosuch"), "Invalid account"),
    "no-such-qos": (make_request("nh-x", options=("--qos=nosuch",)), "Invalid qos"),
    "no-such-option": (make_request("nh-x", options=("--nosuch",)), "unrecognized option"),
    "no-script": (make_request("nh-x", script=""), "Batch script is empty"),
    "no-such-gpus": (make_request("nh-x", options=("--gres=gpu:99",)), "Requested node configuration"),
}


@pytest.mark.parametrize("case", list(REFUSED))
async def test_submit_that_slurm_refuses(door: Door, case: str) -> None:
    request, reason = REFUSED[case]
    with pytest.raises(SlurmRefused, match=reason):
        await door.ask(f"refused-{case}", lambda: door.commands.submit(request))


async def test_closed_partition_refuses(door: Door) -> None:
    update = (SCONTROL, "update", "PartitionName=cas_v100nv_4")
    with (
        door.arranged((*update, "State=DRAIN"), (*update, "State=UP")),
        pytest.raises(SlurmRefused, match="Required partition not available"),
    ):
        await door.ask("refused-closed", lambda: door.commands.submit(make_request("nh-x", "cas_v100nv_4")))


async def test_jobs_of_others_cannot_be_cancelled(door: Door) -> None:
    number = await door.ask("submit-of-u41", lambda: door.commands.submit(make_request("nh-o")))
    with pytest.raises(SlurmRefused, match="does not let this user"):
        await door.ask("cancel-of-others", lambda: door.commands.cancel("u42", [number]))


async def test_sudo_refuses_to_become_root(door: Door) -> None:
    with pytest.raises(SlurmNotPermitted, match="sudoers"):
        await door.ask("sudo-submit", lambda: door.commands.submit(make_request("nh-x", user="root")))
    with pytest.raises(SlurmNotPermitted, match="sudoers"):
        await door.ask("sudo-cancel", lambda: door.commands.cancel("root", [7]))


@pytest.mark.parametrize(("part", "action"), [("slurmctld", "stop"), ("slurmctld", "pause"), ("munged", "stop")])
async def test_silence_is_silence_for_every_command(door: Door, part: str, action: str) -> None:
    commands = door.commands
    name = f"silent-{part}-{action}"
    before = {job.id for job in await door.ask(f"{name}-before", commands.fetch_jobs)}
    with door.without(part, action):
        for question in (commands.fetch_nodes, commands.fetch_partitions, commands.fetch_jobs):
            with pytest.raises(SlurmUnavailable):
                await door.ask(f"{name}-{question.__name__}", question)
        with pytest.raises(SlurmUnavailable):
            await door.ask(f"{name}-submit", lambda: commands.submit(make_request(f"nh-{action}")))
        with pytest.raises(SlurmUnavailable):
            await door.ask(f"{name}-cancel", lambda: commands.cancel("u41", [7]))
    expected = 1 if action == "pause" else 0  # a frozen slurmctld takes the job up when it thaws

    def has_expected(jobs: Sequence[Job]) -> bool:
        return [job.name for job in jobs if job.id not in before] == [f"nh-{action}"] * expected

    await door.ask(f"{name}-after", commands.fetch_jobs, has_expected)


async def test_accounting_away_is_silence(door: Door) -> None:
    with door.without("slurmdbd", "stop"), pytest.raises(SlurmUnavailable):
        await door.ask("silent-slurmdbd-records", lambda: door.commands.fetch_ended([1]))
