"""Slurm freezes, stops, dies and says no: nothing is lost, nothing is submitted twice, and the reason is told."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.contract.spawn.rest import Hub, wait_for

pytestmark = pytest.mark.contract

SILENCE_S = 12
"""Longer than the hub's commands wait, so that several questions fail."""
SEEN_WITHIN_S = 8
"""Slurm is asked for a young server until it has shown it once; before that only its name tells whose it is."""
SAVED_WITHIN_S = 6
"""slurmctld saves its jobs within five seconds of a change; killed before, it forgets them and their ids."""


@contextlib.contextmanager
def silence(hub: Hub, part: str, action: str) -> Iterator[None]:
    """Some seconds without a part, long enough that the hub must have noticed."""
    if action == "kill":
        time.sleep(SAVED_WITHIN_S)
    with hub.site.without(part, action):
        yield
        time.sleep(SILENCE_S)


@pytest.mark.parametrize(
    ("part", "action"), [("slurmctld", "pause"), ("slurmctld", "stop"), ("slurmctld", "kill"), ("munged", "stop")]
)
def test_silence_ends_no_running_server(hub: Hub, part: str, action: str) -> None:
    job = hub.start_ready("u08")
    with silence(hub, part, action):
        assert hub.answers_through_proxy("u08")
    assert hub.is_ready("u08")
    wait_for("Slurm answers again", lambda: hub.ask("GET", "/hub/api/cluster").json["problem"] is None, 40)
    time.sleep(3)
    assert hub.is_ready("u08")
    assert hub.jobs("u08") == [job]


@pytest.mark.parametrize("action", ["pause", "stop", "kill"])
def test_silence_loses_no_waiting_job(hub: Hub, action: str) -> None:
    fillers = hub.fill("bob", "cas_v100nv_4", 2, "--exclusive")
    assert hub.start("u32", "cas_v100nv_4").status in (201, 202)
    wait_for("the job waits", lambda: hub.state("u32") == "PENDING")
    (job,) = hub.jobs("u32")
    time.sleep(6)  # slurmctld writes its state down every few seconds; a job younger than that dies with it
    with silence(hub, "slurmctld", action):
        wait_for("the silence is told", lambda: hub.state("u32") == "UNKNOWN")
    hub.cancel(*fillers)
    wait_for("the server is ready", lambda: hub.is_ready("u32"), 90)
    assert hub.jobs("u32") == [job]


def test_a_start_while_slurmctld_is_frozen_makes_one_job(hub: Hub) -> None:
    hub.add_user("u09")
    hub.ask("GET", "/hub/api/cluster")
    with silence(hub, "slurmctld", "pause"):
        assert hub.start("u09", "jupyter").status in (201, 202)
    wait_for("the server is ready", lambda: hub.is_ready("u09"), 90)
    assert len(hub.jobs("u09")) == 1
    time.sleep(3)
    assert len(hub.jobs("u09", "all")) == 1


def test_cancelled_while_slurmctld_is_frozen_leaves_nothing(hub: Hub) -> None:
    hub.add_user("u10")
    hub.ask("GET", "/hub/api/cluster")
    with silence(hub, "slurmctld", "pause"):
        assert hub.start("u10", "jupyter").status in (201, 202)
        assert hub.ask("DELETE", "/hub/api/users/u10/server").status in (202, 204)
    wait_for("the start is over", lambda: hub.is_gone("u10"), 90)
    wait_for("no job is left", lambda: not hub.jobs("u10"), 30)


def test_a_stop_while_slurmctld_is_away_is_carried_out_later(hub: Hub) -> None:
    job = hub.start_ready("u11")
    with silence(hub, "slurmctld", "stop"):
        assert hub.ask("DELETE", "/hub/api/users/u11/server").status in (202, 204)
        assert hub.model("u11").get("pending") == "stop"
    wait_for("the job is cancelled", lambda: not hub.jobs("u11"), 60)
    wait_for("the hub knows", lambda: hub.is_gone("u11"), 60)
    assert job


def test_the_51st_notebook_waits_and_starts_when_a_place_is_free(hub: Hub) -> None:
    (array,) = hub.fill("bob", "jupyter", 1, "--array=1-50")
    wait_for(
        "all places are taken",
        lambda: (
            next(row for row in hub.ask("GET", "/hub/api/cluster").json["queues"] if row["name"] == "jupyter")["places"]
            == {"free": 0, "total": 50}
        ),
    )
    assert hub.start("u12", "jupyter").status in (201, 202)
    wait_for("it waits", lambda: hub.state("u12") == "PENDING")
    wait_for("the reason is told", lambda: hub.progress("u12")[-1].get("reason"))
    hub.site.run_inside(["scancel", f"{array}_7"])
    wait_for("the server is ready", lambda: hub.is_ready("u12"), 60)


def is_refused(hub: Hub, user: str) -> bool:
    """Slurm refuses a start; one that it takes is ended again."""
    if hub.start(user, "jupyter").status == 400:
        return True
    hub.stop(user)
    return False


def test_a_start_that_slurm_refuses_tells_slurms_reason(hub: Hub) -> None:
    change = ["sacctmgr", "-i", "modify", "user", "u13", "set"]
    hub.site.run_inside([*change, "maxsubmitjobs=0"])
    try:
        wait_for("the limit is known", lambda: is_refused(hub, "u13"))
        assert "policy" in hub.start("u13", "jupyter").json["message"]
        assert hub.is_gone("u13")
    finally:
        hub.site.run_inside([*change, "maxsubmitjobs=-1"])
    wait_for("it may start again", lambda: hub.start("u13", "jupyter").status in (201, 202), 20)


def test_a_log_folder_that_cannot_be_written_is_named(hub: Hub) -> None:
    hub.site.run_inside(["sh", "-c", "rm -rf /scratch/u14/log && touch /scratch/u14/log"])
    try:
        hub.start("u14", "jupyter")
        wait_for("the start has failed", lambda: hub.is_gone("u14"), 30)
        assert "log folder" in hub.failure("u14")
    finally:
        hub.site.run_inside(["rm", "/scratch/u14/log"])
    assert hub.start_ready("u14")


def test_a_running_server_cancelled_from_outside_is_noticed(hub: Hub) -> None:
    hub.cancel(hub.start_ready("u15"))
    wait_for("the end is noticed", lambda: hub.is_gone("u15"), 40)
    assert (hub.ending("u15")["state"], hub.ending("u15")["ready"]) == ("CANCELLED", True)


def test_the_same_start_twice_at_once_is_one_job(hub: Hub) -> None:
    hub.add_user("u16")
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: hub.start("u16", "jupyter").status, range(8)))
    assert set(answers) <= {201, 202, 400}
    wait_for("the server is ready", lambda: hub.is_ready("u16"), 60)
    assert len(hub.jobs("u16", "all")) == 1


def test_time_limit_and_dead_node_are_told(hub: Hub) -> None:
    """The two slowest ends, side by side: a time limit of a minute, and a node whose slurmd is killed."""
    assert hub.start("u17", "jupyter", 1).status in (201, 202)
    dying = hub.start_ready("u18", "amd_a100nv_8")
    node = hub.site.run_inside(["squeue", "--noheader", f"--job={dying}", "--format=%B"]).stdout.strip()
    with hub.site.without(f"slurmd-{node}", "kill"):
        wait_for("the dead node is noticed", lambda: hub.is_gone("u18"), 120)
    wait_for("the time limit is noticed", lambda: hub.is_gone("u17"), 120)
    assert (hub.ending("u18")["state"], hub.ending("u18")["node"]) == ("NODE_FAIL", node)
    assert (hub.ending("u17")["state"], hub.ending("u17")["ready"]) == ("TIMEOUT", True)
    assert hub.start_ready("u18", "jupyter")


def test_a_running_job_that_its_owner_renames_is_still_the_server(hub: Hub) -> None:
    job = hub.start_ready("u47")
    time.sleep(SEEN_WITHIN_S)
    hub.site.run_inside(["scontrol", "update", f"JobId={job}", "JobName=mine"])
    time.sleep(2 * SILENCE_S)  # a server at rest is looked for every 15 s; then twice more, and in accounting
    assert hub.is_ready("u47")
    hub.site.part("restart", "hub")
    hub.wait_until_up()
    time.sleep(SEEN_WITHIN_S)
    assert hub.is_ready("u47")
    hub.stop("u47")
    assert not hub.jobs("u47")
