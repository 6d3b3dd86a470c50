"""What the embedded site shows on the terminal. Runs inside."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Console
from rich.table import Table

from neuronhub.demo.errors import PartFailed
from neuronhub.demo.shape import OPERATOR
from neuronhub.demo.state import Secret, StateFolder
from neuronhub.language import translate as _


def describe_accounts() -> dict[str, str]:
    """The accounts that are shown, and what each is there for."""
    return {
        "alice": _("coordinates the Slurm account lab-a, and may use lab-b"),
        "bob": _("member of lab-b, which has a discount, and of lab-c, whose budget is small"),
        OPERATOR: _("administrator of the hub: sees what every account has used"),
    }


def show_part(console: Console, name: str, seconds: float) -> None:
    """One part is ready."""
    console.print(f"  [green]✓[/] {name:<18} {seconds:6.2f} s")


def show_ready(
    console: Console, state: StateFolder, url: str, secrets: Mapping[str, Secret], command: str, seconds: float
) -> None:
    """Everything is ready: where to go, who may sign in, and how to get a one-time password."""

    def say(text: str = "") -> None:
        console.print(text, markup=False, soft_wrap=True)

    say()
    console.print(_("Ready after {seconds:.1f} s").format(seconds=seconds) + f":  [bold]{url}[/]", soft_wrap=True)
    if url.startswith("https"):
        certificate = state.tls / "ca.pem"
        say(_("Browsers warn of its certificate unless they trust {file}.").format(file=certificate))
    say()
    accounts = Table(box=None, padding=(0, 3, 0, 2))
    accounts.add_column(_("Account ID"))
    accounts.add_column(_("Password"))
    accounts.add_column(_("What it is for"))
    for id_, purpose in describe_accounts().items():
        accounts.add_row(id_, secrets[id_].password, purpose)
    console.print(accounts)
    say()
    say(_("Present OTP:") + f"  {command} otp alice")
    say(_("Passwords of u01 ... u50:") + f"  {command} status --json")
    say(_("Logs:") + f"  {state.log}")
    say(_("Ctrl-C ends everything."))


def show_ending(console: Console) -> None:
    """Everything is being ended."""
    console.print(_("Ending ..."))


def show_failure(console: Console, failure: PartFailed) -> None:
    """A part ended or did not come up: which, and its last words."""
    console.print(f"neuronhub: {failure}", style="bold red", markup=False, soft_wrap=True)
    for line in failure.log_lines:
        console.print(f"  | {line}", markup=False, soft_wrap=True)
