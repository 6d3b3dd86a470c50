"""The heavy steps of a burst of starts, one in each round of the event loop. In the hub process."""

from __future__ import annotations

import asyncio


class Turns:
    """Fifty starts at once would do their database work in one round of the loop, and everybody else would wait for it.

    Never take a turn between sbatch and the saving of its job id.
    """

    def __init__(self) -> None:
        self._lock = asyncio.Lock()

    async def take(self) -> None:
        """Return in a round of the loop in which nobody else returns from here; those who came first go first."""
        async with self._lock:
            await asyncio.sleep(0)
