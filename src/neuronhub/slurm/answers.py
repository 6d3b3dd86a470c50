"""What the exit status and the error texts of Slurm's commands and of sudo mean: a no, or no answer. Pure.

A no is only what is known to be one; everything else is silence, after which nothing is known.
"""

from __future__ import annotations

import re
from typing import NoReturn

from neuronhub.errors import SlurmNotPermitted, SlurmRefused, SlurmUnavailable
from neuronhub.process import Output
from neuronhub.sudo import is_refusal

REFUSALS = frozenset(
    {
        "Access denied to requested reservation",
        "Access/permission denied",
        "Burst Buffer permission denied",
        "Burst Buffer request invalid",
        "Burst Buffer resource limit exceeded",
        "CPU count specification invalid",
        "Group ID not found on host",
        "Invalid Trackable RESource (TRES) specification",
        "Invalid account or account/partition combination specified",
        "Invalid feature specification",
        "Invalid generic resource (gres) specification",
        "Invalid group id",
        "Invalid job array specification",
        "Invalid license specification",
        "Invalid mcs_label specified",
        "Invalid node name specified",
        "Invalid partition name specified",
        "Invalid qos specification",
        "Invalid time specified",
        "Invalid user id",
        "Invalid wckey specification",
        "Job dependency problem",
        "Job script not specified",
        "Job size specification needs to be provided",
        "Job violates accounting/QOS policy (job submit limit, user's size and/or time limits)",
        "Memory required by task is not available",
        "More processors requested than permitted",
        "No partition specified or system default partition",
        "Node count specification invalid",
        "Only batch jobs are accepted or processed",
        "Pathname of a file, directory or other parameter too long",
        "Requested GRES option unsupported by configured SelectType plugin",
        "Requested account has breached requested QOS usage threshold",
        "Requested more tasks than available processors",
        "Requested node configuration is not available",
        "Requested nodes not in this partition",
        "Requested operation is presently disabled",
        "Requested operation not supported on this system",
        "Requested partition configuration not available now",
        "Requested reservation is invalid",
        "Requested reservation not usable now",
        "Requested time limit is invalid (missing or exceeds some limit)",
        "Required node not available (down, drained or reserved)",
        "Required partition not available (inactive or drain)",
        "System submissions disabled",
        "Task count specification invalid",
        "Task distribution specification invalid",
        "Time limit specification required, but not provided",
        "User not found on host",
        "User's group not permitted to use this partition",
    }
)
"""Reasons of slurmctld (slurm_errno) after which a submitted job does not exist."""

_SUBMIT_FAILED = "Batch job submission failed: "
_UNSPECIFIED = "Unspecified error"
"""What a site's job_submit plugin leaves behind when it says no with a text of its own."""
_NOT_SENT = re.compile(
    r"unrecognized option|invalid option|Invalid --[a-z-]+ specification|option '.*' (requires|doesn't allow)"
    r"|This does not look like a batch script|Batch script is empty"
)
"""sbatch gave up before it asked slurmctld."""
_GONE = re.compile(r"Invalid job id specified|Job/step already completing or completed|Job has already finished")
_NO_STEPS = re.compile(r"No steps running for job [0-9]+|couldn't get steps for job [0-9]+")
"""Of a job that has ended, waits or never was, while sstat answers for the others."""
_DENIED = "Access/permission denied"
_PROGRAM = re.compile(r"^[a-z]+: (?:error|fatal): ")


def check_sudo(program: str, output: Output) -> None:
    """Raise SlurmNotPermitted if sudo refused to run ``program``: then it was not run at all."""
    ran = output.stdout or not output.code or re.search(rf"^{program}: ", output.stderr, re.MULTILINE)
    if not ran and is_refusal(output):
        raise SlurmNotPermitted(
            f"sudo does not let the hub run {program} for its users ({_tell(output)}). "
            "Install NeuronHub's sudoers file and check that the user belongs to its group."
        )


def check_answer(program: str, output: Output) -> None:
    """Raise SlurmUnavailable unless ``program`` answered a question well."""
    complained_only = not output.stdout and "error" in output.stderr
    if output.code or complained_only:
        raise SlurmUnavailable(f"{program} gave no answer: {_tell(output)}.")


def raise_for_submit(output: Output) -> NoReturn:
    """Raise SlurmRefused for a clear no to a job, else SlurmUnavailable: the job may exist."""
    lines = _read_lines(output)
    reasons = [line.removeprefix(_SUBMIT_FAILED) for line in lines if line.startswith(_SUBMIT_FAILED)]
    details = [line for line in lines if not line.startswith(_SUBMIT_FAILED)]
    refused = (reasons[-1] in REFUSALS or (reasons[-1] == _UNSPECIFIED and details)) if reasons else False
    if refused or (not reasons and _NOT_SENT.search(output.stderr)):
        raise SlurmRefused("; ".join([*details, *(reason for reason in reasons if reason != _UNSPECIFIED)]))
    raise SlurmUnavailable(f"sbatch gave no clear answer: {_tell(output)}.")


def check_cancel(output: Output) -> None:
    """Return when every job is being cancelled or gone already; raise SlurmRefused or SlurmUnavailable otherwise."""
    problems = [line for line in _read_lines(output) if not _GONE.search(line)]
    if not problems and (output.stderr.strip() or not output.code):
        return
    if problems and all(line.endswith(_DENIED) for line in problems):
        raise SlurmRefused(f"Slurm does not let this user cancel the job: {_tell(output)}.")
    raise SlurmUnavailable(f"scancel gave no clear answer: {_tell(output)}.")


def check_work(output: Output) -> None:
    """Raise SlurmUnavailable unless sstat answered; it exits with 0 even when it could not."""
    if output.code or any(not _NO_STEPS.fullmatch(line) for line in _read_lines(output)):
        raise SlurmUnavailable(f"sstat gave no answer: {_tell(output)}.")


def _read_lines(output: Output) -> list[str]:
    return [_PROGRAM.sub("", line).strip() for line in output.stderr.splitlines() if line.strip()]


def _tell(output: Output) -> str:
    """The last lines of an error text: the reason comes last, after what led to it."""
    lines = _read_lines(output)[-3:]
    return "; ".join(line.rstrip(".")[:300] for line in lines) or f"exit status {output.code}"
