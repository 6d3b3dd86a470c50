"""JupyterHub's REST API stays the way in for scripts, with the start page's checks."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.contract.spawn.rest import Hub, wait_for

pytestmark = pytest.mark.contract


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ({"queue": "nowhere"}, "queue"),
        ({"queue": "jupyter", "time_limit": "13:00:00"}, "12:00:00"),
        ({"queue": "jupyter", "time_limit": 0}, "time limit"),
        ({"queue": "jupyter", "time_limit": "$(reboot)"}, "time limit"),
        ({"queue": "jupyter", "nodes": 5}, "nodes"),
        ({"queue": ["jupyter"]}, "queue"),
    ],
)
def test_what_the_start_page_refuses_is_a_400_with_the_reason(hub: Hub, body: object, word: str) -> None:
    hub.add_user("u27")
    answer = hub.ask("POST", "/hub/api/users/u27/server", body)
    assert answer.status == 400
    assert word in answer.json["message"]
    assert hub.is_gone("u27")


def test_every_notation_of_time_is_taken_to_slurm(hub: Hub) -> None:
    for given, slurms in ((90, "1:30:00"), ("0-02:00:00", "2:00:00")):
        assert hub.start("u28", "jupyter", given).status in (201, 202)
        (job,) = wait_for("the job is there", lambda: hub.jobs("u28"))
        assert hub.site.run_inside(["squeue", "--noheader", f"--job={job}", "--format=%l"]).stdout.strip() == slurms
        hub.stop("u28")


def test_stopped_by_several_at_once_is_stopped_once(hub: Hub) -> None:
    hub.start_ready("u37")
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: hub.ask("DELETE", "/hub/api/users/u37/server").status, range(4)))
    assert set(answers) <= {202, 204}
    wait_for("the server is gone", lambda: hub.is_gone("u37"))


def test_the_resource_table_as_json(hub: Hub) -> None:
    table = hub.ask("GET", "/hub/api/cluster").json
    rows = {row["name"]: row for row in table["queues"]}
    assert set(rows) == {"jupyter", "cas_v100_2", "cas_v100nv_4", "amd_a100nv_8"}
    for row in rows.values():
        assert row["alloc"] + row["idle"] + row["down"] == row["total"]
    assert {name: row["total"] for name, row in rows.items()} == {
        "jupyter": 5,
        "cas_v100_2": 3,
        "cas_v100nv_4": 2,
        "amd_a100nv_8": 2,
    }
    assert rows["cas_v100_2"]["down"] == 1
    assert rows["jupyter"]["charged"] is False
    assert rows["amd_a100nv_8"]["charged"] is True
    assert hub.ask("GET", "/hub/api/cluster", token="wrong").status == 403


def test_a_whole_node_is_given_for_one_user_alone(hub: Hub) -> None:
    job = hub.start_ready("u29", "cas_v100_2")
    shown = hub.site.run_inside(["scontrol", "--oneliner", "show", "job", str(job)]).stdout
    assert "gres/gpu=2" in shown
    rows = {row["name"]: row for row in wait_for("the table follows", lambda: table_with_alloc(hub, "cas_v100_2"))}
    assert rows["cas_v100_2"]["gpus"][0]["free"] == 2


def table_with_alloc(hub: Hub, queue: str) -> list[dict[str, object]]:
    """The rows once ``queue`` has an allocated node, else []."""
    rows: list[dict[str, object]] = hub.ask("GET", "/hub/api/cluster").json["queues"]
    return rows if any(row["name"] == queue and row["alloc"] for row in rows) else []
