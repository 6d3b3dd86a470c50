"""The exceptions that people can meet: one small tree, each with a sentence that says what to do next."""

from __future__ import annotations


class NeuronHubError(Exception):
    """Root of the tree. ``str(error)`` is a sentence for a person."""


class SiteFileError(NeuronHubError):
    """The site file is missing or wrong; the text names the key."""


class SlurmError(NeuronHubError):
    """Something about Slurm; see the two kinds below."""


class SlurmUnavailable(SlurmError):
    """Slurm did not answer, or its answer cannot be trusted: nothing is known, nothing has ended."""


class SlurmRefused(SlurmError):
    """Slurm answered and said no (a limit, a closed partition, an unknown account). ``str`` is Slurm's own reason."""
