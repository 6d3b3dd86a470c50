"""Which records of accounting belong to which start, and whether more of them may come. Pure.

A start is known by its job's id once Slurm has told it, and then whatever its name is now; before that by its unique
name. In either case it is a job of its user's. What is not found: a job that was submitted while the hub died, so that
its id is not noted, and that its user renames before the collector has seen it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta

from neuronhub.billing.types import Start
from neuronhub.slurm.types import Job, JobState
from neuronhub.slurm.usage import Usage

SKEW = timedelta(minutes=5)
"""How far the hub's clock and Slurm's may be apart, and how long a submit may take."""
AGAIN = frozenset({JobState.REQUEUED, JobState.REQUEUE_FED, JobState.REQUEUE_HOLD, JobState.SPECIAL_EXIT})
"""A segment that ended so is followed by another one, which accounting may not show yet."""


def find_segments(starts: Iterable[Start], found: Iterable[Usage]) -> dict[str, list[Usage]]:
    """Name of each of ``starts`` -> its segments among ``found``, the earliest first; without any: left out."""
    by_id: defaultdict[tuple[str, int], list[Usage]] = defaultdict(list)
    by_name: defaultdict[tuple[str, str], list[Usage]] = defaultdict(list)
    for usage in sorted(set(found), key=lambda one: (one.submitted_at, one.job_id, one.restart)):
        by_id[usage.user, usage.job_id].append(usage)
        by_name[usage.user, usage.name].append(usage)
    segments = {}
    for start in starts:
        if start.job_id is not None:
            segments[start.job_name] = _leave_others(start, by_id[start.user, start.job_id])
        else:
            segments[start.job_name] = _take_first(by_name[start.user, start.job_name], by_id)
    return {name: own for name, own in segments.items() if own}


def _leave_others(start: Start, same_id: Sequence[Usage]) -> list[Usage]:
    """Without a job of the same user that Slurm gave the same id: before, or after it had lost ours."""
    named = [usage for usage in same_id if usage.name == start.job_name]
    if named:
        return [usage for usage in same_id if usage.submitted_at >= named[0].submitted_at]
    since, until = start.noted_at - SKEW, start.noted_at + SKEW
    own = [usage for usage in same_id if usage.submitted_at >= since]
    return own if own and own[0].submitted_at <= until else []


def _take_first(named: Sequence[Usage], by_id: Mapping[tuple[str, int], list[Usage]]) -> list[Usage]:
    """The job that bore the name first: its user may have given it to others since."""
    if not named:
        return []
    first = named[0]
    return [usage for usage in by_id[first.user, first.job_id] if usage.submitted_at >= first.submitted_at]


def find_shown(starts: Iterable[Start], jobs: Iterable[Job]) -> frozenset[str]:
    """Names of those of ``starts`` whose jobs are among ``jobs`` of squeue."""
    known = {(job.user, key) for job in jobs for key in (job.id, job.name)}
    return frozenset(s.job_name for s in starts if known & {(s.user, s.job_id), (s.user, s.job_name)})


def has_ended(segments: Sequence[Usage]) -> bool:
    """All is told, and nothing says that more will come."""
    return all(usage.over for usage in segments) and segments[-1].state not in AGAIN
