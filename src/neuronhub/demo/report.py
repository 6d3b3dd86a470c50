"""What the embedded site shows on the terminal. Runs inside."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Console
from rich.table import Table

from neuronhub.demo.errors import PartFailed
from neuronhub.demo.state import Secret, StateFolder
from neuronhub.language import translate as _

SHOWN_ACCOUNTS = ("alice", "bob")
DEFAULT_STATE = "/var/lib/neuronhub-demo"


def show_part(console: Console, name: str, seconds: float) -> None:
    """One part is ready."""
    console.print(f"  [green]✓[/] {name:<18} {seconds:6.2f} s")


def show_ready(console: Console, state: StateFolder, url: str, secrets: Mapping[str, Secret], seconds: float) -> None:
    """Everything is ready: where to go and who may sign in."""
    command = "neuronhub demo" if str(state.path) == DEFAULT_STATE else f"neuronhub demo --state {state.path}"
    table = Table(box=None, padding=(0, 3, 0, 2))
    for title in (_("Account ID"), _("Password"), _("Present OTP")):
        table.add_column(title)
    for id_ in SHOWN_ACCOUNTS:
        table.add_row(id_, secrets[id_].password, f"{command} otp {id_}")
    table.add_row("u01 ... u50", f"{command} status --json", f"{command} otp u01")
    console.print()
    console.print(_("Ready after {seconds:.1f} s").format(seconds=seconds) + f": [bold]{url}[/]")
    if url.startswith("https"):
        console.print(
            _("Its certificate is made for this site; browsers warn unless they trust {file}.").format(
                file=state.tls / "ca.pem"
            ),
            markup=False,
        )
    console.print()
    console.print(table)
    console.print()
    console.print(_("Logs: {folder}. Ctrl-C ends everything.").format(folder=state.log), markup=False, soft_wrap=True)


def show_failure(console: Console, failure: PartFailed) -> None:
    """A part ended or did not come up: which, and its last words."""
    console.print(f"neuronhub: {failure}", style="bold red", markup=False, soft_wrap=True)
    for line in failure.log_lines:
        console.print(f"  | {line}", markup=False, soft_wrap=True)
