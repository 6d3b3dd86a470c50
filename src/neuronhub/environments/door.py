"""A server's one door to a user's environment: what the REST bodies say, one errand at a time, one status for many.

Runs in the hub, which has a door for each user, and in a user's Jupyter server, which has one.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Coroutine
from typing import Any

from neuronhub import language
from neuronhub.environments.errand import Command, Errand, fetch_export, fetch_status
from neuronhub.environments.types import Action, Status
from neuronhub.errors import EnvironmentBusy, TooManyAtOnce
from neuronhub.language import translate as _

STATUS_AGE_S = 1.0
"""Who reloads a page within it gets the status that was read before."""
PATIENCE_S = 10.0
"""A question waits that long for a place."""


class Traffic:
    """How much goes on at once behind all doors of one server."""

    def __init__(self, most_errands: int = 8, most_questions: int = 8) -> None:
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


class _Reading:
    """One process that reads the status, and what it found."""

    def __init__(self, question: Coroutine[Any, Any, Status], after: Errand | None) -> None:
        self.after = after
        """The latest errand when it began: what is read before an errand is not true after it."""
        self.task = asyncio.create_task(question, name="neuronhub-env-status")
        self.task.add_done_callback(self._end)
        self._ended_at = 0.0

    @property
    def failed(self) -> bool:
        """It has ended without a status."""
        return self.task.done() and (self.task.cancelled() or self.task.exception() is not None)

    @property
    def fresh(self) -> bool:
        """It goes on, or has ended not long ago."""
        return not self.task.done() or time.monotonic() - self._ended_at < STATUS_AGE_S

    def _end(self, _task: asyncio.Task[Status]) -> None:
        self._ended_at = time.monotonic()


class Door:
    """The environment of one user, reached by ``command``."""

    def __init__(self, command: Command, traffic: Traffic | None = None) -> None:
        self.errand: Errand | None = None
        """The present errand, or the latest."""
        self._command = command
        self._traffic = traffic or Traffic()
        self._readings: dict[str, _Reading] = {}
        """By language: the problems of a status are sentences."""
        self._turn = asyncio.Lock()
        """One user takes one place of all, however much is asked, and however long an environment hangs."""

    async def describe(self) -> dict[str, Any]:
        """The body of GET: status and errand. Raises EnvironmentFailed when the status cannot be had."""
        status = await self.fetch_status()
        return {"status": status.to_json(), "errand": self.errand.to_json() if self.errand else None}

    async def fetch_status(self) -> Status:
        """The status in the current language, at most STATUS_AGE_S old, or from before a present errand."""
        reader = language.current.get()
        reading = self._readings.get(reader)
        if reading is None or not self._holds(reading):
            reading = self._readings[reader] = _Reading(self._read(), None if self.busy else self.errand)
        return await asyncio.shield(reading.task)  # one reader who goes away must not take it from the others

    def begin(self, action: Action) -> Errand:
        """Begin an errand; raises EnvironmentBusy while another one goes on, and TooManyAtOnce."""
        if self.busy:
            raise EnvironmentBusy(_("Something is being done to your environment already. Wait until it has ended."))
        self.errand = self._traffic.begin(self._command, action)
        return self.errand

    async def fetch_export(self) -> str:
        """The text of environment.yml; raises EnvironmentFailed."""
        async with self._turn, self._traffic.question():
            return await fetch_export(self._command)

    @property
    def busy(self) -> bool:
        """An errand goes on."""
        return self.errand is not None and not self.errand.finished

    async def close(self) -> None:
        """End what goes on."""
        tasks = [reading.task for reading in self._readings.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self.errand is not None:
            await self.errand.cancel()

    def _holds(self, reading: _Reading) -> bool:
        """What ``reading`` tells may still be shown; while an errand goes on, that is how things were before it."""
        return not reading.failed if self.busy else reading.after is self.errand and reading.fresh

    async def _read(self) -> Status:
        async with self._turn, self._traffic.question():
            return await fetch_status(self._command)


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
