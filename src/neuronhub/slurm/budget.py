"""How many commands may still be run: a token bucket that holds its ceiling in every minute. Runs in the hub."""

from __future__ import annotations

from collections.abc import Callable

WINDOW_S = 60.0
LARGEST_BURST = 4


class Budget:
    """At most ``per_minute`` commands in any 60 seconds, whenever these begin.

    A bucket of B tokens that refills at R a second lets B + 60 R through in its worst minute; so B is small and
    R is what remains.
    """

    def __init__(self, per_minute: int, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._burst = max(1, min(LARGEST_BURST, per_minute // 4))
        self._rate = (per_minute - self._burst) / WINDOW_S
        self._tokens = float(self._burst)
        self._filled_at = clock()

    def take(self) -> bool:
        """Take one command out of the budget, if there is one."""
        self._fill()
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    def delay_s(self) -> float:
        """Seconds until there is a command again; 0 if there is one now."""
        self._fill()
        # A hair more than the exact time, so that rounding never makes a waiter wake up too early.
        return 0.0 if self._tokens >= 1 else (1 - self._tokens) / self._rate + 0.001

    def _fill(self) -> None:
        now = self._clock()
        self._tokens = min(float(self._burst), self._tokens + (now - self._filled_at) * self._rate)
        self._filled_at = now
