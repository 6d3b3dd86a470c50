"""The latest answer of somebody who may be slow or away, for readers who do not wait. In the hub process."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from neuronhub.errors import NeuronHubError

log = logging.getLogger("neuronhub.billing")

Value = TypeVar("Value")
RETRY_S = 2.0
"""Nobody who does not answer is asked more often."""


class Recent(Generic[Value]):
    """Asks at most once at a time, and not again before the answer is ``age_s`` old."""

    def __init__(self, what: str, fetch: Callable[[], Awaitable[Value]], age_s: float) -> None:
        self._what = what
        self._fetch = fetch
        self._age_s = age_s
        self._asked_at = float("-inf")
        self._task: asyncio.Task[None] | None = None
        self.value: Value | None = None
        """None: there was never an answer."""
        self.problem: NeuronHubError | None = None
        """Why the latest question has no answer."""

    async def refresh(self, patience_s: float, *, age_s: float | None = None) -> Value | None:
        """The newest value, at most ``age_s`` old if it comes within ``patience_s``, else the one before.

        Never raises: see ``problem``.
        """
        wanted_s = RETRY_S if self.problem else self._age_s if age_s is None else age_s
        fresh = time.monotonic() - self._asked_at <= wanted_s
        running = self._task is not None and not self._task.done()
        if not fresh and not running:
            self._task = asyncio.create_task(self._ask(), name=f"neuronhub-{self._what}")
        if self._task is not None and not self._task.done():
            await asyncio.wait({self._task}, timeout=patience_s)
        return self.value

    def expire(self) -> None:
        """What is known holds no longer: the next reader asks."""
        self._asked_at = float("-inf")

    async def close(self) -> None:
        """Wait for no answer any more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _ask(self) -> None:
        self._asked_at = time.monotonic()
        try:
            self.value = await self._fetch()
        except NeuronHubError as error:
            if self.problem is None:
                log.warning("%s: %s", self._what, error)
            self.problem = error
        else:
            if self.problem is not None:
                log.info("%s: known again", self._what)
            self.problem = None
