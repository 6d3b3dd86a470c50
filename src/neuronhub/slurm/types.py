"""What the rest of NeuronHub knows of Slurm: frozen values, no I/O. Times are UTC-aware."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum


class JobState(StrEnum):
    """Slurm's job states (``squeue --help``, JOB STATE CODES) and ours for silence: UNKNOWN."""

    PENDING = "PENDING"
    CONFIGURING = "CONFIGURING"
    RUNNING = "RUNNING"
    SUSPENDED = "SUSPENDED"
    STOPPED = "STOPPED"
    RESIZING = "RESIZING"
    SIGNALING = "SIGNALING"
    STAGE_OUT = "STAGE_OUT"
    REQUEUED = "REQUEUED"
    REQUEUE_FED = "REQUEUE_FED"
    REQUEUE_HOLD = "REQUEUE_HOLD"
    RESV_DEL_HOLD = "RESV_DEL_HOLD"
    SPECIAL_EXIT = "SPECIAL_EXIT"
    COMPLETING = "COMPLETING"
    COMPLETED = "COMPLETED"
    CANCELLED = "CANCELLED"
    FAILED = "FAILED"
    TIMEOUT = "TIMEOUT"
    NODE_FAIL = "NODE_FAIL"
    PREEMPTED = "PREEMPTED"
    REVOKED = "REVOKED"
    OUT_OF_MEMORY = "OUT_OF_MEMORY"
    BOOT_FAIL = "BOOT_FAIL"
    DEADLINE = "DEADLINE"
    LOST = "LOST"
    """Ours: Slurm answers and knows no such job any more, and accounting has no record of its end."""
    UNKNOWN = "UNKNOWN"
    """Ours: Slurm has not answered (yet), or used a word we do not know. Never an end."""

    @property
    def ended(self) -> bool:
        """Slurm says that the job is over and holds no node any more."""
        return self in _ENDED

    @property
    def waiting(self) -> bool:
        """The job holds no node yet."""
        return self in _WAITING


_ENDED = frozenset(
    {
        JobState.COMPLETED,
        JobState.CANCELLED,
        JobState.FAILED,
        JobState.TIMEOUT,
        JobState.NODE_FAIL,
        JobState.PREEMPTED,
        JobState.REVOKED,
        JobState.OUT_OF_MEMORY,
        JobState.BOOT_FAIL,
        JobState.DEADLINE,
        JobState.LOST,
    }
)
_WAITING = frozenset(
    {
        JobState.PENDING,
        JobState.REQUEUED,
        JobState.REQUEUE_FED,
        JobState.REQUEUE_HOLD,
        JobState.RESV_DEL_HOLD,
        JobState.SPECIAL_EXIT,
    }
)


@dataclass(frozen=True, slots=True)
class JobRef:
    """A job is known by user and name (unique to one start) and, once Slurm has told it, by id as well.

    Slurm may give an id out again after slurmctld lost its newest state; the name never repeats.
    """

    user: str
    name: str
    id: int | None = None
    submitted_at: datetime | None = None
    """By Slurm's clock, if it was seen: by it a job is known again that its owner has renamed."""


@dataclass(frozen=True, slots=True)
class Job:
    """One job as squeue or sacct tells it."""

    id: int
    name: str
    user: str
    partition: str
    state: JobState
    reason: str = ""
    """Slurm's reason word for a waiting job (``Resources``, ``Priority``, ``AssocGrpBillingMinutes`` ...), or ''."""
    submitted_at: datetime | None = None
    started_at: datetime | None = None
    """When it began; for a waiting job Slurm's estimate, if it has one."""
    ended_at: datetime | None = None
    """When it ended; for a running job the time limit's end."""
    time_limit: timedelta | None = None
    """None: unlimited."""
    batch_host: str = ""
    """Name of the node that runs the script, or ''."""
    exit_code: int = 0
    exit_signal: int = 0


@dataclass(frozen=True, slots=True)
class NodeCounts:
    """Nodes of one queue, each counted exactly once: alloc + idle + down == total."""

    alloc: int = 0
    idle: int = 0
    down: int = 0

    @property
    def total(self) -> int:
        """All nodes of the queue."""
        return self.alloc + self.idle + self.down


@dataclass(frozen=True, slots=True)
class GpuCount:
    """GPUs of one type in one queue; ``free`` counts only those on nodes that can run something now."""

    type: str
    free: int
    total: int


@dataclass(frozen=True, slots=True)
class Node:
    """One node as sinfo tells it. ``state`` is Slurm's base word in lower case, ``flags`` its suffix characters."""

    name: str
    address: str
    state: str
    flags: str = ""
    cpus_free: int = 0
    cpus_total: int = 0
    gpus: Mapping[str, int] = field(default_factory=dict)
    """GPUs in the node by type."""
    gpus_used: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Queue:
    """A partition as a user sees it."""

    name: str
    counts: NodeCounts
    nodes: tuple[Node, ...] = ()
    gpus: tuple[GpuCount, ...] = ()
    waiting_jobs: int = 0
    running_jobs: int = 0
    jobs_on: Mapping[str, int] = field(default_factory=dict)
    """Jobs that hold a place now, by the node that runs their script."""
    state: str = "UP"
    """Slurm's partition state: UP, DOWN, DRAIN or INACTIVE."""
    exclusive: bool = False
    """A start takes whole nodes, whatever it asks for (OverSubscribe=EXCLUSIVE)."""
    default_time: timedelta | None = None
    """None: Slurm takes ``max_time``."""
    max_time: timedelta | None = None
    """None: unlimited."""
    max_nodes: int | None = None
    allow_groups: tuple[str, ...] = ()
    """Empty: everyone."""
    allow_accounts: tuple[str, ...] = ()

    @property
    def open(self) -> bool:
        """Accepts jobs and starts them."""
        return self.state == "UP"


@dataclass(frozen=True, slots=True)
class ClusterSnapshot:
    """What Slurm said of its nodes and partitions at one moment."""

    taken_at: datetime
    queues: tuple[Queue, ...]

    def queue(self, name: str) -> Queue | None:
        """The queue called ``name``, or None."""
        return next((queue for queue in self.queues if queue.name == name), None)


@dataclass(frozen=True, slots=True)
class Configuration:
    """What slurmctld says of itself (``scontrol show config``), as far as it decides what its silence means."""

    accounting: bool
    """Ended jobs can be asked for with sacct."""
    private_data: frozenset[str] = frozenset()
    """What people see of their own only (PrivateData), such as ``jobs``."""
    cluster: str = ""
    """Slurm's name of it; one slurmdbd may serve several."""
    tres: frozenset[str] = frozenset()
    """What accounting keeps of each job (AccountingStorageTRES), such as ``gres/gpu``."""
    tracks_by: str = ""
    """How Slurm finds a job's processes (ProctrackType)."""
    counts_by: str = ""
    """How it counts what they use (JobAcctGatherType)."""


@dataclass(frozen=True, slots=True)
class JobRequest:
    """A job to submit: every value is validated already, none of it is free text of a user."""

    user: str
    name: str
    partition: str
    time_limit: timedelta
    script: str
    """The batch script, given to sbatch on standard input."""
    nodes: int = 1
    exclusive: bool = False
    account: str | None = None
    output: str = "/dev/null"
    options: tuple[str, ...] = ()
    """Further sbatch options from the site file, such as ``--comment=jupyter``."""
