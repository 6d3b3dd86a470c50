"""What a user's server, or somebody who holds its token, may tell the hub: a port, and nothing else."""

from __future__ import annotations

import pytest
from tests.contract.spawn.rest import Hub, wait_for

from neuronhub.protocol import StartTicket

pytestmark = pytest.mark.contract

ANNOUNCE = "/hub/api/neuronhub/announce"


def token_of(hub: Hub, user: str) -> str:
    """The server token, read as its owner can: from the job's script, which Slurm shows to nobody else."""
    argv = ["scontrol", "write", "batch_script", str(hub.jobs(user)[0]), "-"]
    script = hub.site.run_inside(argv, user=user).stdout
    (line,) = (line for line in script.splitlines() if line.startswith("{"))
    return StartTicket.from_json(line).environment["JUPYTERHUB_API_TOKEN"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"port": 0},
        {"port": 65536},
        {"port": -1},
        {"port": "8888"},
        {"port": True},
        {"port": 1.5},
        {"port": 8888, "ip": "127.0.0.1"},
        [8888],
        "8888",
        None,
    ],
)
def test_anything_but_a_port_is_refused(hub: Hub, body: object) -> None:
    assert hub.ask("POST", ANNOUNCE, body).status == 400


def test_a_body_nested_beyond_reason_is_refused(hub: Hub) -> None:
    body: list[object] = []
    for _ in range(900):
        body = [body]
    assert hub.ask("POST", ANNOUNCE, body).status == 400


def test_text_that_no_database_holds_disturbs_nobody(hub: Hub) -> None:
    hub.add_user("u34")
    for body in ({"note": "\ud800"}, {"note": "x", "expires_in": 10**30}):
        assert hub.ask("POST", "/hub/api/users/u34/tokens", body).status == 400
        assert hub.ask("GET", "/hub/api/users/u34").status == 200


def test_a_waiting_job_with_an_absurd_begin_blinds_nobody(hub: Hub) -> None:
    argv = ["sbatch", "--parsable", "--partition=jupyter", "--begin=9999-12-31T00:00:00", "--job-name=filler"]
    hub.site.run_inside([*argv, "--output=/dev/null"], user="u35", stdin="#!/bin/sh\ntrue\n")
    hub.start_ready("u36")
    hub.stop("u36")
    assert hub.ask("GET", "/hub/api/cluster").json["problem"] is None


def test_a_stranger_cannot_announce(hub: Hub) -> None:
    assert hub.ask("POST", ANNOUNCE, {"port": 8888}).status == 403
    assert hub.ask("POST", ANNOUNCE, {"port": 8888}, token="0" * 32).status == 403


def test_the_right_token_from_the_wrong_place_changes_nothing(hub: Hub) -> None:
    hub.start_ready("u19")
    token = token_of(hub, "u19")
    assert len(token) >= 32
    before = hub.site.run_inside(["squeue", "--noheader", "--user=u19"]).stdout
    assert hub.ask("POST", ANNOUNCE, {"port": 22}, token=token).status == 403
    assert hub.ask("POST", ANNOUNCE, {"port": 22}, token=token, base=hub.site.url).status == 403
    assert hub.answers_through_proxy("u19")
    assert before == hub.site.run_inside(["squeue", "--noheader", "--user=u19"]).stdout


def test_the_right_token_at_a_port_that_proves_nothing_changes_nothing(hub: Hub) -> None:
    hub.start_ready("u20")
    hub.start_ready("u21")
    token = token_of(hub, "u20")
    job = hub.jobs("u20")[0]
    node = hub.site.run_inside(["squeue", "--noheader", f"--job={job}", "--format=%B"]).stdout.strip()
    script = (
        "import http.client, socket, sys\n"
        f"node = socket.gethostbyname({node!r})\n"
        f"c = http.client.HTTPConnection({hub.origin.removeprefix('http://')!r}, source_address=(node, 0))\n"
        f"c.request('POST', {ANNOUNCE!r}, '{{\"port\": 1}}', {{'Authorization': 'token ' + sys.stdin.read()}})\n"
        "print(c.getresponse().status)\n"
    )
    done = hub.site.run_inside(["/usr/bin/python3", "-c", script], user="u20", stdin=token)
    assert done.stdout.strip() == "403"
    assert hub.answers_through_proxy("u20")


def test_no_secret_is_seen_by_others(hub: Hub) -> None:
    hub.start_ready("u22")
    token = token_of(hub, "u22")
    job = hub.jobs("u22")[0]
    seen = hub.site.run_inside(["sh", "-c", "ps -ef --no-headers; cat /proc/[0-9]*/cmdline"], check=False).stdout
    seen += hub.site.run_inside(["scontrol", "show", "job", str(job)]).stdout
    seen += hub.site.log("hub") + hub.site.log("proxy") + hub.site.log("slurmctld")
    seen += hub.site.run_inside(["cat", f"/scratch/u22/log/{job}.log"]).stdout
    assert token
    assert token not in seen
    assert hub.site.admin_token not in seen


def test_the_script_is_shown_to_nobody_else(hub: Hub) -> None:
    hub.start_ready("u22")
    argv = ["scontrol", "write", "batch_script", str(hub.jobs("u22")[0]), "-"]
    assert "launcher" in hub.site.run_inside(argv, user="u22").stdout
    assert hub.site.run_inside(argv, user="u23").stdout == ""


def test_the_log_is_the_users_own(hub: Hub) -> None:
    job = hub.start_ready("u23")
    log = f"/scratch/u23/log/{job}.log"
    assert hub.site.run_inside(["cat", log], user="u23").stdout
    assert hub.site.run_inside(["cat", log], user="u24", check=False).returncode != 0


def test_two_users_never_reach_each_others_servers(hub: Hub) -> None:
    hub.start_ready("u25")
    hub.start_ready("u26")
    assert hub.ask("GET", "/user/u25/api/contents", token=token_of(hub, "u26"), base=hub.site.url).status == 403
    assert hub.ask("GET", "/user/u26/api/contents", token=token_of(hub, "u26"), base=hub.site.url).status == 200
    wait_for("both still answer", lambda: hub.answers_through_proxy("u25") and hub.answers_through_proxy("u26"))
