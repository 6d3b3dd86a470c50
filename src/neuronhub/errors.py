"""The exceptions that people can meet: one small tree, each with a sentence that says what to do next."""

from __future__ import annotations


class NeuronHubError(Exception):
    """Root of the tree. ``str(error)`` is a sentence for a person."""


class SiteFileError(NeuronHubError):
    """The site file is missing or wrong; the text names the key."""


class CommandSilent(NeuronHubError):
    """A command could not be run, did not end in time or printed without end: what it was to tell is not known."""


class SlurmError(NeuronHubError):
    """Something about Slurm; see the kinds below."""


class SlurmUnavailable(SlurmError):
    """Slurm did not answer, or its answer cannot be trusted: nothing is known, nothing has ended."""


class SlurmNotPermitted(SlurmError):
    """sudo did not let the hub act as a user; nothing was submitted or cancelled. The text names the sudoers file."""


class SlurmRefused(SlurmError):
    """Slurm answered and said no (a limit, a closed partition, an unknown account). ``str`` is Slurm's own reason."""


class StartRefused(NeuronHubError):
    """What was asked for cannot be started; the text says why and what to choose instead."""


class StartUndecided(StartRefused):
    """It cannot be said now whether it may be started: somebody who must be asked does not answer. Try again."""


class BillingError(NeuronHubError):
    """Something about prices, budgets and charges; see the kinds below. Nothing was written."""


class LedgerUnavailable(BillingError):
    """The ledger's database does not answer, or is of another version; the text says what to do."""


class BudgetExceeded(BillingError):
    """A start can cost more than its account has available: ``available_minor``, in the currency's smallest unit."""

    def __init__(self, account: str, available_minor: int) -> None:
        super().__init__(f"The account {account} has not enough left. Ask for a grant, or choose a shorter time.")
        self.account = account
        self.available_minor = available_minor


class EntryRefused(BillingError):
    """What was to be written into the ledger is wrong (an amount, an account, a note); the text says why."""


class Unpriced(BillingError):
    """A job cannot be charged as it stands, and nothing is guessed: the text says which, and what to mend."""


class OperatorsOnly(BillingError):
    """The ledger is closed to the user who runs the command; the text says as whom to run it."""


class QuestionRefused(BillingError):
    """What was asked of the ledger is no month, day, queue or page; the text says how to write it."""


class NotYours(BillingError):
    """Somebody else's charges were asked for; the text says what may be asked for instead, and no more."""


class LoginError(NeuronHubError):
    """Something about signing in; see the kinds below."""


class LoginSetupError(LoginError):
    """Signing in is set up wrongly (a key file, the database, the directory); the text names what to mend."""


class DirectoryUnavailable(LoginError):
    """No server of the directory gave an answer: nobody was refused, nothing is known."""


class AlreadyEnrolled(LoginError):
    """The account has a second factor, and replacing it was not asked for."""


class EnvironmentFailed(NeuronHubError):
    """Something about a Python environment; see the kinds below. What was there before is there still."""


class EnvironmentBusy(EnvironmentFailed):
    """Another command works on the same environment."""


class NoRoom(EnvironmentFailed):
    """Quota used up or disk full; the text says where, and what to delete."""


class BaseMissing(EnvironmentFailed):
    """The site has no such base version, or none is activated."""


class PackagesNotFound(EnvironmentFailed):
    """No channel has what was asked for, or it cannot be had together with what is there."""


class EnvironmentUnavailable(EnvironmentFailed):
    """The command that works on an environment could not be run, or said nothing that can be read."""


class EnvironmentNotPermitted(EnvironmentUnavailable):
    """sudo did not let the hub act as a user; nothing was done."""


class TooManyAtOnce(EnvironmentFailed):
    """So many environments are worked on at this moment that this one has to wait for its turn."""


class ConflictingState(EnvironmentFailed):
    """What lies at the environment's place is not ours to replace, or a file handed in is not what it should be."""
