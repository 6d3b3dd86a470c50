"""Submitting one job exactly once, although sbatch may fail after Slurm has accepted the job; and cancelling it."""

from __future__ import annotations

import asyncio
import logging

from neuronhub.errors import SlurmNotPermitted, SlurmRefused, SlurmUnavailable
from neuronhub.slurm.types import Job, JobRef, JobRequest, JobState
from neuronhub.slurm.watch import Pace
from neuronhub.spawn.desk import Desk

log = logging.getLogger("neuronhub.spawn")

TRIES = 3
LOOK_S = 0.5


async def submit_once(desk: Desk, request: JobRequest) -> int:
    """Submit ``request`` and return the job's id; the caller owns the job's name already, and the till has noted it.

    When sbatch fails without a clear no, the watcher is asked whether a job of that name exists before
    anything is submitted again: seen on real Slurm, sbatch timed out and the job ran. While Slurm is silent
    this waits. Raises SlurmRefused when Slurm says no, SlurmUnavailable after TRIES silent failures; what was held
    back for the job is free again only after a clear no.
    """
    try:
        job_id = await _submit(desk, request)
    except (SlurmRefused, SlurmNotPermitted):
        await desk.till.close([request.name])
        raise
    await desk.till.note_job(request.name, job_id)
    return job_id


async def _submit(desk: Desk, request: JobRequest) -> int:
    ref = JobRef(request.user, request.name)
    for attempt in range(1, TRIES + 1):
        try:
            return await desk.commands.submit(request)
        except SlurmUnavailable as error:
            log.warning("sbatch of %s gave no clear answer (try %d): %s", request.name, attempt, error)
        if (found := await find_job(desk, ref)) is not None:
            log.info("Slurm has accepted %s all the same, as job %d", request.name, found)
            return found
    raise SlurmUnavailable(f"sbatch failed {TRIES} times without an answer from Slurm")


async def find_job(desk: Desk, ref: JobRef) -> int | None:
    """Wait until Slurm tells for sure: the id of the job called ``ref.name``, or None if there is none."""
    desk.watch.unfollow(ref.name)
    desk.watch.follow(ref, Pace.URGENT)
    while True:
        job = desk.watch.job(ref.name)
        if job is not None and job.state is JobState.LOST:
            return None
        if job is not None and job.id and job.state is not JobState.UNKNOWN:
            return job.id
        await asyncio.sleep(LOOK_S)


async def cancel_job(desk: Desk, ref: JobRef, job: Job | None) -> None:
    """Have Slurm end the job, which was last seen as ``job``; raises SlurmError. May be repeated."""
    # By name as well: Slurm may have given the id to another job, and may not have told us the id.
    renamed = job is not None and job.name != ref.name
    await desk.commands.cancel(ref.user, [] if ref.id is None else [ref.id], name=None if renamed else ref.name)
