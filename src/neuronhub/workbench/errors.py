"""Why a Jupyter server could not start: what is printed to the job's log, and the exit code that the hub reads."""

from __future__ import annotations

from neuronhub.errors import NeuronHubError


class StartFailed(NeuronHubError):
    """The start ends here; ``exit_code`` is one of the EXIT_ numbers of the protocol."""

    def __init__(self, exit_code: int, sentence: str) -> None:
        super().__init__(sentence)
        self.exit_code = exit_code
