"""Engines' jobs: one for each node, named after the server that asked, all or none, and never without an owner."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from cryptography.fernet import Fernet
from tests.unit.spawn.scripted_till import ScriptedTill
from tests.unit.spawn.test_options import SITE, SNAPSHOT
from tornado.httpclient import AsyncHTTPClient

from neuronhub.errors import SlurmRefused, SlurmUnavailable, StartRefused
from neuronhub.payment import Order
from neuronhub.protocol import EnginesOrder, EnginesTicket
from neuronhub.slurm.commands import Commands
from neuronhub.slurm.types import ClusterSnapshot, Job, JobRef, JobRequest, JobState
from neuronhub.slurm.watch import Pace, Watch
from neuronhub.spawn.desk import Desk
from neuronhub.spawn.engine_jobs import EngineName, EngineNames, check_order, make_engine_requests, spread
from neuronhub.spawn.engines import MOST_CLUSTERS, Engines
from neuronhub.spawn.options import Choice
from neuronhub.spawn.record import JobNames, Seal, StartRecord

START = "neuronhub-server-0123456789abcdef"
RECORD = StartRecord("alice", START, "jupyter", timedelta(minutes=5), datetime.now(UTC), "sealed", job_id=7)
ORDER = EnginesOrder("c1ac1ac1", "gpu", "1:00:00", 2, 5, "/scratch/alice/env/bin/python", "/home/alice/.ipython/c")
NAMES = EngineNames("neuronhub", JobNames("neuronhub"))
FIRST, SECOND = (NAMES.render(EngineName(START, ORDER.cluster, node)) for node in (0, 1))


@dataclass
class ScriptedSlurm:
    """Commands and watch in one: every submitted job waits until a test says otherwise."""

    cluster: ClusterSnapshot = SNAPSHOT
    refused: set[str] = field(default_factory=set)
    jobs: dict[str, Job] = field(default_factory=dict)
    requests: list[JobRequest] = field(default_factory=list)
    cancelled: list[str | None] = field(default_factory=list)
    silent: bool = False
    problem: None = None

    async def fetch_cluster(self, *_ages: float, **_more: float) -> ClusterSnapshot:
        return self.cluster

    async def fetch_jobs(self) -> bool:
        return not self.silent

    async def submit(self, request: JobRequest) -> int:
        await asyncio.sleep(0.001)
        self.requests.append(request)
        if request.name in self.refused:
            raise SlurmRefused("the partition is closed")
        job = Job(40 + len(self.requests), request.name, request.user, request.partition, JobState.PENDING, "Priority")
        self.jobs[request.name] = job
        return job.id

    async def cancel(self, user: str, ids: Sequence[int], *, name: str | None = None) -> None:
        self.cancelled.append(name)
        if self.silent:
            raise SlurmUnavailable("no answer")
        if name in self.jobs:
            self.jobs[name] = replace(self.jobs[name], state=JobState.CANCELLED)

    def follow(self, ref: JobRef, pace: Pace) -> None:
        """Watched anyway."""

    def unfollow(self, name: str) -> None:
        """Nothing to forget."""

    def job(self, name: str) -> Job | None:
        return self.jobs.get(name)

    def jobs_of(self, prefix: str) -> tuple[Job, ...]:
        return tuple(job for job in self.jobs.values() if job.name.startswith(prefix) and not job.state.ended)


def make_engines(slurm: ScriptedSlurm, till: ScriptedTill | None = None) -> tuple[Engines, Desk]:
    nowhere = cast(AsyncHTTPClient, cast(Any, None))
    desk = Desk(SITE, cast(Commands, slurm), cast(Watch, slurm), Seal(Fernet.generate_key()), nowhere, till)
    desk.hold(RECORD)
    return Engines(desk), desk


def test_an_order_is_read_as_it_was_written() -> None:
    for order in (ORDER, replace(ORDER, account="lab-a")):
        assert EnginesOrder.parse(order.to_json().encode()) == order


def test_a_server_of_an_older_base_names_no_account() -> None:
    body = json.loads(ORDER.to_json())
    del body["account"]
    assert EnginesOrder.parse(json.dumps(body).encode()) == ORDER


@pytest.mark.parametrize(
    "change",
    [
        {"nodes": 0},
        {"engines": True},
        {"engines": 2.5},
        {"cluster": "C1AC1AC1"},
        {"cluster": "c1"},
        {"python": "python"},
        {"folder": "x" * 5000},
        {"queue": None},
        {"account": None},
        {"script": "rm"},
    ],
)
def test_an_order_of_another_shape_is_refused(change: dict[str, Any]) -> None:
    body = json.dumps(json.loads(ORDER.to_json()) | change).encode()
    with pytest.raises(ValueError, match="must be"):
        EnginesOrder.parse(body)


@pytest.mark.parametrize(
    ("engines", "nodes", "each"), [(4, 1, [4]), (20, 5, [4] * 5), (5, 2, [3, 2]), (7, 3, [3, 2, 2])]
)
def test_engines_are_spread_evenly(engines: int, nodes: int, each: list[int]) -> None:
    assert spread(engines, nodes) == each


def test_a_name_tells_whose_it_is() -> None:
    name = EngineName(START, "c1ac1ac1", 12)
    assert NAMES.parse(NAMES.render(name)) == name
    for stranger in (
        START,
        NAMES.render(name) + "x",
        "other-engines-0123456789abcdef-c1ac1ac1-0",
        "neuronhub-engines-1",
    ):
        assert NAMES.parse(stranger) is None


@pytest.mark.parametrize(
    ("queue", "nodes", "engines", "words"),
    [
        ("gpu", 3, 3, "at most 2 nodes"),
        ("jupyter", 2, 2, "at most 1 node "),
        ("jupyter", 1, 11, "at most 10 engines"),
        ("jupyter", 2, 1, "at least 2 engines"),
    ],
)
def test_more_than_the_queue_can_give_is_refused_with_the_limit(
    queue: str, nodes: int, engines: int, words: str
) -> None:
    with pytest.raises(StartRefused, match=words):
        check_order(replace(ORDER, queue=queue, nodes=nodes, engines=engines), SNAPSHOT.queue(queue))


def test_nothing_of_an_order_is_text_of_a_script() -> None:
    hostile = replace(ORDER, folder="/x'; touch /tmp/owned\nTICKET\n$(id)")
    requests = make_engine_requests(SITE, RECORD, hostile, Choice("gpu", timedelta(hours=1)), NAMES)
    assert [request.name for request in requests] == [FIRST, SECOND]
    assert [request.options[0] for request in requests] == ["--ntasks=3", "--ntasks=2"]
    for node, request in enumerate(requests):
        assert request.exclusive
        lines = request.script.splitlines()
        assert lines[-1] == "TICKET"
        assert lines.count("TICKET") == 1
        assert EnginesTicket.from_json(lines[-2]).folder == hostile.folder
        assert EnginesTicket.from_json(lines[-2]).node == node


async def test_a_cluster_is_told_of_until_it_is_stopped() -> None:
    slurm = ScriptedSlurm()
    engines, _desk = make_engines(slurm)
    cluster = await engines.start(RECORD, ORDER, [])
    assert [job["state"] for job in cluster["jobs"]] == ["PENDING", "PENDING"]
    assert "ahead" in cluster["jobs"][0]["reason"]
    slurm.jobs[FIRST] = replace(slurm.jobs[FIRST], state=JobState.RUNNING, batch_host="gn01")
    (first, _second) = engines.describe(RECORD)[ORDER.cluster]["jobs"]
    assert (first["state"], first["host"]) == ("RUNNING", "gn01")
    await engines.stop(RECORD, ORDER.cluster)
    assert sorted(name or "" for name in slurm.cancelled) == [FIRST, SECOND]
    assert engines.describe(RECORD) == {}


async def test_if_one_node_is_refused_none_is_left() -> None:
    slurm = ScriptedSlurm(refused={SECOND})
    engines, _desk = make_engines(slurm)
    with pytest.raises(SlurmRefused, match="closed"):
        await engines.start(RECORD, ORDER, [])
    assert FIRST in slurm.cancelled
    assert engines.describe(RECORD) == {}


async def test_all_nodes_are_paid_for_together_before_any_is_asked_for() -> None:
    slurm, till = ScriptedSlurm(), ScriptedTill()
    engines, _desk = make_engines(slurm, till)
    record = replace(RECORD, account="lab-b")
    await engines.start(record, ORDER, [])
    hour = timedelta(hours=1)
    assert till.opened == [
        Order(FIRST, START, "alice", "lab-b", "gpu", hour, cpus=3),
        Order(SECOND, START, "alice", "lab-b", "gpu", hour, cpus=2),
    ]
    assert all(order.engines for order in till.opened)
    assert [request.account for request in slurm.requests] == ["lab-a", "lab-a"]
    assert till.jobs == {FIRST: 41, SECOND: 42}
    await engines.start(record, replace(ORDER, cluster="c2ac2ac2", account="lab-c"), [])
    assert {order.account for order in till.opened[2:]} == {"lab-c"}


async def test_what_is_not_paid_for_is_not_asked_for() -> None:
    slurm, till = ScriptedSlurm(), ScriptedTill(refusal=StartRefused("too dear"))
    engines, _desk = make_engines(slurm, till)
    with pytest.raises(StartRefused, match="too dear"):
        await engines.start(RECORD, ORDER, [])
    assert slurm.requests == []
    assert engines.describe(RECORD) == {}
    till.refusal = None
    await engines.start(RECORD, ORDER, [])
    assert len(slurm.requests) == 2


async def test_what_slurm_refuses_is_not_held_back_for() -> None:
    slurm, till = ScriptedSlurm(refused={SECOND}), ScriptedTill()
    engines, _desk = make_engines(slurm, till)
    with pytest.raises(SlurmRefused):
        await engines.start(RECORD, ORDER, [])
    assert till.closed == [SECOND]


async def test_a_cluster_stopped_at_the_till_submits_nothing() -> None:
    slurm, till = ScriptedSlurm(), ScriptedTill()
    engines, _desk = make_engines(slurm, till)
    starting = asyncio.create_task(engines.start(RECORD, ORDER, []))
    await asyncio.sleep(0)
    await engines.stop(RECORD, ORDER.cluster)
    with pytest.raises(StartRefused, match="stopped while"):
        await starting
    assert slurm.requests == []
    assert till.closed == [FIRST, SECOND]


async def test_the_same_order_twice_at_once_is_one_cluster() -> None:
    slurm = ScriptedSlurm()
    engines, _desk = make_engines(slurm, ScriptedTill())
    outcomes = await asyncio.gather(*(engines.start(RECORD, ORDER, []) for _ in range(3)), return_exceptions=True)
    assert sum(isinstance(outcome, StartRefused) for outcome in outcomes) == 2
    assert len(slurm.requests) == 2


async def test_a_server_has_a_limited_number_of_clusters() -> None:
    slurm = ScriptedSlurm()
    engines, _desk = make_engines(slurm)
    for number in range(MOST_CLUSTERS):
        await engines.start(RECORD, replace(ORDER, cluster=f"{number:08x}"), [])
    with pytest.raises(StartRefused, match="at a time"):
        await engines.start(RECORD, ORDER, [])


async def test_T4_engines_end_with_their_server() -> None:
    slurm = ScriptedSlurm()
    engines, desk = make_engines(slurm)
    await engines.start(RECORD, ORDER, [])
    desk.release(START)
    await asyncio.sleep(0.01)
    assert {job.state for job in slurm.jobs.values()} == {JobState.CANCELLED}


async def test_engines_are_found_again_after_a_restart_of_the_hub_and_orphans_among_them() -> None:
    slurm = ScriptedSlurm()
    engines, _desk = make_engines(slurm)
    await engines.start(RECORD, ORDER, [])
    again, desk = make_engines(slurm)
    assert len(again.describe(RECORD)[ORDER.cluster]["jobs"]) == 2
    assert desk.find_orphans() == []
    nobodys = NAMES.render(EngineName("neuronhub-server-ffffffffffffffff", "c1ac1ac1", 0))
    slurm.jobs[nobodys] = Job(90, nobodys, "bob", "gpu", JobState.RUNNING)
    stolen = NAMES.render(EngineName(START, "c1ac1ac1", 9))
    slurm.jobs[stolen] = Job(91, stolen, "bob", "gpu", JobState.RUNNING)
    assert {job.id for job in desk.find_orphans()} == {90, 91}


async def test_a_cluster_stopped_while_its_order_is_under_way_leaves_no_job() -> None:
    slurm = ScriptedSlurm()
    engines, _desk = make_engines(slurm)
    starting = asyncio.create_task(engines.start(RECORD, ORDER, []))
    await asyncio.sleep(0)
    await engines.stop(RECORD, ORDER.cluster)
    with pytest.raises(StartRefused, match="stopped while"):
        await starting
    assert {job.state for job in slurm.jobs.values()} == {JobState.CANCELLED}
    assert engines.describe(RECORD) == {}


async def test_an_order_that_comes_after_its_own_end_submits_nothing() -> None:
    slurm = ScriptedSlurm()
    engines, _desk = make_engines(slurm)
    await engines.stop(RECORD, ORDER.cluster)
    with pytest.raises(StartRefused, match="stopped while"):
        await engines.start(RECORD, ORDER, [])
    assert slurm.requests == []


async def test_no_server_fills_the_hubs_memory_with_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("neuronhub.spawn.engines.MOST_STOPPED", 3)
    engines, _desk = make_engines(ScriptedSlurm())
    for number in range(5):
        await engines.stop(RECORD, f"{number:08x}")
    for number, remembered in enumerate((False, False, True, True, True)):
        order = replace(ORDER, cluster=f"{number:08x}")
        if remembered:
            with pytest.raises(StartRefused, match="stopped while"):
                await engines.start(RECORD, order, [])
        else:
            assert await engines.start(RECORD, order, [])


async def test_a_cluster_that_slurm_did_not_hear_of_is_stopped_by_the_next_try() -> None:
    slurm = ScriptedSlurm()
    engines, _desk = make_engines(slurm)
    await engines.start(RECORD, ORDER, [])
    slurm.silent = True
    with pytest.raises(SlurmUnavailable):
        await engines.stop(RECORD, ORDER.cluster)
    assert len(engines.describe(RECORD)[ORDER.cluster]["jobs"]) == 2
    slurm.silent = False
    await engines.stop(RECORD, ORDER.cluster)
    assert {job.state for job in slurm.jobs.values()} == {JobState.CANCELLED}
    assert engines.describe(RECORD) == {}


async def test_a_hub_that_knows_of_no_job_asks_slurm_before_it_says_that_all_are_gone() -> None:
    slurm = ScriptedSlurm(silent=True)
    engines, _desk = make_engines(slurm)
    with pytest.raises(SlurmUnavailable):
        await engines.stop(RECORD, ORDER.cluster)


async def test_a_stopped_cluster_that_slurm_still_shows_is_not_listed_again() -> None:
    slurm = ScriptedSlurm()
    engines, _desk = make_engines(slurm)
    await engines.start(RECORD, ORDER, [])
    await engines.stop(RECORD, ORDER.cluster)
    slurm.jobs = {name: replace(job, state=JobState.RUNNING) for name, job in slurm.jobs.items()}
    assert engines.describe(RECORD) == {}
