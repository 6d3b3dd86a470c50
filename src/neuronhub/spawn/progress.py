"""What the wait page shows of a start (row Q5). Pure."""

from __future__ import annotations

from typing import Any

from neuronhub.language import translate as _
from neuronhub.slurm.types import Job, JobState
from neuronhub.spawn.reasons import explain_reason
from neuronhub.spawn.record import StartRecord


def describe_progress(
    record: StartRecord | None, job: Job | None, problem: str | None, preparing: float | None = None
) -> dict[str, Any]:
    """One of JupyterHub's progress events (``progress`` 0-100, ``message``), with what we know of the job beside it.

    ``preparing`` is the share of the user's environment that is made, as the job itself has told.
    """
    if record is None:
        return {"progress": 5, "message": _("Checking the request."), "state": "CHECKING"}
    state = _state(record, job)
    if preparing is not None and (job is None or not job.state.ended) and state != "READY":
        state = JobState.RUNNING  # Slurm's word for it may come a little later
    waiting = job is not None and job.state.waiting and state != JobState.RUNNING
    reason = problem or (explain_reason(job.reason) if job and waiting else "")
    progress, message = _words(state, job, preparing)
    return {
        "progress": progress,
        "message": f"{message} {reason}".strip(),
        "state": state,
        "reason": reason,
        "job_id": record.job_id,
        "queue": record.queue,
        "submitted_at": record.submitted_at.isoformat(),
        "estimated_start": job.started_at.isoformat() if job and waiting and job.started_at else None,
        "preparing": preparing if state == JobState.RUNNING and preparing != 1 else None,
    }


def describe_facts(record: StartRecord, job: Job | None) -> dict[str, Any]:
    """What the pages show of a start: queue, job id, state, node, and its times (ISO 8601)."""
    started = job.started_at if job and not job.state.waiting else None
    ends = (job.ended_at if job else None) or (started + record.time_limit if started else None)
    return {
        "queue": record.queue,
        "job_id": record.job_id,
        "state": _state(record, job),
        "node": job.batch_host if job else "",
        "time_limit_s": int(record.time_limit.total_seconds()),
        "submitted_at": record.submitted_at.isoformat(),
        "started_at": started.isoformat() if started else None,
        "ends_at": ends.isoformat() if started and ends else None,
    }


def _state(record: StartRecord, job: Job | None) -> str:
    if record.url is not None:
        return "READY"
    if record.job_id is None:
        return "SUBMITTING"
    return job.state.value if job else JobState.PENDING.value


def _words(state: str, job: Job | None, preparing: float | None) -> tuple[int, str]:
    match state:
        case "SUBMITTING":
            return 10, _("Handing the job to Slurm.")
        case "READY":
            return 95, _("Jupyter answers.")
        case JobState.RUNNING:
            progress = 60 + int(30 * (preparing or 0))
            if preparing is not None and preparing < 1:
                return progress, _("Making your notebook environment.")
            node = job.batch_host if job else ""
            return progress, _("Starting Jupyter on {node}.").format(node=node) if node else _("Starting Jupyter.")
        case JobState.UNKNOWN:
            return 30, _("Waiting for word from Slurm.")
        case JobState.CONFIGURING:
            return 45, _("Slurm is preparing the node.")
        case JobState.COMPLETING:
            return 60, _("The job is ending.")
    return 30, _("Waiting in the queue.")
