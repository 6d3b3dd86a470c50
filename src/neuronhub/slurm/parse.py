"""Text of Slurm's commands in, types out; pure. The formats that these parsers expect stand beside them.

Rows with text of users (job names) are cut at a separator that is drawn anew for every question: no job name, with
whatever bars and newlines in it, can pose as a column or a row. Every parser raises ValueError for what it does not
understand, and then nothing of that answer is used.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from neuronhub.slurm.times import parse_duration, parse_moment, parse_time_limit, render_time_limit
from neuronhub.slurm.types import Configuration, Job, JobState, Node, NodeCounts, Queue

__all__ = [
    "JOB_FIELDS",
    "NODE_FORMAT",
    "RECORD_FIELDS",
    "parse_configuration",
    "parse_gpus",
    "parse_id",
    "parse_job_id",
    "parse_jobs",
    "parse_nodes",
    "parse_partitions",
    "parse_records",
    "parse_state",
    "parse_time_limit",
    "render_time_limit",
    "split_node_state",
    "split_rows",
]

_WIDE = 512
NODE_FORMAT = (
    f"PartitionName:65|,NodeList:65|,NodeAddr:257|,StateLong:33|,CPUsState:33|,Gres:{_WIDE}|,GresUsed:{_WIDE}|"
)
"""``sinfo --Format``: widths, since Slurm cuts at 20 otherwise. Names here are the operators', so a bar is safe."""

JOB_FIELDS = (
    "JobID:20",
    "UserName:64",
    "State:20",
    "Partition:256",
    "Reason:128",
    "SubmitTime:20",
    "StartTime:20",
    "EndTime:20",
    "TimeLimit:20",
    "BatchHost:65",
    "exit_code:12",
    "Name:256",
)
"""``squeue --Format``; each is followed by the separator."""

RECORD_FIELDS = (
    "JobIDRaw",
    "User",
    "State",
    "Partition",
    "Submit",
    "Start",
    "End",
    "Timelimit",
    "NodeList",
    "ExitCode",
    "JobName",
)
"""``sacct --format``; with --parsable each is followed by the separator."""

_STATE = re.compile(r"(?P<word>[a-z_]+|\?)(?P<flags>[*~#!%$@^+-]*)")
_GRES = re.compile(r"gpu(?::(?P<kind>[^:()]+|\(null\)))??(?::(?P<count>[0-9]+))?(?:\(.*\))?")
_NOTHING = frozenset({"", "(null)", "n/a", "none"})


def parse_nodes(text: str) -> tuple[tuple[str, Node], ...]:
    """Parse ``sinfo --Node --Format=NODE_FORMAT``: (partition, node), once for each partition of a node."""
    rows = []
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) != 8 or cells[7]:
            raise ValueError(f"sinfo: not a row of a node: {line[:200]!r}")
        rows.append((cells[0], _parse_node(cells)))
    return tuple(rows)


def _parse_node(cells: list[str]) -> Node:
    state, flags = split_node_state(cells[3])
    cpus = [int(count) for count in cells[4].split("/")]
    if len(cpus) != 4 or not cells[0] or not cells[1]:
        raise ValueError(f"sinfo: not a node: {cells!r}")
    gpus = parse_gpus(cells[5])
    # A cell that fills its width was perhaps cut: then no GPU of that node is promised to anybody.
    used = gpus if len(cells[6]) >= _WIDE else parse_gpus(cells[6])
    return Node(
        name=cells[1],
        address=cells[2],
        state=state,
        flags=flags,
        cpus_free=cpus[1],
        cpus_total=cpus[3],
        gpus=gpus,
        gpus_used=used,
    )


def split_node_state(text: str) -> tuple[str, str]:
    """Split a node state such as ``MIXED*`` into its word in lower case and its suffix characters."""
    match = _STATE.fullmatch(text.strip().lower())
    if match is None:
        raise ValueError(f"sinfo: not a node state: {text!r}")
    return match["word"], match["flags"]


def parse_gpus(text: str) -> dict[str, int]:
    """Parse Gres or GresUsed (``gpu:v100:2(S:0-1),slot:10``) into GPUs by type; without a type they are ``gpu``."""
    counts: dict[str, int] = {}
    for part in re.split(r",(?![^()]*\))", text.strip()):
        match = _GRES.fullmatch(part)
        if match is None:
            continue
        kind = match["kind"] if match["kind"] not in (None, "(null)", "no_consume") else "gpu"
        count = int(match["count"] or 1)
        if count or kind != "gpu":
            counts[kind] = counts.get(kind, 0) + count
    return counts


def parse_partitions(text: str) -> tuple[Queue, ...]:
    """Parse ``scontrol --oneliner show partition``; nodes and jobs are not counted."""
    return tuple(_parse_partition(line) for line in text.splitlines() if line.strip())


def _parse_partition(line: str) -> Queue:
    values = dict(pair.split("=", 1) for pair in line.split() if "=" in pair)
    if not {"PartitionName", "State", "MaxTime", "DefaultTime"} <= set(values):
        raise ValueError(f"scontrol: not a partition: {line[:200]!r}")
    max_nodes = values.get("MaxNodes", "UNLIMITED")
    return Queue(
        name=values["PartitionName"],
        counts=NodeCounts(),
        state=values["State"].upper(),
        exclusive=values.get("OverSubscribe", "") == "EXCLUSIVE",
        default_time=parse_duration(values["DefaultTime"]),
        max_time=parse_duration(values["MaxTime"]),
        max_nodes=int(max_nodes) if re.fullmatch("[0-9]+", max_nodes) else None,
        allow_groups=_parse_names(values.get("AllowGroups", "ALL")),
        allow_accounts=_parse_names(values.get("AllowAccounts", "ALL")),
    )


def _parse_names(text: str) -> tuple[str, ...]:
    return () if text == "ALL" else tuple(name for name in text.split(",") if name)


def parse_jobs(text: str, separator: str) -> tuple[Job, ...]:
    """Parse ``squeue --Format`` with JOB_FIELDS, each followed by ``separator``."""
    return tuple(_parse_job(row) for row in split_rows(text, separator, len(JOB_FIELDS), "squeue"))


def _parse_job(cells: list[str]) -> Job:
    status = int(cells[10])
    return Job(
        id=parse_id(cells[0]),
        name=cells[11],
        user=cells[1],
        state=parse_state(cells[2]),
        partition=cells[3],
        reason="" if cells[4].lower() in _NOTHING else cells[4],
        submitted_at=parse_moment(cells[5]),
        started_at=parse_moment(cells[6]),
        ended_at=parse_moment(cells[7]),
        time_limit=parse_duration(cells[8]),
        batch_host="" if cells[9].lower() in _NOTHING else cells[9],
        # A wait status as of wait(2): what the script returned, or the signal that ended it (sacct says the same).
        exit_code=0 if status & 0x7F else status >> 8 & 0xFF,
        exit_signal=status & 0x7F,
    )


def parse_records(text: str, separator: str) -> tuple[Job, ...]:
    """Parse ``sacct --parsable --delimiter=separator`` with RECORD_FIELDS; a job that ran twice is there twice."""
    return tuple(_parse_record(row) for row in split_rows(text, separator, len(RECORD_FIELDS), "sacct"))


def _parse_record(cells: list[str]) -> Job:
    code, _, signal = cells[9].partition(":")
    single_node = re.fullmatch(r"[^\[\],\s]+", cells[8]) and cells[8].lower() not in _NOTHING
    return Job(
        id=parse_id(cells[0]),
        user=cells[1],
        state=parse_state(cells[2]),
        partition=cells[3],
        submitted_at=parse_moment(cells[4]),
        started_at=parse_moment(cells[5]),
        ended_at=parse_moment(cells[6]),
        time_limit=parse_duration(cells[7]),
        batch_host=cells[8] if single_node else "",
        exit_code=int(code),
        exit_signal=int(signal or 0),
        name=cells[10],
    )


def split_rows(text: str, separator: str, width: int, program: str) -> Iterator[list[str]]:
    """Cut an answer into rows of ``width`` cells, each cell followed by ``separator``."""
    cells = text.split(separator)
    if len(cells) % width != 1 or cells[-1].strip():
        raise ValueError(f"{program}: the answer is not made of whole rows")
    for start in range(0, len(cells) - 1, width):
        yield [cell.strip() for cell in cells[start : start + width]]


def parse_id(text: str) -> int:
    """Parse the number of a job."""
    if not re.fullmatch("[0-9]{1,10}", text):
        raise ValueError(f"not a job id: {text!r}")
    return int(text)


def parse_state(text: str) -> JobState:
    """A word we do not know is no end: UNKNOWN. ``CANCELLED by 1001`` is CANCELLED; LOST is never Slurm's word."""
    word = text.split(maxsplit=1)[0].rstrip("+") if text else ""
    return JobState(word) if word in JobState.__members__ and word != JobState.LOST else JobState.UNKNOWN


def parse_job_id(text: str) -> int:
    """Parse what ``sbatch --parsable`` prints: ``ID`` or ``ID;CLUSTER``."""
    return parse_id(text.strip().split(";", 1)[0])


def parse_configuration(text: str) -> Configuration:
    """Parse ``scontrol show config``."""
    values = {key.strip(): value.strip() for key, _, value in (line.partition("=") for line in text.splitlines())}
    if "AccountingStorageType" not in values or "PrivateData" not in values:
        raise ValueError("scontrol: not a configuration")
    private = frozenset(word for word in values["PrivateData"].lower().split(",") if word and word != "none")
    return Configuration(
        accounting=values["AccountingStorageType"] != "accounting_storage/none",
        private_data=private,
        cluster=values.get("ClusterName", ""),
        tres=frozenset(word for word in values.get("AccountingStorageTRES", "").lower().split(",") if word),
        tracks_by=values.get("ProctrackType", ""),
        counts_by=values.get("JobAcctGatherType", ""),
    )
