"""How the command ``neuronhub env`` speaks: to a person in sentences, to a program in JSON, one object a line."""

from __future__ import annotations

import json
import os
import pwd
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NoReturn

import click

from neuronhub import language
from neuronhub.environments.diagnosis import read_status
from neuronhub.environments.layout import Layout
from neuronhub.environments.lock import hold
from neuronhub.environments.terminal import show_progress
from neuronhub.environments.types import Condition, Package, Problem, Progress, Report, Status
from neuronhub.errors import EnvironmentFailed, NeuronHubError
from neuronhub.language import translate as _
from neuronhub.site import Site

INTERRUPTED = 130
"""Exit code, as shells have it."""
_SIGNALS = (signal.SIGTERM, signal.SIGHUP)
_UNIT = 1024


@dataclass(frozen=True, slots=True)
class Voice:
    """One call of the command."""

    layout: Layout
    home: Path
    as_json: bool

    @contextmanager
    def work(self, wait_s: float) -> Iterator[Report]:
        """Tell of progress while the body works on the environment, which nobody else does then.

        Raises EnvironmentBusy when somebody else does for longer than ``wait_s``.
        """
        with ExitStack() as stack:
            report = _print_progress if self.as_json else stack.enter_context(show_progress())
            stack.enter_context(hold(self.layout, report, wait_s))
            yield report

    def tell_status(self, known: Status | None = None) -> Status:
        """Tell what the environment is like, which is read unless it is ``known``; returns it."""
        status = known or read_status(self.layout)
        if self.as_json:
            _print_object("status", status.to_json())
        else:
            click.echo("\n".join(render_status(status)))
        return status

    def tell_result(self, text: str, known: Status | None = None) -> None:
        """Tell how it went: ``text`` to a person, the status to a program."""
        if self.as_json:
            self.tell_status(known)
        else:
            click.echo(text)


@contextmanager
def speak(get_site: Callable[[], Site], as_json: bool, reader: str | None) -> Iterator[Voice]:
    """A voice for the body, in the language ``reader``; what the body raises is told, and ends the process."""
    token = language.current.set(reader or language.find_locale_language())
    try:
        with _ending_properly():
            user = _find_user()
            yield Voice(Layout.of(get_site(), user.pw_name), Path(user.pw_dir), as_json)
    except NeuronHubError as error:
        if not as_json:
            raise
        _print_object("error", {"text": str(error)})
        sys.exit(1)
    except KeyboardInterrupt:
        click.echo(_("Interrupted. What was there before is there still."), err=True)
        sys.exit(INTERRUPTED)
    finally:
        language.current.reset(token)


def render_status(status: Status) -> Iterator[str]:
    """The lines that a person reads."""
    conditions = {
        Condition.MISSING: _("There is no notebook environment in {prefix}."),
        Condition.READY: _("The notebook environment {prefix} is ready."),
        Condition.BROKEN: _("The notebook environment {prefix} is broken."),
    }
    yield conditions[status.condition].format(prefix=status.prefix)
    facts = ((_("Kind"), status.kind), (_("Python"), status.python), (_("Base"), status.base))
    yield from (f"{name}: {value}" for name, value in facts if value)
    if status.packages:
        yield _("Your own packages:")
        yield from (f"  {_render_package(package)}" for package in status.packages)
    for problem in status.problems:
        yield render_problem(problem)


def render_problem(problem: Problem) -> str:
    """What is wrong, and the command that helps."""
    return _("{problem} This helps: {command}").format(problem=problem.text, command=f"neuronhub env {problem.remedy}")


def _render_package(package: Package) -> str:
    size, units = float(package.size_bytes), ["B", "KiB", "MiB", "GiB"]
    while size >= _UNIT and len(units) > 1:
        size, units = size / _UNIT, units[1:]
    return f"{package.name} {package.version} ({package.installer}, {size:.0f} {units[0]})"


def _find_user() -> pwd.struct_passwd:
    if os.geteuid() == 0:
        raise EnvironmentFailed(_("An environment belongs to its user: run this as that user, not as root."))
    try:
        return pwd.getpwuid(os.geteuid())
    except KeyError as error:
        text = _("The user number {uid} has no name on this machine. Tell the operators of this site.")
        raise EnvironmentFailed(text.format(uid=os.geteuid())) from error


@contextmanager
def _ending_properly() -> Iterator[None]:
    """Let the signals that end a process run what cleans up after the body."""

    def end(number: int, _frame: Any) -> NoReturn:
        sys.exit(128 + number)

    before = {number: signal.signal(number, end) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _print_progress(progress: Progress) -> None:
    _print_object("progress", asdict(progress))


def _print_object(key: str, value: object) -> None:
    try:
        click.echo(json.dumps({key: value}, ensure_ascii=False))
    except BrokenPipeError:  # nobody listens any more: whoever asked for this has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.exit(1)
