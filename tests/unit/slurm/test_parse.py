from __future__ import annotations

from datetime import timedelta

import pytest

from neuronhub.slurm.parse import (
    JOB_FIELDS,
    RECORD_FIELDS,
    parse_configuration,
    parse_gpus,
    parse_job_id,
    parse_jobs,
    parse_nodes,
    parse_partitions,
    parse_records,
)
from neuronhub.slurm.types import Job, JobState

SEPARATOR = "|0123456789abcdef|"
JOB_CELLS = ["7", "alice", "RUNNING", "jupyter", "None", "1795417013", "1795417014", "1795420614", "1:00:00"]
RECORD_CELLS = ["7", "alice", "TIMEOUT", "jupyter", "1795417013", "1795417014", "1795420614", "01:00:00", "jn01", "0:9"]


def make_jobs_text(*names: str, state: str = "RUNNING", status: str = "0") -> str:
    rows = [[*JOB_CELLS[:2], state, *JOB_CELLS[3:], "jn01", status, name] for name in names]
    return "".join("".join(cell.ljust(10) + SEPARATOR for cell in row) + "\n" for row in rows)


HOSTILE_NAMES = [
    "a|b||c",
    "x\n8|bob|RUNNING|jupyter|None|0|0|0|1:00|jn01|0|forged",
    "\n\n\n",
    "x\r\n9",
    "",
    " ",
    "|0000000000000000|" * 12 + "\n9",
    "한글 \x1b[31m\u2028 line",
    "%j,%i",
    "'; scancel 1; '",
]


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_no_name_of_a_job_can_pose_as_a_column_or_a_row(name: str) -> None:
    first, second, third = parse_jobs(make_jobs_text("nh-1", name, "nh-3"), SEPARATOR)
    assert (first.name, third.name) == ("nh-1", "nh-3")
    assert second.name == name.strip()
    for job in (first, second, third):
        assert (job.id, job.user, job.state, job.partition) == (7, "alice", JobState.RUNNING, "jupyter")


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_no_name_of_a_job_can_forge_a_record(name: str) -> None:
    row = "".join(cell + SEPARATOR for cell in [*RECORD_CELLS, name]) + "\n"
    jobs = parse_records(row + row, SEPARATOR)
    assert [(job.id, job.name, job.state) for job in jobs] == [(7, name.strip(), JobState.TIMEOUT)] * 2


@pytest.mark.parametrize(
    ("status", "code", "signal"),
    [("0", 0, 0), ("768", 3, 0), ("9", 0, 9), ("4021", 0, 53), ("256", 1, 0), ("15", 0, 15)],
)
def test_wait_status_of_a_job(status: str, code: int, signal: int) -> None:
    (job,) = parse_jobs(make_jobs_text("nh-1", status=status), SEPARATOR)
    assert (job.exit_code, job.exit_signal) == (code, signal)


@pytest.mark.parametrize("state", [state for state in JobState if state is not JobState.LOST])
def test_state_words_of_slurm(state: JobState) -> None:
    assert parse_jobs(make_jobs_text("nh-1", state=state), SEPARATOR)[0].state is state


@pytest.mark.parametrize("word", ["LOST", "NEW_IN_SLURM_99", "", "completed", "ended"])
def test_state_words_we_do_not_know_are_no_end(word: str) -> None:
    (job,) = parse_jobs(make_jobs_text("nh-1", state=word), SEPARATOR)
    assert job.state is JobState.UNKNOWN
    assert not job.state.ended


@pytest.mark.parametrize("word", ["CANCELLED by 1001", "CANCELLED+", "CANCELLED"])
def test_cancelled_by_somebody(word: str) -> None:
    cells = [*RECORD_CELLS, "nh-1"]
    cells[2] = word
    (job,) = parse_records("".join(cell + SEPARATOR for cell in cells) + "\n", SEPARATOR)
    assert job.state is JobState.CANCELLED


@pytest.mark.parametrize(
    "text",
    [
        make_jobs_text("nh-1")[:-30],
        make_jobs_text("nh-1") + "slurm_load_jobs error: Unable to contact slurm controller\n",
        "slurm_load_jobs error: Unable to contact slurm controller\n",
        make_jobs_text("nh-1").replace("7  ", "x  "),
        make_jobs_text("nh-1").replace("7  ", "７  "),
        make_jobs_text("nh-1").replace("1795417013", "yesterday"),
        make_jobs_text("nh-1").replace("1:00:00", "forever"),
        make_jobs_text("nh-1", status="?"),
    ],
)
def test_damaged_answers_are_refused_as_a_whole(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_jobs(text, SEPARATOR)


def test_no_jobs_at_all() -> None:
    assert parse_jobs("", SEPARATOR) == ()
    assert parse_records("", SEPARATOR) == ()


def test_formats_have_as_many_fields_as_the_parsers_read() -> None:
    assert len(JOB_FIELDS) == len(JOB_CELLS) + 3
    assert len(RECORD_FIELDS) == len(RECORD_CELLS) + 1


def test_job_without_times_node_or_limit() -> None:
    cells = ["8", "bob", "PENDING", "gpu,debug", "Resources", "1795417013", "N/A", "N/A", "UNLIMITED", "n/a", "0", "x"]
    (job,) = parse_jobs("".join(cell + SEPARATOR for cell in cells) + "\n", SEPARATOR)
    assert job == Job(8, "x", "bob", "gpu,debug", JobState.PENDING, reason="Resources", submitted_at=job.submitted_at)


@pytest.mark.parametrize(("nodes", "host"), [("jn01", "jn01"), ("gn[01-02]", ""), ("a,b", ""), ("None assigned", "")])
def test_batch_host_of_a_record_is_told_only_when_it_is_sure(nodes: str, host: str) -> None:
    cells = [*RECORD_CELLS, "x"]
    cells[8] = nodes
    assert parse_records("".join(cell + SEPARATOR for cell in cells) + "\n", SEPARATOR)[0].batch_host == host


@pytest.mark.parametrize(
    ("text", "gpus"),
    [
        ("", {}),
        ("(null)", {}),
        ("N/A", {}),
        ("gpu:0", {}),
        ("gpu:(null):0(IDX:N/A)", {}),
        ("gpu", {"gpu": 1}),
        ("gpu:2", {"gpu": 2}),
        ("gpu:2(S:0-1)", {"gpu": 2}),
        ("gpu:(null):2(IDX:0-1)", {"gpu": 2}),
        ("gpu:v100:2", {"v100": 2}),
        ("gpu:v100:2(S:0-1)", {"v100": 2}),
        ("gpu:v100:0(IDX:N/A)", {"v100": 0}),
        ("gpu:v100:3(IDX:0-1,3)", {"v100": 3}),
        ("gpu:v100:3(IDX:0-1,3),gpu:a100:1(IDX:4),slot:10", {"v100": 3, "a100": 1}),
        ("gpu:v100:2,gpu:v100:2", {"v100": 4}),
        ("gpu:nvidia_a100-sxm4-40gb:8(S:0,1)", {"nvidia_a100-sxm4-40gb": 8}),
        ("slot:10,mps:v100:200,shard:8,craynetwork:4", {}),
    ],
)
def test_gpus_by_type(text: str, gpus: dict[str, int]) -> None:
    assert parse_gpus(text) == gpus


def make_node_text(used: str, state: str = "mixed") -> str:
    return f"gpu |gn01 |10.0.0.1 |{state} |2/6/0/8 |gpu:v100:4 |{used} |\n"


def test_gpus_of_a_node_whose_cell_was_cut_are_all_in_use() -> None:
    cut = ("gpu:v100:1(IDX:" + "0," * 300)[:512]
    ((_, node),) = parse_nodes(make_node_text(cut))
    assert node.gpus_used == node.gpus == {"v100": 4}


@pytest.mark.parametrize(
    "text",
    [
        "garbage\n",
        make_node_text("") + "gpu|gn02|\n",
        make_node_text("", state="a&b"),
        "a|b|c|idle|1/2/3|x|y|\n",
        "|gn01|c|idle|0/1/0/1|x|y|\n",
        "a|b|c|idle|1/x/3/4|x|y|\n",
        "a|b|c|idle|0/1/0/1|x|y|z|\n",
    ],
)
def test_damaged_rows_of_nodes_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_nodes(text)


def test_partition_of_another_version() -> None:
    (queue,) = parse_partitions(
        "PartitionName=p DefaultTime=NONE MaxTime=INFINITE State=inactive MaxNodes=2 AllowGroups=a,b Note=x y\n"
    )
    assert (queue.name, queue.state, queue.max_nodes, queue.allow_groups) == ("p", "INACTIVE", 2, ("a", "b"))
    assert not queue.open


@pytest.mark.parametrize("text", ["garbage", "PartitionName=p State=UP", "No partitions in the system"])
def test_what_is_no_partition_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a partition"):
        parse_partitions(text)


@pytest.mark.parametrize(("text", "number"), [("7\n", 7), ("7;cluster\n", 7)])
def test_id_of_a_submitted_job(text: str, number: int) -> None:
    assert parse_job_id(text) == number


@pytest.mark.parametrize("text", ["", "Submitted batch job 7", "-1", "7 8", "７"])
def test_what_is_no_id_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="job id"):
        parse_job_id(text)


def test_configuration() -> None:
    text = "Configuration data as of now\nAccountingStorageType   = {}\nPrivateData             = {}\nX = a=b\n"
    bare = parse_configuration(text.format("accounting_storage/none", "none"))
    assert (bare.accounting, bare.private_data) == (False, frozenset())
    private = parse_configuration(text.format("accounting_storage/slurmdbd", "jobs,usage"))
    assert (private.accounting, private.private_data) == (True, frozenset({"jobs", "usage"}))
    with pytest.raises(ValueError, match="configuration"):
        parse_configuration("slurm_load_ctl_conf error: Zero Bytes were transmitted")


def test_time_limits_of_partitions() -> None:
    (queue,) = parse_partitions(
        "PartitionName=p State=UP DefaultTime=01:00:00 MaxTime=2-00:00:00 OverSubscribe=EXCLUSIVE"
    )
    assert (queue.default_time, queue.max_time) == (timedelta(hours=1), timedelta(days=2))
    assert queue.exclusive
