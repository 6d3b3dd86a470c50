"""What can go wrong with the embedded site, in words."""

from __future__ import annotations

from neuronhub.errors import NeuronHubError


class DemoError(NeuronHubError):
    """The embedded site cannot start or go on; the text says why and what to do."""


class PartFailed(DemoError):
    """A part of the embedded site ended, or did not come up; ``log_lines`` are its last words."""

    def __init__(self, part: str, what: str, log_file: str, log_lines: tuple[str, ...]) -> None:
        """``what`` goes on after the part's name: ``"ended with exit status 1"``."""
        super().__init__(f"{part} {what}. Its log is {log_file}.")
        self.part = part
        self.log_lines = log_lines
