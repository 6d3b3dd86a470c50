"""Time away (row T2) on the embedded site: real traffic through the real proxy, and Slurm's figures of real jobs."""

from __future__ import annotations

import asyncio
import json
import re
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import partial
from typing import Any

import pytest
from tests.contract.spawn.conftest import hub
from tests.contract.spawn.rest import Hub, wait_for
from tests.contract.spawn.test_engines import Jupyter
from tests.contract.spawn.test_hostile_servers import token_of
from tests.unit.workbench.kernel_client import close
from tornado.httpclient import HTTPRequest
from tornado.websocket import websocket_connect

from neuronhub.billing.ledger import Ledger
from neuronhub.billing.prices import count_away
from neuronhub.billing.types import Charge, Filter, Interval
from neuronhub.site import read_site

__all__ = ["hub"]
pytestmark = pytest.mark.contract

QUEUE, PRICE = "cas_v100_2", 3000
ENGINES_QUEUE = "cas_v100nv_4"
LONG_S = 240
AFTER = timedelta(seconds=20)
"""The embedded site's ``away.after``."""
COMPUTE = """
import subprocess
global burners
burners = [subprocess.Popen(['sh', '-c', 'while :; do :; done']) for _ in range(6)]
"""
"""Several at once, since machines that run tests are busy: together they use a good part of a core."""
DONE = """
for burner in burners:
    burner.kill()
"""
ENGINES = """
import ipyparallel
view = ipyparallel.Client(profile='slurm')[:]
view.execute({code!r}, block=True)
print(len(view))
"""


@pytest.fixture
def ledger(hub: Hub) -> Iterator[Ledger]:
    ledger = Ledger(f"sqlite:///{hub.site.state_dir}/hub/billing.sqlite", "KRW")
    yield ledger
    ledger.close()


@dataclass
class Server:
    """Somebody's server, as the proxy, the ledger and its own pages see it."""

    hub: Hub
    ledger: Ledger
    user: str
    job: int
    jupyter: Jupyter

    @property
    def name(self) -> str:
        """Of its job."""
        return next(start.job_name for start in self.ledger.fetch_open() if start.job_id == self.job)

    @property
    def route(self) -> dict[str, Any]:
        """What the proxy knows of it."""
        token = (self.hub.site.state_dir / "secrets" / "proxy-token").read_text().strip()
        routes = self.hub.ask("GET", "/api/routes", token=token, base=self.hub.site.proxy_api_url).json
        found: dict[str, Any] = routes[f"/user/{self.user}"]
        return found

    @property
    def traffic_at(self) -> datetime:
        return datetime.fromisoformat(self.route["last_activity"])

    @property
    def away(self) -> list[Interval]:
        return self.ledger.fetch_away([self.name]).get(self.name, [])

    @property
    def looked_at(self) -> datetime | None:
        look = self.ledger.fetch_looks([self.name]).get(self.name)
        return look.looked_at if look else None

    def count_away(self) -> int:
        """Seconds so far that will not be charged."""
        return count_away(self.away, datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC), AFTER)

    def is_away(self, span: timedelta = timedelta(0)) -> bool:
        """At the latest look, for that long."""
        return any(one.ended_at == self.looked_at and one.ended_at - one.began_at >= span for one in self.away)

    def charge(self, job: int | None = None) -> Charge:
        """What its job, or another one of the same user, cost in the end."""
        where = Filter(users=frozenset({self.user}), job_id=job or self.job)
        (charge,) = wait_for("the job is charged", lambda: self.ledger.fetch_charges(where), 120)
        assert isinstance(charge, Charge)
        return charge


@pytest.fixture
def start(hub: Hub, ledger: Ledger) -> Callable[..., Server]:
    def start_one(user: str, queue: str = QUEUE) -> Server:
        job = hub.start_ready(user, queue)
        made = hub.ask("POST", f"/hub/api/users/{user}/tokens", {"scopes": [f"access:servers!user={user}"]})
        return Server(hub, ledger, user, job, Jupyter(hub, user, made.json["token"]))

    return start_one


def wait_for_looks(*servers: Server, count: int = 1, within_s: float = LONG_S) -> None:
    """Until each of ``servers`` was looked at so many times more."""
    for _ in range(count):
        before = {server.user: server.looked_at for server in servers}
        wait_for("another look", partial(were_looked_at, servers, before), within_s)


def were_looked_at(servers: Sequence[Server], before: Mapping[str, datetime | None]) -> bool:
    return all(server.looked_at != before[server.user] for server in servers)


def test_traffic_is_what_people_send_through_the_proxy(hub: Hub, start: Callable[..., Server]) -> None:
    server = start("u34")

    def moved(action: Callable[[], Any]) -> bool:
        before = server.traffic_at
        action()
        assert server.traffic_at >= before
        return server.traffic_at > before

    def claim(at: str) -> None:
        told = {"servers": {"": {"last_activity": at}}, "last_activity": at}
        assert hub.ask("POST", f"/hub/api/users/{server.user}/activity", told, token=token_of(hub, "u34")).status == 200
        assert hub.model(server.user)["last_activity"].startswith(at[:19]), "JupyterHub itself believes it"

    assert moved(lambda: server.jupyter.ask("GET", "api/kernels"))
    assert not moved(lambda: claim((datetime.now(UTC) + timedelta(minutes=1)).isoformat()))
    assert not moved(lambda: hub.ask("GET", f"/hub/api/users/{server.user}"))
    assert not moved(lambda: hub.ask("GET", "/user/u34/api", base=server.route["target"]))
    assert not moved(lambda: server.jupyter.ask("GET", "api/contents/no-such-file")), "the proxy counts no failures"
    asyncio.run(see_websocket_traffic(server))


async def see_websocket_traffic(server: Server) -> None:
    """What the kernel prints is no traffic; what the page sends is."""
    kernel = server.jupyter.ask("POST", "api/kernels", {"name": "python3"}).json["id"]
    url = f"{server.hub.site.url.replace('https', 'wss')}user/{server.user}/api/kernels/{kernel}/channels"
    headers = {"Authorization": f"token {server.jupyter.token}"}
    socket = await websocket_connect(HTTPRequest(url, headers=headers, ca_certs=str(server.hub.site.ca_file)))

    async def send(code: str) -> None:
        header = {"msg_id": uuid.uuid4().hex, "msg_type": "execute_request", "session": "s", "version": "5.3"}
        content = {"code": code, "silent": False, "store_history": False, "allow_stdin": False}
        message = {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell"}
        await socket.write_message(json.dumps(message))

    async def see(text: str) -> None:
        async with asyncio.timeout(60):
            while text not in str(await socket.read_message()):
                pass

    await send("import time\nfor i in range(40): print(f'<{i}>', flush=True); time.sleep(0.05)")
    await see("<1>")
    sent_at = server.traffic_at
    await see("<39>")
    assert server.traffic_at == sent_at
    await send("print('<again>')")
    await see("<again>")
    assert server.traffic_at > sent_at
    await close(socket)


def test_a_closed_page_is_away_and_costs_nothing(hub: Hub, start: Callable[..., Server]) -> None:
    server = start("u35")
    assert server.jupyter.ask("POST", "api/kernels", {"name": "python3"}).status == 201
    used_at = server.traffic_at
    wait_for("it is away", lambda: server.is_away(timedelta(seconds=30)), LONG_S)
    assert min(one.began_at for one in server.away) >= used_at
    cost = hub.ask("GET", "/hub/api/neuronhub/job", token=token_of(hub, "u35")).json["cost"]
    assert cost["away_s"] >= 20
    assert datetime.fromisoformat(cost["away_since"]) == server.away[-1].began_at
    assert server.jupyter.ask("GET", "api/kernels").status == 200, "somebody comes back, and finds it as it was"
    wait_for("it is away no more", lambda: not server.is_away(), LONG_S)
    name, intervals = server.name, server.away
    hub.stop("u35")

    charge = server.charge()
    argv = ["sacct", "--noheader", "--parsable2", "--allocations", f"--jobs={server.job}", "--format=ElapsedRaw"]
    elapsed_s = int(hub.site.run_inside(argv).stdout)
    assert (charge.job_name, charge.elapsed_s) == (name, elapsed_s)
    assert charge.started_at is not None
    assert charge.away_s == count_away(intervals, charge.started_at, charge.ended_at, AFTER) >= 30
    assert charge.charged_s == elapsed_s - charge.away_s
    rate = charge.rate
    by_hand = Decimal(charge.charged_s) * PRICE * (100 - rate.discount_percent) / 100 / 3600
    assert charge.amount_minor == int(by_hand.quantize(Decimal(1), ROUND_HALF_UP))


def test_whoever_uses_or_computes_is_there_and_nobody_else(hub: Hub, start: Callable[..., Server]) -> None:
    """A claim of the server changes nothing, in either direction; a page that a script keeps open is open."""
    idle, computes, kept_open = start("u36"), start("u37"), start("u38", ENGINES_QUEUE)
    assert computes.jupyter.run(COMPUTE) == ""
    claims = {
        idle.user: datetime.now(UTC) + timedelta(minutes=50),
        computes.user: datetime(2000, 1, 1, tzinfo=UTC),
    }
    tokens = {user: token_of(hub, user) for user in claims}
    wait_for_looks(idle, computes, kept_open)
    for _ in range(8):
        before = kept_open.looked_at
        for user, at in claims.items():
            told = {"servers": {"": {"last_activity": at.isoformat()}}}
            assert hub.ask("POST", f"/hub/api/users/{user}/activity", told, token=tokens[user]).status == 200
        while kept_open.looked_at == before:
            assert kept_open.jupyter.ask("GET", "api/status").status == 200
    assert idle.is_away(AFTER)
    assert (computes.count_away(), kept_open.away) == (0, [])


def test_engines_that_compute_keep_their_server_present(hub: Hub, start: Callable[..., Server]) -> None:
    """Also those whose jobs were renamed: they are known by id. When they are done, server and engines are away."""
    server = start("u39", "jupyter")
    server.jupyter.start(ENGINES_QUEUE, engines=2, nodes=2)
    assert server.jupyter.run(ENGINES.format(code=COMPUTE)) == "2\n"
    jobs = server.jupyter.engine_jobs()
    for job in jobs:
        hub.site.run_inside(["scontrol", "update", f"jobid={job}", "jobname=nothing"], user=server.user)
    wait_for_looks(server, count=8)
    assert server.count_away() == 0
    assert server.jupyter.run(ENGINES.format(code=DONE)) == "2\n"
    wait_for("all of it is away", lambda: server.is_away(AFTER), LONG_S)
    hub.stop("u39")
    server.jupyter.see_none_left()
    for job in jobs:
        charge = server.charge(job)
        assert 20 <= charge.away_s < charge.elapsed_s
        assert charge.amount_minor > 0


def test_silence_and_restarts_lose_no_time_away(hub: Hub, start: Callable[..., Server]) -> None:
    site, server = hub.site, start("u33")
    wait_for("it is away", server.is_away, LONG_S)
    node = site.run_inside(["squeue", "--noheader", f"--jobs={server.job}", "--format=%N"]).stdout.strip()
    for silent in ("slurmctld", f"slurmd-{node}"):
        with site.without(silent, "pause"), pytest.raises(AssertionError):
            wait_for_looks(server, count=2, within_s=10)  # one may have been under way
        wait_for_looks(server)
    site.part("kill", "hub")
    site.part("start", "hub")
    hub.wait_until_up()
    wait_for_looks(server)
    assert server.is_away()
    assert len(server.away) == 1, "one time away, through all of it"
    site.part("restart", "proxy")
    used_at = wait_for("its route is back", lambda: has_route(server) and server.traffic_at, LONG_S)
    wait_for("it is away after that", lambda: len(server.away) == 2, LONG_S)
    first, second = server.away
    assert first.ended_at <= used_at <= second.began_at
    hub.stop("u33")
    assert server.charge().away_s > 30


def has_route(server: Server) -> bool:
    try:
        return bool(server.route)
    except (OSError, KeyError):
        return False


@pytest.fixture
def short_limit(hub: Hub) -> Iterator[None]:
    """The engines' queue ends who has been away for half a minute."""
    site = hub.site
    document = site.site_file.read_text()
    pattern = rf'(name = "{ENGINES_QUEUE}"\n)((?:(?!away_limit|\[\[).*\n)*)(?:away_limit = .*\n)?'
    changed, count = re.subn(pattern, r'\1\2away_limit = "0:00:30"' + "\n", document)
    assert count == 1
    site.site_file.write_text(changed)
    queue = read_site(site.site_file).queue(ENGINES_QUEUE)
    assert queue is not None
    assert queue.away_limit == timedelta(seconds=30)
    site.part("restart", "hub")
    hub.wait_until_up()
    yield
    site.site_file.write_text(document)
    site.part("restart", "hub")
    hub.wait_until_up()


def test_who_is_away_for_too_long_is_ended_and_finds_the_notebooks_again(
    hub: Hub, start: Callable[..., Server], short_limit: None
) -> None:
    limited, free = start("u32", ENGINES_QUEUE), start("u40", "jupyter")
    assert limited.jupyter.run("print('hello')") == "hello\n"
    cluster = free.jupyter.start(ENGINES_QUEUE)["id"]
    wait_for("the server is ended", lambda: hub.is_gone("u32"), LONG_S)
    ending = hub.ending("u32")
    assert (ending["state"], ending["queue"], ending["job_id"], ending["ready"]) == (
        "AWAY",
        ENGINES_QUEUE,
        limited.job,
        True,
    )
    assert limited.charge().away_s >= 30
    wait_for("the engines are ended", lambda: not free.jupyter.engine_jobs(), LONG_S)
    assert hub.is_ready("u40"), "their server costs nothing"
    wait_for("their page shows it", lambda: free.jupyter.clusters().get(cluster, {}).get("state") != "running", 60)
    hub.start_ready("u32", "jupyter")
    assert hub.kept("u32")["unopened"] == ["c.ipynb"], "offered until it is opened or dismissed"
