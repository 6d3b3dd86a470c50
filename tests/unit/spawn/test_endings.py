from __future__ import annotations

import pytest

from neuronhub.spawn.endings import AWAY, Ending, describe_ending


@pytest.mark.parametrize(
    ("line", "expected"),
    [("ModuleNotFoundError: No module named 'tornado'", True), ("OSError: [Errno 28] No space left on device", False)],
)
def test_packages_that_cannot_be_imported_lead_to_the_environment(line: str, expected: bool) -> None:
    ending = Ending("FAILED", "jupyter", ready=False, exit_code=1, log_lines=("Traceback", line))
    told = describe_ending(ending)
    assert told["environment"] is expected
    assert ("notebook environment" in told["next_step"]) is expected


def test_a_server_that_was_away_for_too_long_is_told_why_and_what_to_do() -> None:
    told = describe_ending(Ending.from_state(Ending(AWAY, "v100", ready=True, job_id=7).to_state()))
    assert told["title"] == "Your server has ended"
    assert told["slurm_state"] == "", "it was the hub, not Slurm"
    assert "computed nothing" in told["cause"]
    assert "notebooks" in told["next_step"]
