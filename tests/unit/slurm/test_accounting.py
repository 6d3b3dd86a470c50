"""Slurm's accounting, as text: what is understood, what is refused, and what no name can forge."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from tests.unit.slurm.test_parse import HOSTILE_NAMES, SEPARATOR

from neuronhub.slurm.accounting import (
    USAGE_FIELDS,
    count_gpus,
    parse_associations,
    parse_billed,
    parse_counters,
    parse_tres,
    parse_usage,
    parse_work,
)
from neuronhub.slurm.types import JobState
from neuronhub.slurm.usage import Association, Usage

TRES = "billing=100,cpu=8,gres/gpu=4,mem=16000M,node=1"
CELLS = {
    "Cluster": "neuron",
    "JobIDRaw": "7",
    "Submit": "1795417013",
    "Start": "1795417020",
    "End": "1795417080",
    "ElapsedRaw": "60",
    "User": "ada",
    "Account": "physics",
    "Partition": "v100",
    "State": "COMPLETED",
    "AllocTRES": TRES,
    "ExitCode": "0:0",
    "JobName": "nh-1",
}


def read(*changes: dict[str, str]) -> list[Usage]:
    rows = [[(CELLS | change)[name] for name in USAGE_FIELDS] for change in changes]
    return list(parse_usage("".join("".join(cell + SEPARATOR for cell in row) + "\n" for row in rows), SEPARATOR))


def test_whole_segment() -> None:
    (usage,) = read({})
    assert usage == Usage(
        cluster="neuron",
        job_id=7,
        submitted_at=datetime.fromtimestamp(1795417013, UTC),
        restart=0,
        name="nh-1",
        user="ada",
        account="physics",
        partition="v100",
        state=JobState.COMPLETED,
        started_at=datetime.fromtimestamp(1795417020, UTC),
        ended_at=datetime.fromtimestamp(1795417080, UTC),
        elapsed_s=60,
        nodes=1,
        cpus=8,
        gpus=4,
        billing=100,
    )
    assert usage.over


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_no_name_can_forge_a_segment(name: str) -> None:
    first, second, third = read({}, {"JobName": name, "Submit": "1795417014"}, {"Submit": "1795417015"})
    assert [one.name for one in (first, second, third)] == ["nh-1", name.strip(), "nh-1"]
    assert {(one.job_id, one.user, one.billing) for one in (first, second, third)} == {(7, "ada", 100)}


def test_segments_come_in_the_order_of_their_submit_and_are_counted_where_that_is_the_same() -> None:
    found = read(
        {"Submit": "1795417030", "Start": "1795417040"},
        {"Start": "1795417050"},
        {"Start": "1795417020"},
        {"JobIDRaw": "8"},
    )
    assert [(one.job_id, one.submitted_at.timestamp() - 1795417013, one.restart) for one in found] == [
        (7, 0, 0),
        (7, 0, 1),
        (8, 0, 0),
        (7, 17, 0),
    ]


@pytest.mark.parametrize(
    "changes",
    [
        {"End": "Unknown", "State": "FAILED"},
        {"End": "Unknown", "State": "RUNNING"},
        {"Start": "Unknown", "End": "Unknown", "State": "PENDING", "ElapsedRaw": "0"},
        {"Partition": "", "JobName": "allocation"},
        {"AllocTRES": ""},
        {"State": "UNHEARD_OF"},
    ],
)
def test_segment_that_is_not_over(changes: dict[str, str]) -> None:
    (usage,) = read(changes)
    assert not usage.over


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("CANCELLED by 1001", JobState.CANCELLED),
        ("REQUEUED", JobState.REQUEUED),
        ("OUT_OF_MEMORY", JobState.OUT_OF_MEMORY),
    ],
)
def test_states_of_segments_that_are_over(state: str, expected: JobState) -> None:
    (usage,) = read({"State": state})
    assert (usage.state, usage.over) == (expected, True)


def test_cancelled_while_it_waited_is_over_without_anything_given() -> None:
    (usage,) = read({"Start": "None", "State": "CANCELLED by 0", "ElapsedRaw": "0", "AllocTRES": ""})
    assert (usage.over, usage.started_at, usage.nodes) == (True, None, 0)


@pytest.mark.parametrize(
    "changes",
    [{"Submit": "Unknown"}, {"Submit": "2026-11-23"}, {"Cluster": ""}, {"JobIDRaw": "7_1"}, {"ElapsedRaw": "-"}],
)
def test_row_that_is_none_spoils_the_answer(changes: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"."):
        read({}, changes)


def test_answer_that_was_cut_is_refused() -> None:
    with pytest.raises(ValueError, match="whole rows"):
        parse_usage(SEPARATOR.join(CELLS.values()), SEPARATOR)


def test_gpus_of_several_types_are_counted_once() -> None:
    assert count_gpus(parse_tres(TRES)) == 4
    assert count_gpus(parse_tres("gres/gpu=4,gres/gpu:v100=3,gres/gpu:a100=1,node=1")) == 4
    assert count_gpus(parse_tres("gres/gpu:v100=3,gres/gpu:a100=1")) == 4
    assert count_gpus(parse_tres("cpu=1,mem=2000M,node=1")) == 0


def test_associations_of_one_cluster() -> None:
    members = "ada|physics|physics||neuron\nada|physics|chemistry|v100|neuron\nada|physics|elsewhere||other\nbob||||\n"
    found = parse_associations(members, "physics|ada,eve\nchemistry|\n", "neuron")
    assert found.members == (Association("physics", "ada"), Association("chemistry", "ada", "v100"))
    assert found.accounts_of("ada", "v100") == ("physics", "chemistry")
    assert found.accounts_of("ada", "a100") == ("physics",)
    assert found.coordinators == {"physics": frozenset({"ada", "eve"})}
    with pytest.raises(ValueError, match="whole rows"):
        parse_associations("ada|physics\n", "", "neuron")


COUNTER = (
    "ClusterName=neuron Account={account} UserName={user} Partition= Priority=0 ID=1 "
    "SharesRaw/Norm/Level/Factor=1/0.3/3/0 UsageRaw/Norm/Efctv={usage}.00/1.00/1.00 "
    "ParentAccount={parent} Lft=1 DefAssoc=No GrpJobs=N(0)\n"
)


def test_counter_of_an_account_is_without_those_below_it() -> None:
    rows = [("root", "", 30, ""), ("a", "", 25, "root(1)"), ("a", "ada(7)", 5, ""), ("b", "", 20, "a(2)")]
    text = "Association Records\n" + "".join(
        COUNTER.format(account=account, user=user, usage=usage, parent=parent) for account, user, usage, parent in rows
    )
    assert parse_counters(text) == {"root": 5, "a": 5, "b": 20}
    with pytest.raises(ValueError, match="no association"):
        parse_counters("Current Association Manager state\n")


def test_sums_of_hours_are_those_of_the_users() -> None:
    assert parse_billed("neuron|root||30\nneuron|a||30\nneuron|a|ada|10\nneuron|a|bob|20\n") == {"a": 30}
    assert parse_billed("") == {}


def test_work_is_the_sum_of_the_steps() -> None:
    text = "7.batch|1|cpu=00:00:03,energy=0,mem=332K\n7.0|2|cpu=1-00:00:01,mem=1K\n8.batch|1|cpu=00:01:00\n"
    assert {job: work.cpu_s for job, work in parse_work(text).items()} == {7: 86404, 8: 60}
    assert parse_work("") == {}
