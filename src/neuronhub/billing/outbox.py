"""What the ledger must be told and cannot refuse: told in order, again and again until it listens. In the hub process.

Kept in memory only: what a hub that dies has not told, the next one knows from Slurm and its own saved starts.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable

from neuronhub.errors import BillingError, LedgerUnavailable

log = logging.getLogger("neuronhub.billing")

RETRY_S = 2.0
Note = Callable[[], Awaitable[None]]


class Outbox:
    """Notes on their way into the ledger."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[Note, asyncio.Event]] = deque()
        self._task: asyncio.Task[None] | None = None

    async def tell(self, note: Note, patience_s: float = 0.0) -> None:
        """Have ``note`` told after all that came before it; wait for that at most ``patience_s``. Never raises."""
        told = asyncio.Event()
        self._waiting.append((note, told))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._tell_all(), name="neuronhub-ledger-notes")
        if patience_s > 0:
            await self._wait(told, patience_s)

    async def close(self, patience_s: float) -> None:
        """Tell what is left, for at most ``patience_s``."""
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=patience_s)
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._waiting:
            log.error(
                "%d notes have not reached the ledger; they are made up for at the next start", len(self._waiting)
            )

    async def _wait(self, told: asyncio.Event, patience_s: float) -> None:
        try:
            async with asyncio.timeout(patience_s):
                await told.wait()
        except TimeoutError:
            return

    async def _tell_all(self) -> None:
        silent = False
        while self._waiting:
            note, told = self._waiting[0]
            try:
                await note()
            except LedgerUnavailable as error:
                if not silent:
                    log.warning("the ledger cannot be told now, will go on trying: %s", error)
                silent = True
                await asyncio.sleep(RETRY_S)
                continue
            except BillingError as error:
                log.error("the ledger refused a note: %s", error)
            except Exception:  # kept, it would hold up all that come after it for ever
                log.exception("a note could not be told to the ledger, going on without it")
            silent = False
            self._waiting.popleft()
            told.set()
