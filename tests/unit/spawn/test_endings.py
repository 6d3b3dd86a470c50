from __future__ import annotations

import pytest

from neuronhub.spawn.endings import Ending, describe_ending


@pytest.mark.parametrize(
    ("line", "expected"),
    [("ModuleNotFoundError: No module named 'tornado'", True), ("OSError: [Errno 28] No space left on device", False)],
)
def test_packages_that_cannot_be_imported_lead_to_the_environment(line: str, expected: bool) -> None:
    ending = Ending("FAILED", "jupyter", ready=False, exit_code=1, log_lines=("Traceback", line))
    told = describe_ending(ending)
    assert told["environment"] is expected
    assert ("notebook environment" in told["next_step"]) is expected
