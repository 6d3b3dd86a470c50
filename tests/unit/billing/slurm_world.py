"""A Slurm that exists in memory: jobs that come and go, and what sacct, squeue and its counters say of them.

Accounting hears of everything late by ``lag``, in any order, and in pieces, as the real one does after an outage.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from tests.unit.billing.entries import NOON

from neuronhub.errors import SlurmUnavailable
from neuronhub.site import Site
from neuronhub.slurm.types import Job, JobState
from neuronhub.slurm.usage import Usage

SECOND = timedelta(seconds=1)
NEVER = timedelta(0)
BILLING = {"v100": 50, "a100": 200, "jupyter": 0}
UNITS = {"v100": (1, 8, 2), "a100": (2, 32, 16), "jupyter": (1, 1, 0)}
"""Nodes, cores and GPUs that a job gets in each queue."""


def make_site(**billing: object) -> Site:
    """A site with a queue by node, one by GPU, whose prices change, and a free one."""
    return Site.model_validate(
        {
            "hub": {
                "name": "nh",
                "public_url": "https://hub.example.org",
                "proxy_token_file": "/run/token",
                "cookie_secret_file": "/run/cookie",
                "start_key_file": "/run/key",
                "state_dir": "/var/lib/neuronhub",
            },
            "queues": [
                {"name": "jupyter", "kind": "shared", "places_per_node": 10},
                {"name": "v100", "prices": [{"amount": "12000"}, {"amount": "13001", "valid_from": NOON + 6 * HOUR}]},
                {"name": "a100", "prices": [{"amount": "1999.5", "per": "gpu-hour"}]},
            ],
            "billing": {"time_zone": "Asia/Seoul", "away": {"after": 60}} | billing,
        }
    )


HOUR = timedelta(hours=1)


@dataclass
class World:
    """Slurm's commands, as far as the collector and reconcile use them."""

    now: datetime = NOON
    lag: timedelta = timedelta(0)
    accounting_away: bool = False
    controller_away: bool = False
    jobs: dict[int, Job] = field(default_factory=dict)
    """squeue."""
    counters: dict[str, int] = field(default_factory=dict)
    billed: dict[str, int] = field(default_factory=dict)
    """What slurmdbd has summed up of whole hours."""
    asked: list[tuple[tuple[int, ...], tuple[str, ...]]] = field(default_factory=list)
    _told: list[tuple[datetime, Usage]] = field(default_factory=list)
    _current: dict[int, Usage] = field(default_factory=dict)

    def advance(self, length: timedelta) -> None:
        """Let time pass."""
        self.now += length

    def submit(self, name: str, *, user: str = "ada", account: str = "physics", queue: str = "v100") -> int:
        """A new job, which waits."""
        number = len(self._current) + 1
        self._set(
            Usage(
                cluster="neuron",
                job_id=number,
                submitted_at=self.now,
                restart=0,
                name=name,
                user=user,
                account=account,
                partition=queue,
                state=JobState.PENDING,
                started_at=None,
                ended_at=None,
                elapsed_s=0,
            )
        )
        return number

    def begin(self, number: int) -> None:
        """It gets its nodes."""
        nodes, cpus, gpus = UNITS[self._current[number].partition]
        self._set(
            replace(
                self._current[number],
                state=JobState.RUNNING,
                started_at=self.now,
                nodes=nodes,
                cpus=cpus,
                gpus=gpus,
                billing=BILLING[self._current[number].partition],
            )
        )

    def end(
        self, number: int, state: JobState = JobState.COMPLETED, *, exit_code: int = 0, suspended: timedelta = NEVER
    ) -> Usage:
        """It ends, or is cancelled while it waits."""
        usage = self._current[number]
        elapsed_s = int((self.now - usage.started_at - suspended).total_seconds()) if usage.started_at else 0
        started_at = usage.started_at or self.now
        ended = replace(
            usage, state=state, exit_code=exit_code, started_at=started_at, ended_at=self.now, elapsed_s=elapsed_s
        )
        self._set(ended)
        counted = self.counters.get(ended.account, 0)
        self.counters[ended.account] = counted + ended.billing * ended.elapsed_s
        return ended

    def requeue(self, number: int, state: JobState = JobState.REQUEUED) -> Usage:
        """It ends, and waits again under the same id, submitted now. Returns what has ended."""
        ended = self.end(number, state)
        waiting = replace(
            ended, submitted_at=self.now, state=JobState.PENDING, started_at=None, ended_at=None, elapsed_s=0
        )
        self._set(replace(waiting, nodes=0, cpus=0, gpus=0, billing=0, exit_code=0))
        return ended

    def change(self, number: int, **changes: object) -> None:
        """Something of its latest segment becomes another."""
        self._set(replace(self._current[number], **changes))  # type: ignore[arg-type]

    def hide(self, number: int) -> None:
        """slurmctld forgets it, as it does some minutes after its end."""
        del self.jobs[number]

    def lose(self, number: int) -> None:
        """slurmctld forgets it before accounting has heard of it."""
        self.hide(number)
        self._told = [(at, usage) for at, usage in self._told if usage.job_id != number]

    def latest(self, number: int) -> Usage:
        """The segment that a job is in, as it really is."""
        return self._current[number]

    def read(self) -> list[Usage]:
        """What accounting knows now: of each segment the latest that has arrived, with the seconds so far."""
        known: dict[tuple[int, datetime], Usage] = {}
        for at, usage in self._told:
            if at <= self.now:
                known[usage.job_id, usage.submitted_at] = usage
        return [self._count(usage) for usage in known.values()]

    async def fetch_usage(self, ids: Collection[int], names: Collection[str], since: datetime) -> tuple[Usage, ...]:
        """sacct."""
        self.asked.append((tuple(ids), tuple(names)))
        self._refuse(self.accounting_away)
        return tuple(
            one
            for one in self.read()
            if one.job_id in ids or (one.name in names and (one.ended_at is None or one.ended_at >= since))
        )

    async def fetch_window(
        self, since: datetime, until: datetime, partitions: Collection[str] = ()
    ) -> tuple[Usage, ...]:
        """sacct."""
        self._refuse(self.accounting_away)
        return tuple(
            one
            for one in self.read()
            if (not partitions or one.partition in partitions)
            and one.submitted_at < until
            and (one.ended_at is None or one.ended_at >= since)
        )

    async def fetch_jobs(self) -> tuple[Job, ...]:
        """squeue."""
        self._refuse(self.controller_away)
        return tuple(self.jobs.values())

    async def fetch_counters(self) -> dict[str, int]:
        """scontrol."""
        self._refuse(self.controller_away)
        return dict(self.counters)

    async def fetch_billed(self, since: datetime, until: datetime) -> dict[str, int]:
        """sreport."""
        self._refuse(self.accounting_away)
        return dict(self.billed)

    def _set(self, usage: Usage) -> None:
        self._current[usage.job_id] = usage
        self._told.append((self.now + self.lag, usage))
        self.jobs[usage.job_id] = Job(usage.job_id, usage.name, usage.user, usage.partition, usage.state)

    def _count(self, usage: Usage) -> Usage:
        if usage.started_at is None or usage.ended_at is not None:
            return usage
        return replace(usage, elapsed_s=int((self.now.astimezone(UTC) - usage.started_at).total_seconds()))

    def _refuse(self, away: bool) -> None:
        if away:
            raise SlurmUnavailable("Slurm is away.")
