"""The start page's values: what is offered, what is refused and in which words."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from neuronhub import language
from neuronhub.errors import StartRefused
from neuronhub.site import Hub, QueueSite, Site, Words
from neuronhub.slurm.types import ClusterSnapshot, GpuCount, Node, NodeCounts, Queue
from neuronhub.spawn.options import (
    Choice,
    check_choice,
    count_places,
    describe_cluster,
    describe_price,
    parse_choice,
    parse_form,
)
from neuronhub.tariff import Price

HUB = Hub(
    public_url="https://hub.example/",
    proxy_token_file=Path("/x/proxy"),
    cookie_secret_file=Path("/x/cookie"),
    start_key_file=Path("/x/key"),
    state_dir=Path("/x"),
)
SITE = Site(
    hub=HUB,
    queues=(
        QueueSite(name="jupyter", kind="shared", places_per_node=10, description=Words(en="to try", ko="시험용")),
        QueueSite(name="gpu", prices=(Price(amount=Decimal("5000")),)),
        QueueSite(name="club", groups=("members",)),
        QueueSite(name="gone"),
    ),
)
SNAPSHOT = ClusterSnapshot(
    taken_at=datetime.now(UTC),
    queues=(
        Queue(
            "jupyter",
            NodeCounts(alloc=1, idle=1),
            nodes=(
                Node("jn01", "127.0.2.1", "mixed", cpus_free=3, cpus_total=10),
                Node("jn02", "127.0.2.2", "idle", cpus_free=10, cpus_total=10),
            ),
            default_time=timedelta(hours=2),
            max_time=timedelta(hours=12),
            max_nodes=1,
        ),
        Queue("gpu", NodeCounts(idle=2, down=1), gpus=(GpuCount("v100", 4, 6),), max_time=None),
        Queue("club", NodeCounts(idle=1), state="UP"),
    ),
)


@pytest.mark.parametrize(
    ("given", "minutes"),
    [("90", 90), (90, 90), ("1:30:00", 90), ("1-12:00:00", 36 * 60), (" 5 ", 5), ("", 120), (None, 120)],
)
def test_time_limits_are_read_in_every_notation(given: Any, minutes: int) -> None:
    choice = parse_choice({"queue": "jupyter", "time_limit": given}, SITE, SNAPSHOT)
    assert choice == Choice("jupyter", timedelta(minutes=minutes))


def test_an_account_may_be_chosen() -> None:
    assert parse_choice({"queue": "gpu", "account": "lab-a"}, SITE, SNAPSHOT).account == "lab-a"
    for none in ({}, {"account": ""}, {"account": None}):
        assert parse_choice({"queue": "gpu"} | none, SITE, SNAPSHOT).account == ""


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"queue": ""},
        {"queue": "nowhere"},
        {"queue": ["jupyter"]},
        {"queue": None},
        {"queue": "jupyter; rm -rf /"},
        {"queue": "jupyter", "time_limit": "0"},
        {"queue": "jupyter", "time_limit": -5},
        {"queue": "jupyter", "time_limit": "１０"},
        {"queue": "jupyter", "time_limit": True},
        {"queue": "jupyter", "time_limit": 1.5},
        {"queue": "jupyter", "time_limit": {"minutes": 5}},
        {"queue": "jupyter", "time_limit": "soon"},
        {"queue": "jupyter", "time_limit": "9" * 400},
        {"queue": "jupyter", "time_limit": "UNLIMITED"},
        {"queue": "jupyter", "partition": "gpu"},
        {"queue": "jupyter", "time_limit": "5", "qos": "high"},
        *({"queue": "jupyter", "account": account} for account in ("-rf", "lab-a\n", "lab a", 5, ["lab-a"], "a" * 65)),
    ],
)
def test_anything_else_is_refused_with_a_sentence(fields: dict[str, Any]) -> None:
    with pytest.raises(StartRefused) as refusal:
        parse_choice(fields, SITE, SNAPSHOT)
    assert str(refusal.value).endswith((".", ")."))


def test_a_doubled_field_is_refused() -> None:
    assert parse_form({"queue": ["gpu"], "_xsrf": ["a", "b"]}) == {"queue": "gpu"}
    with pytest.raises(StartRefused, match="queue"):
        parse_form({"queue": ["gpu", "jupyter"]})


def test_a_choice_survives_being_kept_as_options() -> None:
    choice = Choice("gpu", timedelta(days=1, hours=2, minutes=3))
    assert parse_choice(choice.to_options(), SITE, SNAPSHOT) == choice


def test_limits_known_before_slurm_is_asked() -> None:
    check_choice(Choice("jupyter", timedelta(hours=12)), SITE, SNAPSHOT, ())
    with pytest.raises(StartRefused, match="12:00:00"):
        check_choice(Choice("jupyter", timedelta(hours=13)), SITE, SNAPSHOT, ())
    with pytest.raises(StartRefused, match="members"):
        check_choice(Choice("club", timedelta(hours=1)), SITE, SNAPSHOT, ("others",))
    check_choice(Choice("club", timedelta(hours=1)), SITE, SNAPSHOT, ("members",))
    with pytest.raises(StartRefused, match="gone"):
        check_choice(Choice("gone", timedelta(hours=1)), SITE, SNAPSHOT, ())


@pytest.mark.parametrize("state", ["DOWN", "DRAIN", "INACTIVE"])
def test_a_closed_queue_is_shown_and_refused(state: str) -> None:
    closed = ClusterSnapshot(SNAPSHOT.taken_at, (Queue("gpu", NodeCounts(idle=1), state=state),))
    with pytest.raises(StartRefused, match=state):
        check_choice(Choice("gpu", timedelta(hours=1)), SITE, closed, ())
    row = next(row for row in describe_cluster(SITE, closed, (), None)["queues"] if row["name"] == "gpu")
    assert not row["usable"]
    assert state in row["why_not"]


def test_slurms_own_group_rule_is_compared_only_when_groups_are_known() -> None:
    limited = ClusterSnapshot(SNAPSHOT.taken_at, (Queue("gpu", NodeCounts(idle=1), allow_groups=("physics",)),))
    check_choice(Choice("gpu", timedelta(hours=1)), SITE, limited, ())
    check_choice(Choice("gpu", timedelta(hours=1)), SITE, limited, ("physics",))
    with pytest.raises(StartRefused, match="physics"):
        check_choice(Choice("gpu", timedelta(hours=1)), SITE, limited, ("chemistry",))


def test_the_table_tells_places_gpus_and_prices() -> None:
    token = language.current.set("ko")
    try:
        table = describe_cluster(SITE, SNAPSHOT, (), "problem")
    finally:
        language.current.reset(token)
    rows = {row["name"]: row for row in table["queues"]}
    assert rows["jupyter"]["places"] == {"free": 13, "total": 20}
    assert rows["jupyter"]["description"] == "시험용"
    assert (rows["jupyter"]["charged"], rows["jupyter"]["price_per_hour"]) == (False, None)
    assert (rows["gpu"]["charged"], rows["gpu"]["price_per_hour"]) == (True, "5000")
    assert rows["gpu"]["gpus"] == [{"type": "v100", "free": 4, "total": 6}]
    assert (rows["gpu"]["alloc"], rows["gpu"]["idle"], rows["gpu"]["down"], rows["gpu"]["total"]) == (0, 2, 1, 3)
    assert rows["gpu"]["places"] is None
    assert (rows["jupyter"]["max_nodes"], rows["gpu"]["max_nodes"]) == (1, None)
    assert rows["gone"]["usable"] is False
    assert table["problem"] == "problem"


@pytest.mark.parametrize(
    ("cpus_free", "cpus_total", "jobs", "state", "free"),
    [
        (10, 10, 0, "idle", 10),
        (3, 10, 7, "mixed", 3),
        (40, 40, 0, "idle", 10),
        (37, 40, 3, "mixed", 7),  # small jobs on big nodes, held apart by a gres: Slurm counts jobs, not CPUs
        (12, 40, 1, "mixed", 3),  # somebody else's job has taken most of the CPUs
        (0, 10, 10, "allocated", 0),
        (10, 10, 0, "drained", 0),
        (6, 6, 0, "idle", 6),
    ],
)
def test_free_places_are_what_jobs_and_cpus_leave(
    cpus_free: int, cpus_total: int, jobs: int, state: str, free: int
) -> None:
    node = Node("jn01", "127.0.2.1", state, cpus_free=cpus_free, cpus_total=cpus_total)
    queue = Queue("jupyter", NodeCounts(), nodes=(node,), jobs_on={"jn01": jobs})
    assert count_places(SITE.queues[0], queue) == {"free": free, "total": 10}
    assert count_places(SITE.queues[0], replace(queue, state="DOWN"))["free"] == 0


def test_before_slurm_ever_answered_the_table_is_empty_but_there() -> None:
    table = describe_cluster(SITE, None, (), "silent")
    assert [row["total"] for row in table["queues"]] == [0, 0, 0, 0]
    assert table["age_s"] is None


@pytest.mark.parametrize(("per", "price"), [("gpu-hour", "2000"), ("core-hour", "4000"), ("node-hour", "1000")])
def test_price_of_a_place_on_a_shared_node_is_that_of_what_its_job_gets(per: str, price: str) -> None:
    offered = QueueSite.model_validate(
        {
            "name": "gpu",
            "kind": "shared",
            "prices": [{"amount": "1000", "per": per}],
            "sbatch_options": ["--gres=gpu:2", "--cpus-per-task=4"],
        }
    )
    assert describe_price(SITE, offered, None)["price_per_hour"] == price
