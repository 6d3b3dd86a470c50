"""Which jobs a look for servers that are away takes for whose, and what it ends; Slurm and the proxy are doubles."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.unit.billing.entries import make_start

from neuronhub.billing.ledger import Ledger
from neuronhub.billing.types import Rate, Start, Unit, Use
from neuronhub.hub import away
from neuronhub.hub.away import AwayWatch, group_starts
from neuronhub.site import Site
from neuronhub.slurm.types import Job, JobState
from neuronhub.slurm.usage import Work
from neuronhub.spawn.engine_jobs import EngineName, EngineNames
from neuronhub.spawn.record import JobNames, StartRecord
from neuronhub.spawn.spawner import SlurmSpawner

SERVER = "neuronhub-server-0123456789abcdef"
NAMES = EngineNames("neuronhub", JobNames("neuronhub"))
ENGINES = NAMES.render(EngineName(SERVER, "c1ac1ac1", 0))
NOW = datetime.now(UTC)
FREE = Rate(make_start("x").rate.amount * 0, Unit.NODE_HOUR)


def make_site(*, limit: timedelta | None, engines_limit: timedelta | None = None) -> Site:
    prices = [{"amount": "3000"}]
    return Site.model_validate(
        {
            "hub": {
                "public_url": "https://hub.example.org/",
                "proxy_token_file": "/p",
                "cookie_secret_file": "/c",
                "start_key_file": "/s",
                "state_dir": "/state",
            },
            "billing": {},
            "queues": [
                {"name": "v100", "prices": prices, "away_limit": limit},
                {"name": "a100", "prices": prices, "away_limit": engines_limit},
                {"name": "free"},
            ],
        }
    )


class FakeSpawner(SlurmSpawner):
    """A server that is ready, without JupyterHub."""

    ready = True
    job = None
    proxy_spec = "/user/ada/"

    def __init__(self) -> None:
        self.record = StartRecord("ada", SERVER, "v100", timedelta(hours=1), NOW, "sealed", 7, "http://node:1")

    def offer(self, notebooks: Any) -> None:
        self.unopened = tuple(notebooks)


@dataclass
class World:
    """Hub, proxy and Slurm."""

    site: Site
    ledger: Ledger
    monkeypatch: pytest.MonkeyPatch
    jobs: list[Job] = field(default_factory=list)
    routes: dict[str, Any] = field(
        default_factory=lambda: {"/user/ada/": {"data": {"last_activity": "2026-11-23T10:00:00Z"}}}
    )
    asked: list[frozenset[int]] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)
    slurm_silent: bool = False
    proxy_silent: bool = False

    def __post_init__(self) -> None:
        self.spawner = FakeSpawner()
        self.spawner.server = SimpleNamespace(base_url="/user/ada/")
        self.spawner.__dict__["api_token"] = "token"
        user = SimpleNamespace(spawners={"": self.spawner})
        hub = SimpleNamespace(users={1: user}, proxy=self, tornado_application=None)
        desk = SimpleNamespace(commands=self, watch=self, engine_names=NAMES, http_client=None)
        self.watch: Any = AwayWatch(hub, self.site, desk, self, self.ledger)  # type: ignore[arg-type]
        self.monkeypatch.setattr(away, "make_handler", lambda _application: self)
        self.monkeypatch.setattr(away, "fetch_notebooks", self.fetch_notebooks)
        self.clock_s = 0.0
        self.watch._keeper._now = lambda: NOW + timedelta(seconds=self.clock_s)
        self.watch._keeper._clock = lambda: self.clock_s

    async def fetch_notebooks(self, *_where: object) -> tuple[str, ...]:
        return ("a.ipynb",)

    async def get_all_routes(self) -> dict[str, Any]:
        if self.proxy_silent:
            raise TimeoutError
        return self.routes

    async def fetch_jobs(self) -> bool:
        return not self.slurm_silent

    def jobs_of(self, prefix: str) -> list[Job]:
        return [job for job in self.jobs if job.name.startswith(prefix)]

    async def fetch_work(self, _user: str, ids: Collection[int]) -> dict[int, Work]:
        self.asked.append(frozenset(ids))
        return {job: Work(1.0) for job in ids}

    async def fetch_steps_ended(self, ids: Collection[int]) -> dict[int, int]:
        return dict.fromkeys(ids, 0)

    async def stop_single_user(self, _user: object, _name: str) -> None:
        self.stopped.append("server")

    async def stop(self, _record: StartRecord, cluster: str) -> None:
        self.stopped.append(cluster)

    def run(self, job_id: int, name: str, user: str = "ada", state: JobState = JobState.RUNNING) -> None:
        self.jobs.append(Job(job_id, name, user, "v100", state))

    def note(self, *starts: Start) -> None:
        self.ledger.open_starts(starts, policy="allow")

    async def look(self, times: int = 2) -> set[int] | None:
        """Look each minute; the jobs that were asked for at last."""
        for _ in range(times):
            self.asked.clear()
            await self.watch.look()
            self.clock_s += 60
        for end in list(self.watch._ends.values()):
            await end
        return set(self.asked[0]) if self.asked else None


@pytest.fixture
def ledger(tmp_path: Path) -> Any:
    ledger = Ledger(f"sqlite:///{tmp_path}/billing.sqlite", "KRW")
    ledger.ensure_schema()
    yield ledger
    ledger.close()


@pytest.fixture
def world(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> World:
    world = World(make_site(limit=timedelta(minutes=2), engines_limit=timedelta(minutes=1)), ledger, monkeypatch)
    world.run(7, SERVER)
    return world


def server_start(**changes: Any) -> Start:
    return make_start(SERVER, job_id=7, **changes)


def engines_start(**changes: Any) -> Start:
    return make_start(ENGINES, use=Use.ENGINES, server=SERVER, **({"job_id": 8, "queue": "a100"} | changes))


async def test_the_group_is_the_server_and_its_engines_under_whatever_name(world: World) -> None:
    world.note(server_start(), engines_start())
    world.run(8, "a-name-of-the-users-own")
    world.run(9, NAMES.render(EngineName(SERVER, "c1ac1ac1", 1)))
    world.run(10, ENGINES + "0", user="eve")
    world.run(11, "something-else")
    world.run(12, NAMES.render(EngineName(SERVER, "c1ac1ac1", 2)), state=JobState.PENDING)
    assert await world.look() == {7, 8, 9}


async def test_a_job_that_may_run_under_any_name_leaves_it_undecided(world: World) -> None:
    world.note(server_start(), engines_start(job_id=None))
    assert await world.look() is None
    world.run(8, ENGINES)
    assert await world.look() == {7, 8}


async def test_nobody_looks_at_servers_that_cost_nothing(world: World) -> None:
    world.note(server_start(rate=FREE, queue="free"))
    assert await world.look() is None
    world.note(engines_start())
    assert await world.look() == {7}


@pytest.mark.parametrize("silent", ["slurm", "proxy"])
async def test_silence_ends_nobody(world: World, silent: str) -> None:
    world.note(server_start())
    await world.look(2)
    setattr(world, f"{silent}_silent", True)
    await world.look(10)
    assert world.stopped == []


async def test_a_server_is_ended_at_its_limit_and_its_notebooks_are_kept(world: World) -> None:
    world.note(server_start())
    await world.look(2)
    assert world.stopped == []
    await world.look(1)
    assert world.stopped == ["server"]
    assert world.spawner.unopened == ("a.ipynb",)
    assert world.spawner.ending is not None
    assert (world.spawner.ending.state, world.spawner.ending.job_id) == ("AWAY", 7)


async def test_nobody_is_ended_who_could_not_be_warned(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """No hub looked for four hours; the first look of the next one judges all of it."""
    world = World(make_site(limit=timedelta(hours=2)), ledger, monkeypatch)
    world.run(7, SERVER)
    world.note(server_start())
    await world.look(1)
    world.clock_s += 4 * 3600
    await world.look(29)
    assert world.stopped == []
    await world.look(1)
    assert world.stopped == ["server"]


async def test_a_server_that_was_warned_is_ended_at_its_limit(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(make_site(limit=timedelta(hours=2)), ledger, monkeypatch)
    world.run(7, SERVER)
    world.note(server_start())
    await world.look(120)
    assert world.stopped == []
    await world.look(1)
    assert world.stopped == ["server"]


async def test_somebody_who_comes_back_while_notebooks_are_asked_for_keeps_the_server(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def come_back(*_where: object) -> tuple[str, ...]:
        world.routes["/user/ada/"] = {"data": {"last_activity": "2026-11-23T11:00:00Z"}}
        return ()

    monkeypatch.setattr(away, "fetch_notebooks", come_back)
    world.note(server_start())
    await world.look(3)
    assert world.stopped == []
    assert world.spawner.ending is None


async def test_a_proxy_that_falls_silent_at_last_ends_nobody(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fall_silent(*_where: object) -> tuple[str, ...]:
        world.proxy_silent = True
        return ()

    monkeypatch.setattr(away, "fetch_notebooks", fall_silent)
    world.note(server_start())
    await world.look(3)
    assert world.stopped == []


async def test_engines_of_a_free_server_are_ended_alone(world: World) -> None:
    world.note(server_start(rate=FREE, queue="free"), engines_start())
    world.run(8, ENGINES)
    await world.look(2)
    assert world.stopped == ["c1ac1ac1"]


async def test_a_queue_without_a_limit_ends_nobody(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(make_site(limit=None), ledger, monkeypatch)
    world.run(7, SERVER)
    world.note(server_start())
    await world.look(100)
    assert world.stopped == []
    ((interval,),) = ledger.fetch_away([SERVER]).values()
    assert interval.ended_at - interval.began_at == timedelta(minutes=99)


async def test_a_second_look_does_not_end_it_twice(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    never = asyncio.Event()

    async def hang(*_where: object) -> tuple[str, ...]:
        await never.wait()
        return ()

    monkeypatch.setattr(away, "fetch_notebooks", hang)
    world.note(server_start())
    for _ in range(6):
        await world.watch.look()
        world.clock_s += 60
    assert len(world.watch._ends) == 1
    await world.watch.close()


def test_starts_are_grouped_by_their_server() -> None:
    mine, engines, other = server_start(), engines_start(), make_start("other")
    assert group_starts([mine, other, engines]) == {SERVER: [mine, engines], "other": [other]}
