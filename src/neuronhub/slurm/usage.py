"""What Slurm's accounting knows: of jobs, of whom they are charged to, of what they compute. Frozen values, no I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from neuronhub.slurm.types import JobState


@dataclass(frozen=True, slots=True)
class Usage:
    """What accounting (sacct) has on one segment of a job: one run of it, from its submit to its end or a requeue."""

    cluster: str
    job_id: int
    submitted_at: datetime
    restart: int
    """How many segments of the same job, with the same submit time, came before this one."""
    name: str
    user: str
    account: str
    partition: str
    state: JobState
    started_at: datetime | None
    """None: it has not begun, or never did."""
    ended_at: datetime | None
    """None: it has not ended."""
    elapsed_s: int
    """Slurm's ElapsedRaw: suspended time is not in it."""
    nodes: int = 0
    """AllocTRES, as are the next three."""
    cpus: int = 0
    gpus: int = 0
    billing: int = 0
    """Slurm's own weight of the job (TRESBillingWeights); its counters grow by this every second."""
    exit_code: int = 0
    exit_signal: int = 0

    @property
    def over(self) -> bool:
        """It has ended, and accounting has heard all of it: pieces of a record arrive one after the other."""
        told = self.partition != "" and (self.elapsed_s == 0 or self.nodes > 0)
        return told and self.ended_at is not None and self.state not in _GOING_ON


_GOING_ON = frozenset({JobState.PENDING, JobState.RUNNING, JobState.SUSPENDED, JobState.UNKNOWN})


@dataclass(frozen=True, slots=True)
class Association:
    """A user's membership of an account (sacctmgr)."""

    account: str
    user: str
    partition: str = ""
    """Only this partition; '': all."""


@dataclass(frozen=True, slots=True)
class Associations:
    """Who may have jobs charged to what (sacctmgr), of one cluster, at one moment."""

    members: tuple[Association, ...]
    defaults: Mapping[str, str]
    """User -> the account that Slurm takes when a job names none."""
    coordinators: Mapping[str, frozenset[str]]
    """Account -> users who coordinate it."""

    def accounts_of(self, user: str, partition: str) -> tuple[str, ...]:
        """Accounts of ``user`` that may be charged for a job in ``partition``, the default first."""
        found = {a.account for a in self.members if a.user == user and a.partition in ("", partition)}
        return tuple(sorted(found, key=lambda account: (account != self.defaults.get(user), account)))

    def coordinated_by(self, user: str) -> tuple[str, ...]:
        """Accounts that ``user`` coordinates, sorted."""
        return tuple(sorted(account for account, users in self.coordinators.items() if user in users))


@dataclass(frozen=True, slots=True)
class Work:
    """What the processes of a running job have used so far (sstat)."""

    cpu_s: float
    """Seconds of one core, in whole ones; grows until the job ends."""
    gpu_percent: float | None = None
    """Of one GPU, at Slurm's latest sample, where it accounts for gres/gpuutil; None where it does not."""
    steps_ended: int = 0
    """How many of the job's steps are over: sstat forgets them and what they used (sacct)."""
