"""Work on an environment that a server has done: ``neuronhub env`` in a process of its own, and what it tells.

Runs in the hub, where the command goes through sudo, and in a user's Jupyter server. What the process prints is
whatever a program of the user's might print: it is bounded, and checked before it is believed.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from neuronhub import language
from neuronhub.environments.types import Action, Progress, Report, Status
from neuronhub.errors import CommandSilent, EnvironmentFailed, EnvironmentNotPermitted, EnvironmentUnavailable
from neuronhub.language import translate as _
from neuronhub.process import Output, run
from neuronhub.sudo import is_refusal

log = logging.getLogger("neuronhub.environments")

LONGEST_LINE = 512 * 1024
"""A status with some thousand packages fits into it."""
MOST_BYTES = 4 * 1024 * 1024
LONGEST_TEXT = 2000
"""Characters of a step or an error."""
STATUS_TIME_S = 45.0
"""Longer than kernel_probe.PROBE_SECONDS: a Python that hangs is a finding."""
EXPORT_TIME_S = 60.0
ACTION_TIME_S = 1800.0
"""A whole environment over a slow link takes minutes; the sudoers file has the same limit."""


WORDS = (("status",), ("export", "-"), *((action.value,) for action in Action))
"""All that ``neuronhub env`` is ever asked for from here."""


def render_words(words: tuple[str, ...], reader: str) -> tuple[str, ...]:
    """What stands behind the program for one of WORDS, told in the language ``reader``."""
    return ("env", *words, "--json", "--language", reader)


@dataclass(frozen=True, slots=True)
class Command:
    """How ``neuronhub env`` is called for one user."""

    argv: tuple[str, ...]
    """Everything before the word ``env``."""
    environment: Mapping[str, str]
    """All that the process is given; behind sudo, what sudo lets through."""


class Errand:
    """One action on an environment, under way from the moment it is made until ``finished``. Needs a running loop."""

    def __init__(self, command: Command, action: Action) -> None:
        self.action = action
        self.progress = Progress("", 0.0)
        self.status: Status | None = None
        """The environment after the action; None while it goes on, and when it failed."""
        self.error: str | None = None
        """Why it failed, in the language of who asked for it."""
        self._task = asyncio.create_task(self._run(command), name=f"neuronhub-env-{action}")

    @property
    def finished(self) -> bool:
        """True once nothing more will change."""
        return self._task.done()

    async def wait(self) -> None:
        """Return when it is finished, however it went."""
        await asyncio.wait({self._task})

    async def cancel(self) -> None:
        """End the process with its children; what was there before the action is there still."""
        self._task.cancel()
        await self.wait()

    def to_json(self) -> dict[str, Any]:
        """As the REST bodies carry it."""
        return {
            "action": self.action.value,
            "step": self.progress.step,
            "done": self.progress.done,
            "finished": self.finished,
            "error": self.error,
        }

    async def _run(self, command: Command) -> None:
        try:
            self.status = await _fetch(command, self.action.value, ACTION_TIME_S, self._note)
        except EnvironmentFailed as error:
            self.error = str(error)
        finally:
            if self.status is None and self.error is None:
                self.error = _("This was interrupted. What was there before is there still; try it again.")

    def _note(self, progress: Progress) -> None:
        self.progress = Progress(progress.step, max(self.progress.done, progress.done))


async def fetch_status(command: Command) -> Status:
    """What ``env status`` tells, in the current language; raises EnvironmentFailed."""
    return await _fetch(command, "status", STATUS_TIME_S, lambda _progress: None)


async def fetch_export(command: Command) -> str:
    """The file that ``env export`` writes; raises EnvironmentFailed."""
    output = await _call(command, ("export", "-"), EXPORT_TIME_S, None)
    if output.code == 0:
        return output.stdout
    tale = _Tale(lambda _progress: None)
    tale.take(output.stdout.encode())
    raise _explain(tale, output)


async def _fetch(command: Command, action: str, limit_s: float, report: Report) -> Status:
    tale = _Tale(report)
    output = await _call(command, (action,), limit_s, tale)
    if output.code == 0 and tale.status is not None:
        return tale.status
    raise _explain(tale, output)


async def _call(command: Command, words: tuple[str, ...], limit_s: float, tale: _Tale | None) -> Output:
    argv = [*command.argv, *render_words(words, language.current.get())]
    try:
        return await run(
            "neuronhub env",
            argv,
            environment=command.environment,
            timeout_s=limit_s,
            limit_bytes=MOST_BYTES,
            take=tale.take if tale else None,
        )
    except CommandSilent as error:
        log.warning("%s: %s", " ".join(argv), error)
        raise EnvironmentUnavailable(
            _("The environment did not answer in time. Try again; tell the operators if it happens again.")
        ) from error


def _explain(tale: _Tale, output: Output) -> EnvironmentFailed:
    if tale.error is not None:
        return EnvironmentFailed(tale.error)
    reason = output.stderr.strip()[-LONGEST_TEXT:]
    if not tale.heard and is_refusal(output):
        log.error("sudo does not let this service work on its users' environments: %s", reason)
        return EnvironmentNotPermitted(
            _("This service is not allowed to look after your environment. Tell the operators.")
        )
    log.warning("neuronhub env ended with %d and no word of how it went: %s", output.code, reason)
    return EnvironmentUnavailable(
        _("The command that looks after your environment failed. Try again; tell the operators if it happens again.")
    )


class _Tale:
    """What one process tells, a JSON object a line; lines that are too long or make no sense are passed over."""

    def __init__(self, report: Report) -> None:
        self.status: Status | None = None
        self.error: str | None = None
        self.heard = False
        self._report = report
        self._begun = bytearray()
        """The line that has not ended yet."""
        self._too_long = False

    def take(self, data: bytes) -> None:
        """Standard output, as it comes."""
        self.heard = True
        *whole, rest = data.split(b"\n")
        for part in whole:
            self._add(part)
            if not self._too_long:
                self._read(bytes(self._begun))
            self._begun.clear()
            self._too_long = False
        self._add(rest)

    def _add(self, part: bytes) -> None:
        self._too_long = self._too_long or len(self._begun) + len(part) > LONGEST_LINE
        if not self._too_long:
            self._begun += part

    def _read(self, line: bytes) -> None:
        try:
            told = json.loads(line)
            if "status" in told:
                self.status = Status.from_json(told["status"])
            elif "error" in told:
                self.error = _make_plain(told["error"]["text"])
            elif "progress" in told:
                self._report(_read_progress(told["progress"]))
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            log.debug("a line of neuronhub env cannot be read: %s", error)


def _read_progress(told: dict[str, Any]) -> Progress:
    done = told["done"]
    if type(done) not in (int, float) or not 0 <= done <= 1:
        raise ValueError("done is no share")
    return Progress(_make_plain(told["step"]), float(done))


def _make_plain(text: object) -> str:
    """Text without control characters and marks that turn its direction; raises TypeError for anything else."""
    if not isinstance(text, str):
        raise TypeError("a text was expected")
    return "".join(character for character in text[:LONGEST_TEXT] if character.isprintable()).strip()
