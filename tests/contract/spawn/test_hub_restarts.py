"""The hub is killed in every state of a start: no job is lost, and none is submitted twice."""

from __future__ import annotations

import secrets
import subprocess
import time

import pytest
from tests.contract.spawn.rest import Hub, wait_for
from tests.embedded import COMMAND

from neuronhub.demo.installation import PYTHON, SOURCE

pytestmark = pytest.mark.contract


def restart(hub: Hub) -> None:
    """SIGKILL, then start."""
    hub.site.part("kill", "hub")
    hub.site.part("start", "hub")
    hub.wait_until_up()


def test_killed_while_the_job_waits(hub: Hub) -> None:
    fillers = hub.fill("bob", "amd_a100nv_8", 2, "--exclusive")
    assert hub.start("u01", "amd_a100nv_8").status in (201, 202)
    wait_for("the job waits", lambda: hub.state("u01") == "PENDING")
    (job,) = hub.jobs("u01")
    restart(hub)
    wait_for("the start is taken up", lambda: hub.model("u01").get("pending") == "spawn")
    wait_for("its state is known again", lambda: hub.state("u01") == "PENDING")
    assert hub.jobs("u01") == [job]
    hub.cancel(fillers[0])
    wait_for("the server is ready", lambda: hub.is_ready("u01"), 60)
    assert hub.jobs("u01") == [job]
    assert hub.answers_through_proxy("u01")


def test_killed_while_the_server_starts(hub: Hub) -> None:
    assert hub.start("u02", "jupyter").status in (201, 202)
    wait_for("the job runs", lambda: hub.jobs("u02", "R"))
    (job,) = hub.jobs("u02")
    restart(hub)
    wait_for("the server is ready", lambda: hub.is_ready("u02"), 60)
    assert hub.jobs("u02") == [job]
    assert hub.answers_through_proxy("u02")


def test_killed_while_the_server_runs(hub: Hub) -> None:
    job = hub.start_ready("u03")
    with hub.site.without("hub", "kill"):
        assert hub.answers_through_proxy("u03"), "the proxy goes on without the hub"
    hub.wait_until_up()
    wait_for("the server is known again", lambda: hub.is_ready("u03"))
    assert hub.jobs("u03") == [job]
    assert hub.answers_through_proxy("u03")


def test_killed_and_the_job_ended_meanwhile(hub: Hub) -> None:
    job = hub.start_ready("u04")
    with hub.site.without("hub", "kill"):
        hub.cancel(job)
    hub.wait_until_up()
    wait_for("the end is noticed", lambda: hub.is_gone("u04"), 60)
    assert hub.ending("u04")["state"] == "CANCELLED"
    assert hub.start_ready("u04") != job


def test_asked_to_end_while_the_job_waits(hub: Hub) -> None:
    hub.fill("bob", "cas_v100nv_4", 2, "--exclusive")
    assert hub.start("u05", "cas_v100nv_4").status in (201, 202)
    wait_for("the job waits", lambda: hub.state("u05") == "PENDING")
    (job,) = hub.jobs("u05")
    hub.site.part("restart", "hub")
    hub.wait_until_up()
    wait_for("the start is taken up", lambda: hub.model("u05").get("pending") == "spawn")
    assert hub.jobs("u05") == [job]


def test_a_hub_that_dies_before_it_can_take_up_a_start_forgets_nothing(hub: Hub) -> None:
    hub.fill("bob", "cas_v100nv_4", 2, "--exclusive")
    assert hub.start("u33", "cas_v100nv_4").status in (201, 202)
    wait_for("the job waits", lambda: hub.state("u33") == "PENDING")
    (job,) = hub.jobs("u33")
    hub.site.part("kill", "hub")
    hub.site.part("stop", "proxy")
    inside = (*COMMAND, "--state", str(hub.site.state_dir), "exec", "--", "timeout", "12", "su", "-s", "/bin/sh")
    up = f"PYTHONPATH={SOURCE} exec {PYTHON} -m neuronhub.cli up --site {hub.site.site_file}"
    subprocess.run([*inside, "neuronhub", "-c", up], check=False, capture_output=True, timeout=60)
    hub.site.part("start", "proxy")
    hub.site.part("start", "hub")
    hub.wait_until_up()
    wait_for("the start is taken up", lambda: hub.model("u33").get("pending") == "spawn")
    time.sleep(10)  # long enough for an orphan to be cancelled
    assert hub.jobs("u33") == [job]


def test_a_job_of_ours_that_no_server_owns_is_cancelled(hub: Hub) -> None:
    name = f"demo-server-{secrets.token_hex(8)}"
    argv = ["sbatch", "--parsable", "--partition=jupyter", "--output=/dev/null", f"--job-name={name}"]
    orphan = int(hub.site.run_inside(argv, user="u06", stdin="#!/bin/sh\nexec sleep 900\n").stdout)
    theirs = hub.fill("u06", "jupyter", 1)
    kept = hub.start_ready("u07")
    assert hub.jobs("u06") == [orphan]
    restart(hub)
    wait_for("the orphan is cancelled", lambda: not hub.jobs("u06"), 40)
    assert hub.jobs("u07") == [kept]
    assert f"job {orphan} of u06" in hub.site.log("hub")
    assert str(theirs[0]) in hub.site.run_inside(["squeue", "--noheader", "--user=u06", "--format=%i"]).stdout
