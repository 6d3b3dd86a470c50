"""The replay ledger: one OTP is good once, whoever is first, across restarts. Runs in the hub.

A code is claimed before the directory is asked; of many at the same moment one gets the claim. The
claim is given back only when the directory gave no answer.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from sqlalchemy import Connection, delete
from sqlalchemy.dialects.sqlite import insert

from neuronhub.login.database import Database, spent_codes


class Ledger:
    """Spent codes, in the login database."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._clock = clock

    async def claim(self, user: str, code: str, keep_s: float) -> bool:
        """Spend ``code`` of ``user``; False when it is spent already. Remembered for ``keep_s`` seconds."""
        now = self._clock()

        def work(connection: Connection) -> bool:
            connection.execute(delete(spent_codes).where(spent_codes.c.keep_until < now))
            row = insert(spent_codes).values(user=user, code=code, keep_until=now + keep_s)
            return connection.execute(row.on_conflict_do_nothing()).rowcount == 1

        return await self._database.run(work)

    async def release(self, user: str, code: str) -> None:
        """Give a claim back: the directory never judged it."""

        def work(connection: Connection) -> None:
            connection.execute(delete(spent_codes).where(spent_codes.c.user == user, spent_codes.c.code == code))

        await self._database.run(work)
