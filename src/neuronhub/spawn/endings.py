"""Why a job of ours ended: a value that is kept, and its explanation in the reader's language. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

from neuronhub import protocol
from neuronhub.errors import SlurmError, SlurmRefused, SlurmUnavailable
from neuronhub.language import translate as _
from neuronhub.slurm.types import Job, JobState

LOG_LINES = 20
"""How many of the last log lines are kept of a start that failed."""

SLOW = "SLOW"
"""Ours: the job ran, but no server announced itself in time."""
REFUSED = "REFUSED"
"""Ours: Slurm did not accept the job."""
SILENT = "SILENT"
"""Ours: Slurm could not be reached to submit the job."""
NOT_PERMITTED = "NOT_PERMITTED"
"""Ours: the hub may not submit for this user."""
AWAY = "AWAY"
"""Ours: the hub ended the server, which had been away for longer than its queue allows."""
_IMPORT_FAILED = re.compile(r"ModuleNotFoundError|ImportError")
_HTTP_STATUS = {REFUSED: 400, SILENT: 503}


@dataclass(frozen=True, slots=True)
class Ending:
    """How one job ended, or why it never began. JSON-able by to_state."""

    state: str
    """A JobState, or one of ours."""
    queue: str
    ready: bool
    """True when the server had been ready: it ended by itself and did not fail to start."""
    job_id: int | None = None
    exit_code: int = 0
    exit_signal: int = 0
    node: str = ""
    ended_at: str | None = None
    log_file: str = ""
    log_lines: tuple[str, ...] = ()
    detail: str = ""
    """Slurm's own words, when it refused."""

    @classmethod
    def from_job(cls, job: Job, *, queue: str, ready: bool, log_file: str, log_lines: tuple[str, ...]) -> Ending:
        """The ending of a job of which Slurm says that it is over."""
        return cls(
            state=job.state.value,
            queue=queue,
            ready=ready,
            job_id=job.id or None,
            exit_code=job.exit_code,
            exit_signal=job.exit_signal,
            node=job.batch_host,
            ended_at=job.ended_at.isoformat() if job.ended_at else None,
            log_file=log_file,
            log_lines=log_lines,
        )

    @classmethod
    def from_error(cls, error: SlurmError, *, queue: str) -> Ending:
        """Why a job never came to be; only Slurm's own refusal is the user's to read word by word."""
        if isinstance(error, SlurmRefused):
            return cls(state=REFUSED, queue=queue, ready=False, detail=str(error))
        return cls(state=SILENT if isinstance(error, SlurmUnavailable) else NOT_PERMITTED, queue=queue, ready=False)

    @property
    def http_status(self) -> int:
        """What a start that failed so is answered with."""
        return _HTTP_STATUS.get(self.state, 500)

    def to_state(self) -> dict[str, Any]:
        """JSON-able form."""
        return {name: getattr(self, name) for name in self.__slots__} | {"log_lines": list(self.log_lines)}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Ending:
        """The opposite of to_state; what another version has added is left out."""
        known = {name: state[name] for name in cls.__slots__ if name in state}
        return cls(**(known | {"log_lines": tuple(known.get("log_lines", ()))}))

    def with_state(self, state: str) -> Ending:
        """This ending, told as ``state``."""
        return replace(self, state=state)

    @property
    def worth_telling(self) -> bool:
        """False for an end that the user asked for."""
        return not (self.ready and self.state == JobState.COMPLETED and self.exit_code == 0)


def describe_ending(ending: Ending) -> dict[str, Any]:
    """``title``, ``cause`` and ``next_step`` in the current language, and the facts, for the pages."""
    cause, next_step = _explain(ending)
    return {
        "title": _("Your server has ended") if ending.ready else _("Your server did not start"),
        "ready": ending.ready,
        "cause": cause,
        "next_step": next_step,
        "environment": any(_IMPORT_FAILED.search(line) for line in ending.log_lines),
        "job_id": ending.job_id,
        "queue": ending.queue,
        "slurm_state": "" if ending.state == AWAY else ending.state,
        "exit_code": ending.exit_code,
        "exit_signal": ending.exit_signal,
        "node": ending.node,
        "ended_at": ending.ended_at,
        "log_file": ending.log_file,
        "log_lines": list(ending.log_lines),
    }


def _explain(ending: Ending) -> tuple[str, str]:
    again = _("Start it again.")
    match ending.state:
        case "REFUSED":
            return (
                _("Slurm did not accept the job: {detail}").format(detail=ending.detail),
                _("Choose another queue or a shorter time; if it happens again, show this to the operators."),
            )
        case "SILENT":
            return _("Slurm did not answer, so nothing was submitted."), _("Try again in a few minutes.")
        case "NOT_PERMITTED":
            return _("The hub is not allowed to submit jobs for you."), _("Tell the operators.")
        case "SLOW":
            return (
                _("The job ran, but Jupyter did not answer in time."),
                _("Try again; if it happens again, look at the log below or show it to the operators."),
            )
        case "AWAY":
            return (
                _("Nobody had it open and it computed nothing for as long as this queue allows: it was ended."),
                _("Start it again: the notebooks that were open are offered to you, as they were last saved."),
            )
        case JobState.TIMEOUT:
            return _("The time limit was reached."), _("Start it again, with a longer time limit if you need it.")
        case JobState.CANCELLED:
            return _("The job was cancelled, by you or by an operator."), again
        case JobState.NODE_FAIL | JobState.BOOT_FAIL:
            return _("The compute node failed."), _("Start it again: Slurm will give you another node.")
        case JobState.OUT_OF_MEMORY:
            return (
                _("The job used more memory than it was given."),
                _("Start it again and load less data at once, or choose a queue that gives a whole node."),
            )
        case JobState.PREEMPTED | JobState.REVOKED:
            return _("Another job with a higher priority took the node."), again
        case JobState.DEADLINE:
            return _("Its deadline passed before it could run."), again
        case JobState.LOST:
            return _("Slurm does not know this job any more, and accounting has no record of its end."), again
    return _explain_exit(ending)


def _explain_exit(ending: Ending) -> tuple[str, str]:
    again = _("Start it again.")
    show = _("Show the lines below to the operators.")
    match ending.exit_code:
        case protocol.EXIT_LOG_FOLDER | 120:  # 120: Python could not write its last words
            return (
                _("The log folder could not be written. Your disk quota may be used up."),
                _("Make room in your scratch folder, check that its log folder belongs to you, and start again."),
            )
        case protocol.EXIT_WORKSPACE:
            return (
                _("Your workspace could not be made or entered. Your disk quota may be used up."),
                _("Make room in your scratch folder, check that the workspace belongs to you, and start again."),
            )
        case protocol.EXIT_HOME:
            return (
                _("Your home folder cannot be written. Its quota may be used up."),
                _("Make room in your home folder, check that it belongs to you, and start again."),
            )
        case protocol.EXIT_NO_ADDRESS:
            return _("The node does not know its own address in the cluster."), show
        case protocol.EXIT_SERVER_SILENT:
            return _("Jupyter came up but did not answer."), _("Try again; if it happens again, show the log below.")
        case protocol.EXIT_BASE_MISSING:
            return _("The site's Jupyter environment is missing on the node."), show
        case protocol.EXIT_HUB_REFUSED:
            return _("The hub did not accept the server."), again
        case protocol.EXIT_BAD_TICKET:
            return _("The job did not receive what it needs to start."), show
    for pattern, cause, next_step in _log_patterns():
        if any(pattern.search(line) for line in ending.log_lines):
            return cause, next_step
    if ending.exit_signal:
        return _("The job was killed by signal {signal}.").format(signal=ending.exit_signal), again
    if ending.exit_code:
        return (
            _("Jupyter ended with exit code {code}.").format(code=ending.exit_code),
            _("Look at the last lines of the log below; if they do not help, show them to the operators."),
        )
    return _("Jupyter was shut down."), again


def _log_patterns() -> tuple[tuple[re.Pattern[str], str, str], ...]:
    return (
        (
            re.compile(r"Disk quota exceeded|No space left on device"),
            _("There is no room left on the disk."),
            _("Delete or move some files in your scratch folder and start again."),
        ),
        (
            re.compile(r"MemoryError|Cannot allocate memory|oom-kill", re.IGNORECASE),
            _("There was not enough memory."),
            _("Start it again and load less data at once, or choose a queue that gives a whole node."),
        ),
        (
            re.compile(r"Permission denied"),
            _("A file or folder could not be opened: permission denied."),
            _("Look at the log below for its name, correct its permissions and start again."),
        ),
        (
            _IMPORT_FAILED,
            _("A Python package is missing or broken."),
            _("Repair your notebook environment. If that does not help, show the lines below to the operators."),
        ),
    )
