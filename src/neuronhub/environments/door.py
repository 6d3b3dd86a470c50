"""A server's one door to a user's environment: what the REST bodies say, one errand at a time, one status for many.

Runs in the hub, which has a door for each user, and in a user's Jupyter server, which has one.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from neuronhub import language
from neuronhub.environments.errand import Command, Errand, fetch_export, fetch_status
from neuronhub.environments.types import Action, Status
from neuronhub.errors import EnvironmentBusy, TooManyAtOnce
from neuronhub.language import translate as _

STATUS_AGE_S = 2.0
"""Who reloads a page within it gets the status that was read before."""
PATIENCE_S = 10.0
"""A question waits that long for a place."""


class Traffic:
    """How much goes on at once behind all doors of one server."""

    def __init__(self, most_errands: int = 8, most_questions: int = 4) -> None:
        self._most_errands = most_errands
        self._questions = asyncio.Semaphore(most_questions)
        self._errands: set[Errand] = set()

    def begin(self, command: Command, action: Action) -> Errand:
        """A new errand; raises TooManyAtOnce."""
        self._errands = {errand for errand in self._errands if not errand.finished}
        if len(self._errands) >= self._most_errands:
            raise _crowded()
        errand = Errand(command, action)
        self._errands.add(errand)
        return errand

    @contextlib.asynccontextmanager
    async def question(self) -> AsyncIterator[None]:
        """A place for one short process; raises TooManyAtOnce if there is none for PATIENCE_S."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self._questions.acquire()
        except TimeoutError as error:
            raise _crowded() from error
        try:
            yield
        finally:
            self._questions.release()


@dataclass(frozen=True, slots=True)
class _Known:
    """A status that was read."""

    read_at: float
    after: Errand | None
    """The latest errand when it was read."""
    status: Status


class Door:
    """The environment of one user, reached by ``command``."""

    def __init__(self, command: Command, traffic: Traffic | None = None) -> None:
        self.errand: Errand | None = None
        """The present errand, or the latest."""
        self._command = command
        self._traffic = traffic or Traffic()
        self._known: dict[str, _Known] = {}
        """By language: the problems of a status are sentences."""
        self._reading: dict[tuple[str, Errand | None], asyncio.Task[Status]] = {}

    async def describe(self) -> dict[str, Any]:
        """The body of GET: status and errand. Raises EnvironmentFailed when the status cannot be had."""
        status = await self.fetch_status()
        return {"status": status.to_json(), "errand": self.errand.to_json() if self.errand else None}

    async def fetch_status(self) -> Status:
        """The status in the current language, at most STATUS_AGE_S old, or from before a present errand."""
        reader, after = language.current.get(), self._latest
        known = self._known.get(reader)
        if known and (self.busy or (known.after is after and time.monotonic() - known.read_at < STATUS_AGE_S)):
            return known.status
        reading = self._reading.get((reader, after))
        if reading is None:
            reading = asyncio.create_task(self._read(reader, after), name="neuronhub-env-status")
            self._reading[reader, after] = reading
        return await asyncio.shield(reading)  # one reader who goes away must not take it from the others

    def begin(self, action: Action) -> Errand:
        """Begin an errand; raises EnvironmentBusy while another one goes on, and TooManyAtOnce."""
        if self.busy:
            raise EnvironmentBusy(_("Something is being done to your environment already. Wait until it has ended."))
        self.errand = self._traffic.begin(self._command, action)
        return self.errand

    async def fetch_export(self) -> str:
        """The text of environment.yml; raises EnvironmentFailed."""
        async with self._traffic.question():
            return await fetch_export(self._command)

    @property
    def busy(self) -> bool:
        """An errand goes on."""
        return self.errand is not None and not self.errand.finished

    async def close(self) -> None:
        """End what goes on."""
        for reading in self._reading.values():
            reading.cancel()
        await asyncio.gather(*self._reading.values(), return_exceptions=True)
        if self.errand is not None:
            await self.errand.cancel()

    @property
    def _latest(self) -> Errand | None:
        """The latest errand that has ended, if none goes on: what was read before it is not true any more."""
        return None if self.busy else self.errand

    async def _read(self, reader: str, after: Errand | None) -> Status:
        try:
            async with self._traffic.question():
                status = await fetch_status(self._command)
        finally:
            del self._reading[reader, after]
        self._known[reader] = _Known(time.monotonic(), after, status)
        return status


def parse_order(body: bytes) -> Action:
    """The action of a POST's body; raises ValueError unless it is exactly ``{"action": "create|repair|reset"}``."""
    try:
        data = json.loads(body)
    except RecursionError:
        raise ValueError("the body is nested too deeply") from None
    if not isinstance(data, dict) or set(data) != {"action"}:
        raise ValueError("the body must be an object with the one key 'action'")
    return Action(data["action"])


def _crowded() -> TooManyAtOnce:
    return TooManyAtOnce(_("Many environments are being worked on at this moment. Try again in a minute."))
