"""The command ``neuronhub env``: a user's own notebook environment, on login nodes, in jobs and in terminals."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

from neuronhub.environments.building import refuse_foreign
from neuronhub.environments.diagnosis import read_status
from neuronhub.environments.lock import WAIT_S
from neuronhub.environments.marker import is_sound
from neuronhub.environments.operations import ensure_environment, repair_environment, reset_environment
from neuronhub.environments.profile import ensure_profile
from neuronhub.environments.shell_files import ensure_shell_files
from neuronhub.environments.types import Condition, Status
from neuronhub.environments.user_files import TEXT_LIMIT, read_bytes
from neuronhub.environments.voice import Voice, render_problem, speak
from neuronhub.errors import ConflictingState, EnvironmentFailed
from neuronhub.language import LANGUAGES
from neuronhub.language import translate as _
from neuronhub.site import Site

GetSite = Callable[[], Site]
NOT_WELL = 3
"""Exit code of ``status`` when the environment is missing or broken."""

_Command = TypeVar("_Command", bound=Callable[..., None])


def speaking(command: _Command) -> _Command:
    """The options that every command has."""
    command = click.option("--language", "reader", type=click.Choice(LANGUAGES), help="Default: the locale's.")(command)
    return click.option("--json", "as_json", is_flag=True, help="For programs: a JSON object a line, no questions.")(
        command
    )


waiting = click.option(
    "--wait",
    "wait_s",
    type=click.FloatRange(min=0),
    default=WAIT_S,
    show_default=True,
    metavar="SECONDS",
    help="How long another command on the same environment may take.",
)


@click.group()
def env() -> None:
    """Your notebook environment: the Python packages of your notebooks, terminals and jobs.

    \b
    Exit codes: 0 done, 1 something is in the way (the text says what), 2 wrong use,
    3 (status) the environment is missing or broken, 130 interrupted.
    """


@env.command()
@waiting
@speaking
@click.pass_obj
def create(get_site: GetSite, as_json: bool, reader: str | None, wait_s: float) -> None:
    """Make the environment if there is none; one that works is left alone.

    Tells your shell's start-up file where environments lie, and makes the IPython profile slurm; both once.
    """
    with speak(get_site, as_json, reader) as voice:
        if not is_sound(voice.layout.prefix):
            with voice.work(wait_s) as report:
                ensure_environment(voice.layout, report)
            if not is_sound(voice.layout.prefix):
                _refuse_broken(voice)
        ensure_shell_files(voice.home, voice.layout)
        ensure_profile(voice.home)
        voice.tell_result(_("The notebook environment is in {path}.").format(path=voice.layout.prefix))


@env.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
@waiting
@speaking
@click.pass_obj
def reset(get_site: GetSite, as_json: bool, reader: str | None, wait_s: float, yes: bool) -> None:
    """Put the environment back to its first state: the packages that you have added go, all your files stay."""
    with speak(get_site, as_json, reader) as voice:
        refuse_foreign(voice.layout)
        if not (yes or as_json):
            _ask(voice)
        with voice.work(wait_s) as report:
            reset_environment(voice.layout, report)
        voice.tell_result(
            _("The notebook environment in {path} is as it was at first.").format(path=voice.layout.prefix)
        )


@env.command()
@waiting
@speaking
@click.pass_obj
def repair(get_site: GetSite, as_json: bool, reader: str | None, wait_s: float) -> None:
    """Mend the environment, on the site's newest base; the packages that you have added stay."""
    with speak(get_site, as_json, reader) as voice:
        with voice.work(wait_s) as report:
            repair_environment(voice.layout, report)
        found = _refuse_broken(voice)
        voice.tell_result(_("The notebook environment in {path} is mended.").format(path=voice.layout.prefix), found)


@env.command()
@speaking
@click.pass_obj
def status(get_site: GetSite, as_json: bool, reader: str | None) -> None:
    """Tell what the environment is like, what is wrong with it, and which command helps."""
    with speak(get_site, as_json, reader) as voice:
        found = voice.tell_status()
    if found.condition is not Condition.READY and not as_json:
        sys.exit(NOT_WELL)


@env.command("export")
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True, dir_okay=False))
@speaking
@click.pass_obj
def export_(get_site: GetSite, as_json: bool, reader: str | None, file: Path) -> None:
    """Write what the environment consists of to FILE (-: standard output), which conda understands too."""
    with speak(get_site, as_json, reader) as voice:
        from neuronhub.environments.transfer import export_environment

        text = export_environment(voice.layout)
        if str(file) == "-":
            click.echo(text, nl=False)
            return
        _write(file, text)
        voice.tell_result(_("Written: {file}").format(file=file))


@env.command("import")
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
@waiting
@speaking
@click.pass_obj
def import_(get_site: GetSite, as_json: bool, reader: str | None, wait_s: float, file: Path) -> None:
    """Make the environment anew from FILE (-: standard input), which an export has written."""
    with speak(get_site, as_json, reader) as voice:
        from neuronhub.environments.transfer import import_environment

        text = _read(file)
        with voice.work(wait_s) as report:
            import_environment(voice.layout, text, report)
        voice.tell_result(_("The notebook environment in {path} is made anew.").format(path=voice.layout.prefix))


def _refuse_broken(voice: Voice) -> Status:
    """Return what the environment is like; raises ConflictingState when there is one that does not work."""
    refuse_foreign(voice.layout)
    found = read_status(voice.layout)
    if found.condition is Condition.BROKEN:
        raise ConflictingState("\n".join(render_problem(problem) for problem in found.problems if problem.serious))
    return found


def _ask(voice: Voice) -> None:
    """Say what goes and what stays, and end unless that is wanted."""
    prefix = voice.layout.prefix
    click.echo(
        _("Goes: everything in {prefix}, with the packages that you have added.").format(prefix=prefix), err=True
    )
    click.echo(_("Stays: everything else. Your workspace is not touched."), err=True)
    if not _can_answer():
        raise click.UsageError(_("There is no terminal to ask on. Say --yes if that is what you want."))
    if not click.confirm(_("Reset the environment?"), err=True):
        raise click.exceptions.Exit(1)


def _can_answer() -> bool:
    return sys.stdin.isatty()


def _write(file: Path, text: str) -> None:
    beside = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    try:
        beside.write_text(text, encoding="utf-8")
        os.replace(beside, file)
    except OSError as error:
        beside.unlink(missing_ok=True)
        text = _("{file} cannot be written ({reason}). Choose another place.")
        raise EnvironmentFailed(text.format(file=file, reason=error.strerror)) from error


def _read(file: Path) -> str:
    try:
        data = sys.stdin.buffer.read(TEXT_LIMIT) if str(file) == "-" else read_bytes(file)
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ConflictingState(
            _("{file} is no text in UTF-8. Export the environment again.").format(file=file)
        ) from error
    except OSError as error:
        text = _("{file} cannot be read ({reason}). Name the file that an export has written.")
        raise ConflictingState(text.format(file=file, reason=error.strerror)) from error
