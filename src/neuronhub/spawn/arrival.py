"""What a start tells of itself before its server answers, and whoever waits for that. Runs in the hub process."""

from __future__ import annotations

import asyncio
import time

from neuronhub.slurm.types import JobState


class Arrival:
    """One start on its way; only shown, never kept."""

    def __init__(self) -> None:
        self.preparing: float | None = None
        """Share of the user's environment that it has made; None: it has told of none."""
        self._announced = asyncio.Event()
        self._begun_at = time.monotonic()
        self._running_since: float | None = None
        self._moved_at = float("-inf")

    def prepare(self, done: float) -> None:
        """It tells how far it has come with the user's environment."""
        if done > (self.preparing or -1):
            self.preparing = done
            self._moved_at = time.monotonic()

    def announce(self) -> None:
        """Its server answers."""
        self._announced.set()

    @property
    def announced(self) -> bool:
        """True when its server answers."""
        return self._announced.is_set()

    async def wait(self, timeout_s: float) -> None:
        """Until its server answers, for at most ``timeout_s``."""
        try:
            await asyncio.wait_for(self._announced.wait(), timeout_s)
        except TimeoutError:
            return

    def has_waited(self, patience_s: float) -> bool:
        """True when it began longer ago than that."""
        return time.monotonic() - self._begun_at > patience_s

    def is_late(self, state: JobState, limit_s: float) -> bool:
        """True when its job, seen in ``state``, has run for longer than that since anything moved."""
        if state is not JobState.RUNNING:
            return False
        self._running_since = self._running_since or time.monotonic()
        return time.monotonic() - max(self._running_since, self._moved_at) > limit_s
