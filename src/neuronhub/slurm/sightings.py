"""What is known of each followed job, and when its absence from Slurm's answers is an end. Pure; the clock is given.

A job is found by user and name, and by id once that is known: an id may be given out again, and the same id with
another name is another job, unless it was submitted at the very time when ours was: then its owner has renamed it.
Only three things end a job:

1. squeue shows it in a state of end (slurmctld remembers it for MinJobAge);
2. squeue has answered well without it, twice and CONFIRM_S apart, by questions that were put after follow() and so
   after the submit; and accounting has a record of its end: that record is its state;
3. the same absence, and accounting answers but has no record of it, or after RECORD_GRACE_S still none of an end, or
   the site has no accounting: LOST.

So silence of squeue, or of sacct where the site has accounting, ends nothing; only of a name that was never seen, and
has no id, the same absence for NAME_GRACE_S is proof enough that there is no such job. Two kinds of good answers
count less: one without any job at all may come from a controller that has lost its state for a moment, and has to
stay like that for EMPTY_GRACE_S; and where Slurm shows people their own jobs only (PrivateData=jobs), an answer says
nothing of a job that was never seen unless it shows jobs of somebody else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import Enum

from neuronhub.slurm.types import Configuration, Job, JobRef, JobState

_LONG_AGO = datetime.fromtimestamp(0, UTC)

CONFIRM_S = 2.0
NAME_GRACE_S = 30.0
"""A name that no good answer has ever shown for so long was never submitted: slurmctld remembers even ended jobs."""
EMPTY_GRACE_S = 60.0
UNNAMED = "allocation"
"""What slurmdbd calls a job whose end it hears of before its start."""
RECORD_GRACE_S = 60.0
"""Accounting lags behind: for so long a record without an end is waited for."""


class Pace(Enum):
    """How often a followed job should be asked for; the value is in seconds."""

    URGENT = 2.0
    WAITING = 5.0
    RUNNING = 15.0


@dataclass(slots=True)
class Followed:
    """One followed job; ``since`` is when following began, on the clock of the questions."""

    ref: JobRef
    pace: Pace
    since: float
    job: Job | None = None
    missed_first: float | None = None
    missed_last: float = 0.0
    empty_only: bool = True
    """Every answer without it was empty altogether."""
    lost: bool = False
    private: bool = False
    """The newest answer shows no jobs of others, and this one was never seen: Slurm may be hiding it."""

    @property
    def ended(self) -> bool:
        """Nothing more is expected of this job."""
        return self.lost or (self.job is not None and self.job.state.ended)

    @property
    def absent(self) -> bool:
        """Well-answered questions have missed it twice, far enough apart."""
        return self.missed_first is not None and self.missed_last - self.missed_first >= CONFIRM_S and not self.ended

    @property
    def missing(self) -> bool:
        """The newest good answer was without it."""
        return self.missed_first is not None and not self.ended

    def see(self, job: Job) -> None:
        """Slurm shows the job."""
        self.job = job
        self.ref = replace(self.ref, id=job.id)
        self.lost = False
        self.missed_first = None
        self.empty_only = True

    def miss(self, asked_at: float, *, empty: bool, others: bool) -> None:
        """A good answer to a question put at ``asked_at`` did not have the job."""
        if self.ended or asked_at < self.since:
            return
        if self.missed_first is None or (self.empty_only and not empty):
            self.missed_first = asked_at
        self.empty_only = self.empty_only and empty
        self.missed_last = asked_at
        self.private = self.job is None and not others
        never_seen = self.job is None and self.ref.id is None and not self.empty_only and not self.private
        self.lost = never_seen and self.missed_last - self.missed_first >= NAME_GRACE_S

    def settle(self, record: Job | None, configuration: Configuration) -> None:
        """Decide on an absent job: ``record`` is what accounting has on it, None if nothing."""
        assert self.missed_first is not None
        if record is not None and record.state.ended:
            self.job = record
            self.ref = replace(self.ref, id=record.id)
            return
        missed_s = self.missed_last - self.missed_first
        grace_s = max(EMPTY_GRACE_S if self.empty_only else 0.0, RECORD_GRACE_S if record is not None else 0.0)
        hidden = self.private and "jobs" in configuration.private_data
        self.lost = missed_s >= grace_s and not hidden

    def describe(self, *, silent: bool) -> Job | None:
        """The newest knowledge; None when nothing was heard of the job yet. ``silent``: Slurm does not answer now."""
        if self.job is None and self.missed_first is None:
            return None
        job = self.job or Job(self.ref.id or 0, self.ref.name, self.ref.user, partition="", state=JobState.UNKNOWN)
        if self.lost:
            return replace(job, state=JobState.LOST)
        return job if self.ended or not (silent or self.missing) else replace(job, state=JobState.UNKNOWN)


@dataclass(slots=True)
class Sightings:
    """All followed jobs, by name."""

    own_user: str
    followed: dict[str, Followed] = field(default_factory=dict)

    def take_answer(self, jobs: Sequence[Job], asked_at: float) -> None:
        """Compare a good answer of squeue with what is followed."""
        answer = _Answer.of(jobs)
        others = any(job.user != self.own_user for job in jobs)
        for entry in self.followed.values():
            found = answer.find(entry)
            if found:
                entry.see(found[0])
            else:
                entry.miss(asked_at, empty=not jobs, others=others)

    def take_records(self, records: Sequence[Job], asked: Iterable[Followed], configuration: Configuration) -> None:
        """Decide on the jobs ``asked`` after accounting has answered with ``records``.

        A record that has no name yet may be anybody's with that id, so it is one without an end.
        """
        answer = _Answer.of(records)
        unnamed = _Answer.of(replace(job, name="", state=JobState.UNKNOWN) for job in records if job.name == UNNAMED)
        for entry in asked:
            if entry.absent:  # it may have been seen again while accounting was asked
                # A job that was requeued has a record for each of its runs.
                runs = answer.find(entry) or unnamed.of_id(entry.ref)
                entry.settle(max(runs, key=lambda job: job.submitted_at or _LONG_AGO, default=None), configuration)

    @property
    def absent(self) -> list[Followed]:
        """Jobs on which accounting has to be asked."""
        return [entry for entry in self.followed.values() if entry.absent]

    @property
    def missing(self) -> bool:
        """The newest answer was without some job."""
        return any(entry.missing for entry in self.followed.values())

    @property
    def pace_s(self) -> float | None:
        """How often squeue should be asked for the sake of the followed jobs; None when it need not."""
        paces = [
            (Pace.URGENT if entry.missing and not entry.absent else entry.pace).value
            for entry in self.followed.values()
            if not entry.ended
        ]
        return min(paces, default=None)


@dataclass(frozen=True, slots=True)
class _Answer:
    """Jobs of one answer, by user and name or id; the lowest id first."""

    by_name: Mapping[tuple[str, str], list[Job]]
    by_id: Mapping[tuple[str, int], list[Job]]

    @classmethod
    def of(cls, jobs: Iterable[Job]) -> _Answer:
        by_name: dict[tuple[str, str], list[Job]] = {}
        by_id: dict[tuple[str, int], list[Job]] = {}
        for job in sorted(jobs, key=lambda job: job.id):
            by_name.setdefault((job.user, job.name), []).append(job)
            by_id.setdefault((job.user, job.id), []).append(job)
        return cls(by_name, by_id)

    def of_id(self, ref: JobRef) -> list[Job]:
        return [] if ref.id is None else self.by_id.get((ref.user, ref.id), [])

    def find(self, entry: Followed) -> list[Job]:
        """All that is told of ``entry``'s job (accounting has one record for each run)."""
        ref = entry.ref
        named = [job for job in self.by_name.get((ref.user, ref.name), []) if ref.id in (None, job.id)]
        submitted = entry.job.submitted_at if entry.job else ref.submitted_at
        return named or [job for job in self.of_id(ref) if submitted is not None and job.submitted_at == submitted]
