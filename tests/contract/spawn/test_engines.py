"""Rows N3, X4, X5, T3: engines of IPython clusters as jobs on real Slurm, asked for as a page asks, and their ends."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from tests.contract.spawn.rest import NOBODY, Answer, Hub, wait_for
from tests.contract.spawn.test_hostile_servers import token_of
from tests.embedded import RunningSite
from tests.unit.workbench.kernel_client import run_cell_at

pytestmark = pytest.mark.contract

USER, OTHER, LEAVER = "u45", "u46", "u48"
TWO_NODES = "cas_v100nv_4"
CLUSTERS, ENGINES = "neuronhub/clusters", "/hub/api/neuronhub/engines"
GONE_S = 15.0
NOTICED_S = 60.0
"""Until the hub's next look at servers that run."""


@dataclass
class Jupyter:
    """Somebody's server at the public address, asked with a token of their own."""

    hub: Hub
    user: str
    token: str

    def ask(self, method: str, path: str, body: Any = None) -> Answer:
        return self.hub.ask(method, f"/user/{self.user}/{path}", body, token=self.token, base=self.hub.site.url)

    def clusters(self) -> dict[str, dict[str, Any]]:
        answer = self.ask("GET", CLUSTERS)
        assert answer.status == 200, answer.text
        return {cluster["id"]: cluster for cluster in answer.json["clusters"]}

    def order(self, queue: str = "jupyter", **fields: Any) -> str:
        """Press Start; the cluster's id."""
        wish = {"profile": "slurm", "engines": 1, "nodes": 1, "queue": queue, "time_limit": "10", **fields}
        answer = self.ask("POST", CLUSTERS, wish)
        assert answer.status == 202, answer.text
        return str(answer.json["id"])

    def see(self, cluster: str, state: str, within_s: float = 60) -> dict[str, Any]:
        """Wait for the cluster's state; the cluster."""

        def look() -> dict[str, Any] | None:
            seen = self.clusters()[cluster]
            assert seen["state"] in (state, "starting", "waiting"), (seen["error"], seen["log_lines"])
            return seen if seen["state"] == state else None

        found: dict[str, Any] = wait_for(f"cluster {cluster} is {state}", look, within_s)
        return found

    def start(self, queue: str = "jupyter", **fields: Any) -> dict[str, Any]:
        """Press Start and wait until all engines are registered."""
        return self.see(self.order(queue, **fields), "running")

    def stop(self, cluster: str) -> int:
        return self.ask("DELETE", f"{CLUSTERS}/{cluster}").status

    def engine_jobs(self) -> list[int]:
        """Jobs of engines that Slurm has, waiting or running."""
        rows = self.hub.site.run_inside(["squeue", "--noheader", f"--user={self.user}", "--format=%i %j"]).stdout
        return [int(row.split()[0]) for row in rows.splitlines() if "-engines-" in row]

    def see_none_left(self, within_s: float = GONE_S) -> None:
        wait_for("no engines' job is left", lambda: not self.engine_jobs(), within_s)

    def run(self, code: str) -> str:
        """What a cell of a new notebook prints."""
        body = {"path": "c.ipynb", "name": "c.ipynb", "type": "notebook", "kernel": {"name": "python3"}}
        session = self.ask("POST", "api/sessions", body)
        assert session.status == 201, session.text
        url = f"{self.hub.site.url.replace('https://', 'wss://').rstrip('/')}/user/{self.user}/"
        return run_cell_at(url, session.json["kernel"]["id"], code, token=self.token, ca_file=self.hub.site.ca_file)


def open_jupyter(hub: Hub, user: str) -> Jupyter:
    """A ready server of ``user``."""
    hub.start_ready(user)
    scopes = [f"access:servers!user={user}"]
    made = hub.ask("POST", f"/hub/api/users/{user}/tokens", {"expires_in": 900, "scopes": scopes})
    assert made.status == 201, made.text
    return Jupyter(hub, user, made.json["token"])


@pytest.fixture(scope="module")
def server(site: RunningSite) -> Iterator[Jupyter]:
    """One server for the tests that leave it running."""
    hub = Hub(site)
    hub.wait_until_up()
    yield open_jupyter(hub, USER)
    hub.stop(USER)


@pytest.fixture
def jupyter(server: Jupyter) -> Iterator[Jupyter]:
    """It has no clusters before and after."""
    yield server
    server.hub.wait_until_up()
    for cluster in server.clusters():
        assert server.stop(cluster) in (204, 404)
    server.see_none_left()


@pytest.fixture
def leaver(site: RunningSite) -> Iterator[Jupyter]:
    """A server that a test ends."""
    hub = Hub(site)
    hub.wait_until_up()
    yield open_jupyter(hub, LEAVER)
    hub.wait_until_up()
    hub.stop(LEAVER)


def test_X4_X5_engines_are_spread_over_two_nodes_and_compute_in_the_users_environment(jupyter: Jupyter) -> None:
    cluster = jupyter.start(TWO_NODES, engines=5, nodes=2)
    assert sorted(job["host"] for job in cluster["jobs"]) == ["cas4n01", "cas4n02"]
    assert sorted(job["job_id"] for job in cluster["jobs"]) == sorted(jupyter.engine_jobs())
    told = jupyter.run(
        "import ipyparallel as ipp, os, sys\n"
        "def where():\n    import os, sys\n    return os.environ['SLURMD_NODENAME'], sys.prefix\n"
        "rc = ipp.Client(profile='slurm'); rc.wait_for_engines(5, timeout=30)\n"
        "found = ipp.Cluster.from_file(profile='slurm')\n"
        "import json; print(json.dumps([rc[:].apply_sync(where), len(found.engines)]))\n"
    )
    places, sets = json.loads(told)
    assert sorted(Counter(node for node, _prefix in places).values()) == [2, 3]
    assert {prefix for _node, prefix in places} == {f"/scratch/{USER}/.conda/envs/notebook"}
    assert sets == 1


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        ({"queue": "jupyter", "nodes": 2, "engines": 2}, "at most 1 node "),
        ({"queue": TWO_NODES, "nodes": 3, "engines": 3}, "at most 2 nodes"),
        ({"queue": "jupyter", "engines": 11}, "at most 10 engines"),
        ({"queue": "jupyter", "time_limit": "3-00:00:00"}, "12:00:00|12 hours"),
        ({"queue": "elsewhere"}, "no such queue"),
    ],
)
def test_more_than_a_queue_gives_is_refused_with_the_limit(jupyter: Jupyter, wish: dict[str, Any], words: str) -> None:
    seen = jupyter.see(jupyter.order(**wish), "failed")
    assert re.search(words, seen["error"]), seen["error"]
    assert jupyter.engine_jobs() == []
    again = jupyter.start(engines=1)
    assert list(jupyter.clusters()) == [again["id"]], "what has failed makes way"


@pytest.mark.parametrize(("shut", "opened"), [("State=DRAIN", "State=UP"), ("AllowGroups=root", "AllowGroups=ALL")])
def test_a_queue_that_is_closed_or_for_others_is_refused(
    jupyter: Jupyter, site: RunningSite, shut: str, opened: str
) -> None:
    change = ["scontrol", "update", f"PartitionName={TWO_NODES}"]
    site.run_inside([*change, shut])
    try:
        seen = jupyter.see(jupyter.order(TWO_NODES), "failed")
    finally:
        site.run_inside([*change, opened])
    assert re.search("Slurm refused the engines|it is closed|it is open to", seen["error"]), seen["error"]
    assert jupyter.engine_jobs() == []


def test_four_clusters_at_once_each_with_its_own_engines(jupyter: Jupyter) -> None:
    names = ["", "one", "two", "three"]
    ids = [jupyter.order(name=name) for name in names]
    assert jupyter.ask("POST", CLUSTERS, {"profile": "slurm", "engines": 1, "queue": "jupyter"}).status == 400
    for cluster in ids:
        assert jupyter.see(cluster, "running")["registered"] == 1
    assert len(jupyter.engine_jobs()) == 4
    assert jupyter.stop(ids[1]) == 204
    wait_for("one has gone", lambda: len(jupyter.engine_jobs()) == 3)
    assert sorted(jupyter.clusters()) == sorted({*ids} - {ids[1]})


def test_stopped_while_it_starts_it_leaves_no_job(jupyter: Jupyter) -> None:
    for _ in range(3):
        cluster = jupyter.order()
        assert jupyter.stop(cluster) == 204
        assert jupyter.clusters() == {}
    jupyter.see_none_left()
    job = jupyter.start(engines=2)
    assert jupyter.engine_jobs() == [job["jobs"][0]["job_id"]], "nothing else has come after its end"


def test_with_the_hub_away_a_stop_can_be_tried_again(jupyter: Jupyter) -> None:
    cluster = jupyter.start()["id"]
    with jupyter.hub.site.without("hub", "kill"):
        assert jupyter.stop(cluster) == 503
        assert len(jupyter.engine_jobs()) == 1
    jupyter.hub.wait_until_up()
    assert jupyter.stop(cluster) == 204
    jupyter.see_none_left()


def test_a_restart_of_the_hub_keeps_engines_and_their_stop(jupyter: Jupyter) -> None:
    cluster = jupyter.start(TWO_NODES, engines=2, nodes=2)
    jobs = jupyter.engine_jobs()
    jupyter.hub.site.part("kill", "hub")
    jupyter.hub.site.part("start", "hub")
    jupyter.hub.wait_until_up()
    wait_for("the server is known", lambda: jupyter.hub.is_ready(USER))
    wait_for("its jobs are known", lambda: len(jupyter.clusters()[cluster["id"]]["jobs"]) == 2)
    assert jupyter.clusters()[cluster["id"]]["state"] == "running"
    assert jupyter.engine_jobs() == jobs
    assert jupyter.stop(cluster["id"]) == 204
    jupyter.see_none_left()


def test_nobody_else_sees_or_stops_them(jupyter: Jupyter) -> None:
    cluster = jupyter.start()["id"]
    hub = jupyter.hub
    hub.start_ready(OTHER)
    others = token_of(hub, OTHER)
    assert hub.ask("GET", ENGINES, token=others).json == {}
    assert hub.ask("DELETE", f"{ENGINES}/{cluster}", token=others).status == 204, "as for any that is not there"
    assert hub.ask("GET", ENGINES, token=NOBODY).status == 403
    assert hub.ask("DELETE", f"{ENGINES}/{cluster}", token=NOBODY).status == 403
    assert len(jupyter.engine_jobs()) == 1
    assert list(hub.ask("GET", ENGINES, token=token_of(hub, USER)).json) == [cluster]
    hub.stop(OTHER)


def test_a_stranger_without_the_connection_file_is_refused(jupyter: Jupyter, site: RunningSite) -> None:
    jupyter.start()
    file = f"{home_of(site, USER)}/.ipython/profile_slurm/security/ipcontroller-client.json"
    assert site.run_inside(["cat", file], user=OTHER, check=False).returncode != 0
    info = json.loads(site.run_inside(["cat", file]).stdout)
    keyless = {**info, "curve_serverkey": None, "curve_publickey": None, "curve_secretkey": None}
    assert try_client(site, keyless) == "TimeoutError"
    assert try_client(site, info) == "1", "the keys are what makes the difference"


def home_of(site: RunningSite, user: str) -> str:
    return site.run_inside(["getent", "passwd", user]).stdout.split(":")[5]


def try_client(site: RunningSite, info: dict[str, Any]) -> str:
    """Somebody else's client with this connection file: how many engines it sees, or the error that it meets."""
    code = (
        "import json, os, sys, tempfile\n"
        "os.environ['HOME'] = tempfile.mkdtemp()\n"
        "import ipyparallel as ipp\n"
        "file = os.path.join(os.environ['HOME'], 'c.json')\n"
        "open(file, 'w').write(sys.stdin.read())\n"
        "try:\n    print(len(ipp.Client(file, timeout=10)))\n"
        "except Exception as error:\n    print(type(error).__name__)\n"
    )
    argv = ["/apps/jupyter/bases/current/bin/python", "-I", "-c", code]
    return site.run_inside(argv, user=OTHER, stdin=json.dumps(info)).stdout.strip()


def test_nothing_listens_beyond_the_node(jupyter: Jupyter, site: RunningSite) -> None:
    jupyter.start(TWO_NODES, engines=2, nodes=2)
    mine = {f"pid={pid}," for pid in site.run_inside(["pgrep", "-u", USER]).stdout.split()}
    rows = site.run_inside(["ss", "-Hltnp"]).stdout.splitlines()
    addresses = [row.split()[3] for row in rows if any(pid in row for pid in mine)]
    assert len(addresses) > 5, rows
    assert {address.rsplit(":", 1)[0].rsplit(".", 2)[0] for address in addresses} == {"127.0"}, addresses


def test_T3_stop_my_server_ends_the_engines(leaver: Jupyter) -> None:
    leaver.start(TWO_NODES, engines=2, nodes=2)
    leaver.hub.stop(LEAVER)
    leaver.see_none_left()
    see_no_process(leaver)


def test_a_killed_server_leaves_neither_job_nor_process_and_the_next_one_no_file(leaver: Jupyter) -> None:
    cluster = leaver.start()["id"]
    local = leaver.see(leaver.order(profile="local"), "running")
    assert local["registered"] == 1
    site = leaver.hub.site
    site.run_inside(["pkill", "-KILL", "-u", LEAVER, "-f", "neuronhub.workbench.launcher"])
    leaver.see_none_left(NOTICED_S)
    see_no_process(leaver)
    wait_for("the hub has noticed", lambda: leaver.hub.is_gone(LEAVER))
    leaver.hub.start_ready(LEAVER)
    assert leaver.clusters() == {}
    folders = f"{home_of(site, LEAVER)}/.ipython"
    left = site.run_inside(["find", folders, "-name", f"*{cluster}*", "-o", "-path", "*/security/*"])
    assert left.stdout == ""


def see_no_process(jupyter: Jupyter) -> None:
    """Nothing of the user runs any more, on no node."""

    def nothing() -> bool:
        return jupyter.hub.site.run_inside(["pgrep", "-u", jupyter.user], check=False).stdout == ""

    wait_for("no process is left", nothing, GONE_S)
