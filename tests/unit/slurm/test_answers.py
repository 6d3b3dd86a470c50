from __future__ import annotations

import pytest

from neuronhub.errors import SlurmNotPermitted, SlurmRefused, SlurmUnavailable
from neuronhub.process import Output
from neuronhub.slurm.answers import REFUSALS, check_answer, check_cancel, check_sudo, raise_for_submit

SILENCES = [
    "Unable to contact slurm controller (connect failure)",
    "Unable to contact slurm controller (send failure)",
    "Unable to contact slurm controller (receive failure)",
    "Socket timed out on send/recv operation",
    "Zero Bytes were transmitted or received",
    "Protocol authentication error",
    "Invalid authentication credential",
    "Slurm backup controller in standby mode",
    "Unable to create job record, try again",
    "Unexpected message received",
    "Incompatible versions of client and server code",
    "I/O error writing script/environment to file",
    "Slurm internal error, contact system administrator",
    "Unspecified error",
    "A sentence of Slurm 99",
]


@pytest.mark.parametrize("reason", SILENCES)
def test_no_clear_answer_to_a_submit(reason: str) -> None:
    with pytest.raises(SlurmUnavailable, match="sbatch gave no clear answer"):
        raise_for_submit(Output(1, "", f"sbatch: error: Batch job submission failed: {reason}\n"))


@pytest.mark.parametrize("reason", sorted(REFUSALS))
def test_clear_no_to_a_submit(reason: str) -> None:
    with pytest.raises(SlurmRefused) as caught:
        raise_for_submit(Output(1, "", f"sbatch: error: Batch job submission failed: {reason}\n"))
    assert str(caught.value) == reason


def test_no_with_details_tells_them() -> None:
    text = (
        "sbatch: error: AssocMaxSubmitJobLimit\n"
        "sbatch: error: Batch job submission failed: Job violates accounting/QOS policy "
        "(job submit limit, user's size and/or time limits)\n"
    )
    with pytest.raises(SlurmRefused, match=r"^AssocMaxSubmitJobLimit; Job violates accounting/QOS policy"):
        raise_for_submit(Output(1, "", text))


def test_no_of_a_site_s_own_submit_plugin() -> None:
    text = (
        "sbatch: error: Please say --comment=APPLICATION.\n"
        "sbatch: error: Batch job submission failed: Unspecified error\n"
    )
    with pytest.raises(SlurmRefused, match=r"^Please say --comment=APPLICATION\.$"):
        raise_for_submit(Output(1, "", text))


def test_munge_away_is_no_answer_although_it_is_told_in_several_lines() -> None:
    text = (
        'sbatch: error: Munge encode failed: Failed to connect to "/run/munge/munge.socket.2"\n'
        "sbatch: error: slurm_send_node_msg: auth_g_create: REQUEST_SUBMIT_BATCH_JOB has authentication error\n"
        "sbatch: error: Batch job submission failed: Protocol authentication error\n"
    )
    with pytest.raises(SlurmUnavailable, match="Munge encode failed"):
        raise_for_submit(Output(1, "", text))


@pytest.mark.parametrize(
    "text",
    [
        "sbatch: unrecognized option '--nosuch'\nTry \"sbatch --help\" for more information\n",
        "sbatch: error: Invalid --time specification\n",
        "sbatch: error: Batch script is empty!\n",
        "sbatch: error: This does not look like a batch script.  The first\n",
    ],
)
def test_what_sbatch_did_not_even_send_is_refused(text: str) -> None:
    with pytest.raises(SlurmRefused):
        raise_for_submit(Output(255, "", text))


@pytest.mark.parametrize(
    "output",
    [
        Output(1, "", "slurm_load_jobs error: Unable to contact slurm controller (connect failure)\n"),
        Output(1, "1|2\n", "squeue: error: something after the first rows\n"),
        Output(-9, "1|2\n", ""),
        Output(0, "", "squeue: error: told, but the exit status is 0\n"),
    ],
)
def test_question_without_a_good_answer(output: Output) -> None:
    with pytest.raises(SlurmUnavailable, match="squeue gave no answer"):
        check_answer("squeue", output)


@pytest.mark.parametrize(
    "output",
    [
        Output(0, "", ""),
        Output(1, "", "scancel: error: Kill job error on job id 7: Invalid job id specified\n"),
        Output(1, "", "scancel: error: Kill job error on job id 7: Job/step already completing or completed\n"),
    ],
)
def test_cancelled_or_gone_already(output: Output) -> None:
    check_cancel(output)


def test_not_allowed_to_cancel() -> None:
    with pytest.raises(SlurmRefused, match="job id 7"):
        check_cancel(Output(210, "", "scancel: error: Kill job error on job id 7: Access/permission denied\n"))


@pytest.mark.parametrize(
    "output",
    [
        Output(1, "", ""),
        Output(140, "", "scancel: error: Kill job error on job id 7: Socket timed out on send/recv operation\n"),
        Output(
            210,
            "",
            "scancel: error: Kill job error on job id 7: Access/permission denied\n"
            "scancel: error: Kill job error on job id 8: Unable to contact slurm controller (connect failure)\n",
        ),
        Output(
            8,
            "",
            "scancel: error: Kill job error on job id 7: Invalid job id specified\n"
            "scancel: error: Kill job error on job id 8: Unable to contact slurm controller (connect failure)\n",
        ),
    ],
)
def test_not_known_whether_cancelled(output: Output) -> None:
    with pytest.raises(SlurmUnavailable):
        check_cancel(output)


@pytest.mark.parametrize(
    "text",
    [
        "sudo: a password is required\n",
        "sudo: account validation failure, is your account locked?\nsudo: a password is required\n",
        "Sorry, user neuronhub is not allowed to execute '/usr/bin/sbatch --x' as root on login01.\n",
        "sudo: unknown user nobody-here\n",
        "sudo: /usr/bin/sbatch: command not found\n",
        "neuronhub is not in the sudoers file.\n",
    ],
)
def test_sudo_that_refuses_is_told_to_the_operator(text: str) -> None:
    with pytest.raises(SlurmNotPermitted, match="sudoers file"):
        check_sudo("sbatch", Output(1, "", text))


@pytest.mark.parametrize(
    "output",
    [
        Output(0, "7\n", "sudo: unable to resolve host login01: Name or service not known\n"),
        Output(1, "", "sbatch: error: Batch job submission failed: Invalid user id\n"),
        Output(1, "", "sudo: unable to resolve host login01\nsbatch: error: Invalid --time specification\n"),
    ],
)
def test_sudo_that_only_talks_is_not_a_refusal(output: Output) -> None:
    check_sudo("sbatch", output)
