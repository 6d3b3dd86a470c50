"""The command ``neuronhub demo``. Runs outside the embedded site; see inside.py for what it starts."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import click
import pyotp

from neuronhub.demo.control import ask, map_pids
from neuronhub.demo.errors import DemoError
from neuronhub.demo.inside import Options
from neuronhub.demo.installation import COMMAND, PYTHON, SOURCE, find_binds, find_missing
from neuronhub.demo.namespace import run_inside
from neuronhub.demo.shape import ACCOUNTS, RESEARCHERS
from neuronhub.demo.state import DEFAULT_STATE, StateFolder, ensure_format, hold
from neuronhub.demo.supervisor import PATH
from neuronhub.language import find_locale_language

IDS = frozenset(account.id for account in ACCOUNTS)
NO_ACCOUNT = "There is no account {account}; there are alice, bob, operator and u01 ... u50."


@click.group(invoke_without_command=True)
@click.option(
    "--state",
    type=click.Path(path_type=Path, file_okay=False),
    default=DEFAULT_STATE,
    envvar="NEURONHUB_DEMO_STATE",
    show_default=True,
    show_envvar=True,
    help="Folder that keeps the site's state between starts.",
)
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535), help="Or the next free one.")
@click.option("--fresh", is_flag=True, help="Forget the kept state and begin anew.")
@click.option("--http", is_flag=True, help="Without TLS on the public address.")
@click.option("--bases", type=click.Path(path_type=Path), help="Folder of base environments, one of them active.")
@click.option("--without", multiple=True, metavar="PART", help="Leave a part out (for developers).")
@click.pass_context
def demo(
    ctx: click.Context, state: Path, port: int, fresh: bool, http: bool, bases: Path | None, without: tuple[str, ...]
) -> None:
    """A whole site on this machine: Slurm, directory, proxy and hub, as processes of this command.

    It stays in the foreground; Ctrl-C ends everything. Nothing outside the state folder is changed.
    """
    folder = StateFolder(Path(os.path.abspath(state)))
    ctx.obj = folder
    if ctx.invoked_subcommand is None:
        options = Options(str(folder.path), port, not http, without, find_locale_language(), find_command(folder))
        sys.exit(run_site(folder, options, bases, fresh=fresh))


def find_command(state: StateFolder) -> str:
    """How the command is called from another terminal."""
    typed = sys.argv[0] if Path(sys.argv[0]).name == "neuronhub" else "neuronhub"
    name = "neuronhub" if shutil.which("neuronhub") == typed else typed
    return f"{name} demo" if str(state.path) == DEFAULT_STATE else f"{name} demo --state {state.path}"


def run_site(state: StateFolder, options: Options, bases: Path | None, *, fresh: bool) -> int:
    """Run an embedded site until it ends; returns the exit status."""
    if os.geteuid() != 0:
        raise DemoError("The embedded site needs root, for its own users and namespaces. Run the command as root.")
    missing = find_missing()
    if missing:
        raise DemoError(
            f"Missing: {', '.join(missing)}. Install what has them: "
            f"apt-get install --no-install-recommends {' '.join(sorted(set(missing.values())))}"
        )
    binds = find_binds(bases)
    os.umask(0o022)
    hold(state.path)
    ensure_format(state.path, fresh=fresh)
    for folder in (state.path / "home", state.path / "scratch"):
        folder.mkdir(exist_ok=True)
    environment = {"PATH": PATH, "HOME": "/root", "LANG": "C.UTF-8", "PYTHONPATH": SOURCE}
    environment |= {name: os.environ[name] for name in ("TERM", "COLUMNS", "NO_COLOR") if name in os.environ}
    argv = (PYTHON, "-m", "neuronhub.demo.inside", options.to_json())
    return run_inside(state, binds, argv, environment)


def _use_state(ctx: click.Context, _parameter: click.Parameter, path: Path | None) -> None:
    if path is not None:
        ctx.obj = StateFolder(Path(os.path.abspath(path)))


state_option = click.option(
    "--state",
    type=click.Path(path_type=Path, file_okay=False),
    callback=_use_state,
    expose_value=False,
    help="Of the site that is meant (the same as before the command's name).",
)


@demo.command()
@state_option
@click.option("--json", "as_json", is_flag=True, help="Everything, for programs: secrets too.")
@click.pass_obj
def status(state: StateFolder, as_json: bool) -> None:
    """What runs, and where."""
    answer, pid = ask(state.control_socket, "status")
    outside = map_pids(pid)
    answer["parts"] = {part: outside[inner] for part, inner in answer["parts"].items() if inner in outside}
    answer["pid"] = outside[1]
    if as_json:
        click.echo(json.dumps(answer, indent=2))
        return
    click.echo(f"{answer['url']}  ({'ready' if answer['ready'] else 'not ready'}; state in {answer['state_dir']})")
    for part, part_pid in answer["parts"].items():
        click.echo(f"  {part:<18} {part_pid}")


@demo.command()
@state_option
@click.argument("account")
@click.pass_obj
def otp(state: StateFolder, account: str) -> None:
    """The present one-time password of ACCOUNT."""
    answer, _ = ask(state.control_socket, "status")
    secrets = {entry["id"]: entry["otp_secret"] for entry in answer["accounts"]}
    if account not in secrets:
        raise DemoError(NO_ACCOUNT.format(account=account))
    generator = pyotp.TOTP(secrets[account])
    click.echo(generator.now())
    click.echo(f"good for {generator.interval - time.time() % generator.interval:.0f} s, once", err=True)


@demo.command(name="exec", context_settings={"ignore_unknown_options": True})
@state_option
@click.option("--user", help="As this user of the site (alice, neuronhub ...); else as root.")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
@click.pass_obj
def exec_(state: StateFolder, user: str | None, command: tuple[str, ...]) -> None:
    """Run COMMAND inside the site, as on its login node."""
    _, pid = ask(state.control_socket, "status")
    argv, environment = render_entry(pid, user, command)
    os.execve(argv[0], argv, environment)  # noqa: S606


@demo.command()
@state_option
@click.argument("account")
@click.pass_obj
def login(state: StateFolder, account: str) -> None:
    """A login shell of ACCOUNT on the site's login node, as by ssh."""
    if account not in IDS:
        raise DemoError(NO_ACCOUNT.format(account=account))
    _, pid = ask(state.control_socket, "status")
    argv, environment = render_entry(pid, None, render_login(account, terminal=sys.stdin.isatty()))
    os.execve(argv[0], argv, environment)  # noqa: S606


def render_login(account: str, *, terminal: bool) -> tuple[str, ...]:
    """Command line of a login shell, to be run inside as root; with a terminal of its own if there is one here."""
    return ("/usr/sbin/runuser", "--login", account, *(("--pty",) if terminal else ()))


def render_entry(pid: int, user: str | None, command: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """Command line and environment to run ``command`` inside the site that process ``pid`` belongs to."""
    is_account = user in IDS
    folder = f"/home/{user}" if is_account else "/"
    argv = ["/usr/bin/nsenter", f"--target={pid}", "--mount", "--pid", "--uts", "--ipc", f"--wdns={folder}", "--"]
    if user is not None:
        group = RESEARCHERS if is_account else user
        argv += ["/usr/bin/setpriv", f"--reuid={user}", f"--regid={group}", "--init-groups"]
        argv += ["/usr/bin/env", f"HOME={folder}", f"USER={user}", f"LOGNAME={user}", "SHELL=/bin/bash"]
    path = PATH if is_account else f"{Path(COMMAND).parent}:{PATH}"
    environment = {"PATH": path, "HOME": "/root", "LANG": "C.UTF-8", "TERM": os.environ.get("TERM", "dumb")}
    return [*argv, *command], environment


def _make_action(do: str, explanation: str) -> None:
    @demo.command(name=do, help=explanation)
    @state_option
    @click.argument("part")
    @click.pass_obj
    def act(state: StateFolder, part: str) -> None:
        ask(state.control_socket, do, part)


for _do, _explanation in {
    "start": "Start PART again after stop or kill.",
    "stop": "End PART by SIGTERM; the rest goes on.",
    "kill": "End PART by SIGKILL; the rest goes on.",
    "restart": "Stop PART and start it again.",
    "pause": "Freeze PART (SIGSTOP).",
    "resume": "Let PART go on after pause.",
}.items():
    _make_action(_do, _explanation)
