"""Text of sacct, sacctmgr, sstat and scontrol's counters in, what billing reads out; pure. Formats stand beside them.

Seen on Slurm 22.05, whose slurmdbd keeps one row for each job id and submit time, and no other key is as good:

- A requeue ends a segment as REQUEUED and begins a new one, with the same id, submitted at that second. The new one
  is not to be seen before it may start: for two minutes a requeued job looks as if it had ended for good.
- Requeued within the second of its submit, both are one row: the latter.
- Time suspended is within Start and End, and not in ElapsedRaw.
- Cancelled while waiting: begun and ended at the same second, or never begun, without AllocTRES. If it was to wait
  for a later moment (--begin), only a window that reaches beyond that moment shows it, or its id.
- A renamed job has its new name, in all its rows that are written afterwards.
- The tasks of an array have ids of their own; the last one has the array's.
- While slurmdbd is away slurmctld keeps what it has to tell. For some seconds afterwards records are in pieces: a
  state of end without End, a later segment without the one before it, a job of which only the end is there
  (``allocation``, without partition and TRES). So a segment has ended only when End says so.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace

from neuronhub.slurm.parse import parse_id, parse_state, split_rows
from neuronhub.slurm.times import parse_duration, parse_moment
from neuronhub.slurm.usage import Association, Associations, Usage, Work

USAGE_FIELDS = (
    "Cluster",
    "JobIDRaw",
    "Submit",
    "Start",
    "End",
    "ElapsedRaw",
    "User",
    "Account",
    "Partition",
    "State",
    "AllocTRES",
    "ExitCode",
    "JobName",
)
"""``sacct --allocations --duplicates --format``; with --parsable each is followed by the separator."""
MEMBER_FIELDS = ("User", "DefaultAccount", "Account", "Partition", "Cluster")
"""``sacctmgr --parsable2 show user withassoc format``; names here are the operators', so a bar is safe."""
COORDINATOR_FIELDS = ("Account", "Coordinators")
"""``sacctmgr --parsable2 show account withcoord format``."""
BILLED_FIELDS = ("Cluster", "Account", "Login", "Used")
"""``sreport --parsable2 --tres=billing -t Seconds cluster AccountUtilizationByUser format``."""
WORK_FIELDS = ("JobID", "NTasks", "TRESUsageInTot")
"""``sstat --allsteps --parsable2 --format``."""
STEP_FIELDS = ("JobID", "State")
"""``sacct --parsable2 --format``, jobs and their steps."""

_GPU_SHARE = "gres/gpuutil"
"""The one figure of TRESUsageInTot that is no sum over time, but a percentage at the latest sample."""
_COUNTER = re.compile(
    r"ClusterName=\S* Account=(?P<account>\S+) UserName=(?P<user>\S*) .*?"
    r" UsageRaw/Norm/Efctv=(?P<usage>[0-9]+)(?:\.[0-9]+)?/\S+ ParentAccount=(?P<parent>[^\s(]*)"
)


def parse_usage(text: str, separator: str) -> tuple[Usage, ...]:
    """Parse ``sacct --parsable --delimiter=separator`` with USAGE_FIELDS: all segments, the earliest first."""
    rows = [_parse_segment(row) for row in split_rows(text, separator, len(USAGE_FIELDS), "sacct")]
    rows.sort(key=lambda one: (one.submitted_at, one.job_id, one.started_at or one.submitted_at))
    seen: Counter[tuple[str, int, float]] = Counter()
    numbered = []
    for row in rows:
        key = (row.cluster, row.job_id, row.submitted_at.timestamp())
        numbered.append(replace(row, restart=seen[key]))
        seen[key] += 1
    return tuple(numbered)


def _parse_segment(cells: list[str]) -> Usage:
    submitted_at, started_at, ended_at = (parse_moment(cell) for cell in cells[2:5])
    if submitted_at is None or not cells[0]:
        raise ValueError(f"sacct: not a record of a job: {cells[:6]!r}")
    tres = parse_tres(cells[10])
    code, _, signal = cells[11].partition(":")
    return Usage(
        cluster=cells[0],
        job_id=parse_id(cells[1]),
        submitted_at=submitted_at,
        restart=0,
        started_at=started_at,
        ended_at=ended_at,
        elapsed_s=int(cells[5]),
        user=cells[6],
        account=cells[7],
        partition=cells[8],
        state=parse_state(cells[9]),
        nodes=tres.get("node", 0),
        cpus=tres.get("cpu", 0),
        gpus=count_gpus(tres),
        billing=tres.get("billing", 0),
        exit_code=int(code),
        exit_signal=int(signal or 0),
        name=cells[12],
    )


def parse_tres(text: str) -> dict[str, int]:
    """Parse the counted ones of ``billing=100,cpu=8,gres/gpu=4,mem=16000M,node=1``; those with a unit are left out."""
    pairs = (pair.partition("=") for pair in text.split(",") if pair)
    return {name: int(count) for name, _, count in pairs if re.fullmatch("[0-9]+", count)}


def count_gpus(tres: dict[str, int]) -> int:
    """GPUs of all types; where Slurm accounts for the types as well, none is counted twice."""
    typed = sum(count for name, count in tres.items() if name.startswith("gres/gpu:"))
    return tres.get("gres/gpu", typed)


def parse_associations(members: str, coordinators: str, cluster: str) -> Associations:
    """Parse ``sacctmgr show user withassoc`` and ``show account withcoord``; other clusters' are left out."""
    rows = [row for row in _cut(members, MEMBER_FIELDS) if row[4] == cluster and row[2]]
    return Associations(
        members=tuple(Association(account=row[2], user=row[0], partition=row[3]) for row in rows),
        defaults={row[0]: row[1] for row in rows if row[1]},
        coordinators={row[0]: frozenset(row[1].split(",")) for row in _cut(coordinators, COORDINATOR_FIELDS) if row[1]},
    )


def _cut(text: str, fields: tuple[str, ...], program: str = "sacctmgr") -> list[list[str]]:
    rows = [line.split("|") for line in text.splitlines() if line]
    if any(len(row) != len(fields) for row in rows):
        raise ValueError(f"{program}: the answer is not made of whole rows")
    return rows


def parse_work(text: str) -> dict[int, Work]:
    """Parse ``sstat`` with WORK_FIELDS: job -> the sum of its steps.

    Jobs without a running step are not there, nor those of which a step has no figure (jobacct_gather/none).
    """
    steps: dict[int, list[dict[str, str]]] = {}
    for line in text.splitlines():
        step, _, usage = line.split("|", 2)
        figures = dict(pair.partition("=")[::2] for pair in usage.split(",") if pair)
        steps.setdefault(parse_id(step.partition(".")[0]), []).append(figures)
    return {job: _add_steps(figures) for job, figures in steps.items() if all("cpu" in one for one in figures)}


def _add_steps(steps: list[dict[str, str]]) -> Work:
    spent = [parse_duration(step["cpu"]) for step in steps]
    if None in spent:
        raise ValueError(f"sstat: not a time: {steps!r}")
    shares = [float(step[_GPU_SHARE]) for step in steps if _GPU_SHARE in step]
    cpu_s = sum(one.total_seconds() for one in spent if one is not None)
    return Work(cpu_s, sum(shares) if shares else None)


def parse_steps_ended(text: str) -> dict[int, int]:
    """Parse ``sacct`` with STEP_FIELDS: job -> how many of its steps are over; a job without any has 0."""
    ended: Counter[int] = Counter()
    for step, state in _cut(text, STEP_FIELDS, "sacct"):
        job, _, name = step.partition(".")
        ended[parse_id(job)] += bool(name) and parse_state(state).ended
    return dict(ended)


def parse_billed(text: str) -> dict[str, int]:
    """Parse ``sreport cluster AccountUtilizationByUser`` with BILLED_FIELDS: account -> the sum of its users' seconds.

    An account's own row holds those of accounts below it as well.
    """
    totals: Counter[str] = Counter()
    for _, account, user, used in _cut(text, BILLED_FIELDS, "sreport"):
        if user:
            totals[account] += int(used)
    return dict(totals)


def parse_counters(text: str) -> dict[str, int]:
    """Parse ``scontrol --oneliner show assoc_mgr flags=assoc``: account -> its own UsageRaw, without accounts below it.

    UsageRaw grows by the job's billing every second, unless the site lets it decay.
    """
    totals: dict[str, int] = {}
    below: Counter[str] = Counter()
    for line in text.splitlines():
        match = _COUNTER.search(line)
        if match is not None and not match["user"]:
            totals[match["account"]] = int(match["usage"])
            below[match["parent"]] += int(match["usage"])
    if not totals:
        raise ValueError("scontrol: no association")
    return {account: usage - below[account] for account, usage in totals.items()}
