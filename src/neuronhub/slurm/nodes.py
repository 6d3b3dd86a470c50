"""What the states of nodes mean for a queue: each node is counted once, and GPUs are free only where a job can start.

Pure. The table here is the documentation of Alloc, Idle and Down on the start page.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final, Literal

from neuronhub.slurm.types import GpuCount, Job, JobState, Node, NodeCounts, Queue

Use = Literal["alloc", "idle", "down"]

USES: Final[Mapping[str, Use]] = {
    # In use: jobs of somebody run there. A node that is draining or failing is in use until its last job is over,
    # as in sinfo's own A/I/O/T column.
    "allocated": "alloc",
    "alloc": "alloc",
    "mixed": "alloc",
    "mix": "alloc",
    "completing": "alloc",
    "comp": "alloc",
    "draining": "alloc",
    "drng": "alloc",
    "failing": "alloc",
    "failg": "alloc",
    # Free to use: nothing runs there and Slurm may put a job there now. "planned" is kept for a waiting job, and a
    # job that is over before that one begins may still start there.
    "idle": "idle",
    "planned": "idle",
    "plnd": "idle",
    # Not usable: nothing runs there and nothing will be started there without an operator, or not now.
    "blocked": "down",
    "boot": "down",
    "canc_r": "down",
    "cancel_reboot": "down",
    "cloud": "down",
    "down": "down",
    "drain": "down",
    "drained": "down",
    "fail": "down",
    "future": "down",
    "futr": "down",
    "inval": "down",
    "maint": "down",
    "npc": "down",
    "perfctrs": "down",
    "pow_dn": "down",
    "pow_up": "down",
    "power_down": "down",
    "power_up": "down",
    "powered_dn": "down",
    "powered_down": "down",
    "powering_down": "down",
    "powering_up": "down",
    "powring_dn": "down",
    "reboot": "down",
    "reboot_issued": "down",
    "reboot_requested": "down",
    "reserved": "down",
    "resv": "down",
    "resume": "down",
    "resm": "down",
    "unknown": "down",
    "unk": "down",
    "?": "down",
}
"""Slurm's words for a node, long and compact, in lower case. A word that is not here counts as down: what we do not
understand is never promised to anybody."""

FLAGS: Final[Mapping[str, str]] = {
    "*": "does not respond",
    "$": "in a maintenance reservation",
    "@": "will be rebooted",
    "^": "is being rebooted",
    "!": "will be powered down",
    "%": "is being powered down",
    "~": "is powered down; Slurm wakes it up for a job",
    "#": "is being powered up",
    "-": "planned for a waiting job",
    "+": "some of its jobs are completing",
}
"""Slurm's suffix characters of a state."""

_UNUSABLE = frozenset("*$@^!%")
"""An idle node with one of these takes no job: it counts as down."""
_NOT_NOW = _UNUSABLE | frozenset("~#")
"""A node with one of these cannot begin a job this second."""

UNTYPED = "gpu"
"""The type of GPUs to which the site gave none."""


def classify_node(state: str, flags: str) -> Use:
    """Say how a node counts, from Slurm's base word and suffix characters."""
    use = USES.get(state, "down")
    return "down" if use == "idle" and _UNUSABLE & set(flags) else use


def can_start(node: Node) -> bool:
    """True when Slurm may begin a job on ``node`` this second, if the job is small enough."""
    return node.state in ("idle", "planned", "plnd", "mixed", "mix") and not _NOT_NOW & set(node.flags)


def count_nodes(nodes: Iterable[Node], *, closed: bool = False) -> NodeCounts:
    """Count every node exactly once. ``closed``: nothing starts here, so that idle nodes are not usable either."""
    uses = Counter(classify_node(node.state, node.flags) for node in nodes)
    if closed:
        return NodeCounts(alloc=uses["alloc"], down=uses["idle"] + uses["down"])
    return NodeCounts(alloc=uses["alloc"], idle=uses["idle"], down=uses["down"])


def count_gpus(nodes: Iterable[Node], *, whole_nodes: bool, closed: bool = False) -> tuple[GpuCount, ...]:
    """Count GPUs by type, in the order of type.

    ``whole_nodes``: a start takes the whole node, so only idle nodes have free GPUs. ``closed``: nothing starts.
    """
    total: Counter[str] = Counter()
    free: Counter[str] = Counter()
    for node in nodes:
        total.update(node.gpus)
        in_part = whole_nodes and classify_node(node.state, node.flags) != "idle"
        if can_start(node) and node.cpus_free > 0 and not closed and not in_part:
            free.update(_free_gpus(node))
    return tuple(GpuCount(kind, free[kind], total[kind]) for kind in sorted(total))


def _free_gpus(node: Node) -> dict[str, int]:
    """Slurm may report use without a type on a node whose GPUs have one: that use is taken off the types in turn."""
    free = {kind: max(0, count - node.gpus_used.get(kind, 0)) for kind, count in node.gpus.items()}
    unplaced = sum(count for kind, count in node.gpus_used.items() if kind not in node.gpus)
    for kind in sorted(free):
        taken = min(unplaced, free[kind])
        free[kind] -= taken
        unplaced -= taken
    return free


def fill_queue(partition: Queue, nodes: Iterable[tuple[str, Node]], jobs: Iterable[Job]) -> Queue:
    """Return ``partition`` with its nodes out of ``nodes`` (partition, node) and its jobs counted.

    A node of several partitions is in each of them. A job that waits for one of several partitions waits in each.
    """
    own = {node.name: node for name, node in nodes if name == partition.name}
    here = [job for job in jobs if partition.name in job.partition.split(",")]
    holding = [
        job for job in here if not job.state.waiting and not job.state.ended and job.state is not JobState.UNKNOWN
    ]
    return replace(
        partition,
        counts=count_nodes(own.values(), closed=not partition.open),
        nodes=tuple(own.values()),
        gpus=count_gpus(own.values(), whole_nodes=partition.exclusive, closed=not partition.open),
        waiting_jobs=sum(job.state.waiting for job in here),
        running_jobs=len(holding),
        jobs_on=Counter(job.batch_host for job in holding),
    )
