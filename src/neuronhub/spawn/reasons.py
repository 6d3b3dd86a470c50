"""Slurm's reason words for a waiting job, in plain words. Pure.

Source of the words: squeue(1), JOB REASON CODES, and slurm_job_reason_string in Slurm 22.05 to 25.05.
"""

from __future__ import annotations

from neuronhub.language import translate as _


def explain_reason(reason: str) -> str:
    """A sentence in the current language for Slurm's ``reason`` of a waiting job, or '' when it gives none.

    A reason that is not in the table is shown in Slurm's own word.
    """
    word = reason.strip().strip("()")
    if word in {"", "None", "null"}:
        return ""
    for known, sentence in _table():
        if word in known:
            return sentence
    if word.startswith(("Assoc", "QOS")):
        return _("A limit of your account is reached ({reason}). It starts when that limit has room again.").format(
            reason=word
        )
    return _("Slurm says: {reason}.").format(reason=word)


def _table() -> tuple[tuple[frozenset[str], str], ...]:
    return (
        (frozenset({"Resources"}), _("All places of this queue are taken. It starts as soon as one is free.")),
        (frozenset({"Priority"}), _("Other jobs are ahead in this queue.")),
        (
            frozenset({"ReqNodeNotAvail", "Nodes_required_for_job_are_DOWN", "ReservedForMaintenance", "Reservation"}),
            _("The nodes of this queue are not available at the moment. It starts when they come back."),
        ),
        (frozenset({"BeginTime", "Cleaning"}), _("Slurm is getting the job ready.")),
        (frozenset({"Dependency", "DependencyNeverSatisfied"}), _("It waits for another job.")),
        (
            frozenset({"PartitionDown", "PartitionInactive"}),
            _("The queue is closed at present. It starts when the operators open it again."),
        ),
        (
            frozenset({"PartitionTimeLimit", "PartitionNodeLimit"}),
            _("It asks for more than this queue allows. Cancel it and choose less."),
        ),
        (
            frozenset(
                {"AssocGrpBillingMinutes", "AssocGrpCPUMinutesLimit", "AssocGrpTRESMinutes", "QOSGrpBillingMinutes"}
            ),
            _("The budget of your account is used up. Ask the person who manages it, or use a free queue."),
        ),
        (
            frozenset({"AssocMaxJobsLimit", "AssocGrpJobsLimit", "QOSMaxJobsPerUserLimit", "MaxJobsPerAccount"}),
            _("You already run as many jobs as you may. It starts when one of them ends."),
        ),
        (frozenset({"JobHeldUser"}), _("You have put this job on hold. Release it with: scontrol release.")),
        (frozenset({"JobHeldAdmin"}), _("An operator has put this job on hold.")),
        (frozenset({"Licenses"}), _("It waits for a licence.")),
        (frozenset({"NodeDown", "FrontEndDown"}), _("A node that it needs is down.")),
        (
            frozenset({"launch_failed_requeued_held", "JobLaunchFailure"}),
            _("The node could not start it. Cancel it and try again; tell the operators if it happens twice."),
        ),
    )
