"""The login database: sealed second factors, spent codes, failed sign-ins. Used by the hub and by ``neuronhub otp``.

SQLite with a write-ahead log, readable by its owner only. Work runs in a thread of its own, one
transaction at a time, so that neither a slow disk nor a lock held by the command line stops the hub.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Column, Connection, Float, Integer, LargeBinary, MetaData, String, Table, create_engine, event
from sqlalchemy.exc import SQLAlchemyError

from neuronhub.errors import LoginSetupError
from neuronhub.private_file import ensure_private_file

BUSY_TIMEOUT_S = 5.0
ANSWER_TIMEOUT_S = 10.0

T = TypeVar("T")

tables = MetaData()

factors = Table(
    "factor",
    tables,
    Column("user", String, primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("enrolled_at", Float, nullable=False),
)
spent_codes = Table(
    "spent_code",
    tables,
    Column("user", String, primary_key=True),
    Column("code", String, primary_key=True),
    Column("keep_until", Float, nullable=False, index=True),
)
attempts = Table(
    "attempt",
    tables,
    Column("id", Integer, primary_key=True),
    Column("user", String, nullable=False, index=True),
    Column("device", String, nullable=False),
    Column("network", String, nullable=False, index=True),
    Column("at", Float, nullable=False, index=True),
)
keys = Table(
    "key",
    tables,
    Column("name", String, primary_key=True),
    Column("value", LargeBinary, nullable=False),
)


class Database:
    """The file at ``path``, made when it is not there (its folder must exist)."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            ensure_private_file(path)
            self._engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": BUSY_TIMEOUT_S})
            event.listen(self._engine, "connect", _configure)
            event.listen(self._engine, "begin", _begin_immediate)
            with self._engine.begin() as connection:
                tables.create_all(connection)
        except (OSError, SQLAlchemyError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error.__cause__ or error)
            raise LoginSetupError(
                f"login.database {path}: cannot be used ({reason}). The folder must exist, and the file must belong "
                "to the hub's user; run this as that user or as root."
            ) from error
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="login-database")

    def run_now(self, work: Callable[[Connection], T]) -> T:
        """Run ``work`` in one transaction, in the calling thread (command line)."""
        with self._engine.begin() as connection:
            return work(connection)

    async def run(self, work: Callable[[Connection], T]) -> T:
        """Run ``work`` in one transaction, off the event loop; raises SQLAlchemyError or TimeoutError."""
        async with asyncio.timeout(ANSWER_TIMEOUT_S):
            return await asyncio.get_running_loop().run_in_executor(self._thread, self.run_now, work)

    def close(self) -> None:
        """Let go of the file; what is running ends first."""
        self._thread.shutdown()
        self._engine.dispose()


def _configure(connection: sqlite3.Connection, record: Any) -> None:
    # The driver must not begin transactions by itself: _begin_immediate does.
    connection.isolation_level = None
    connection.execute("PRAGMA journal_mode=WAL")
    # A commit survives the death of the process; after a power cut spent codes are out of date anyway.
    connection.execute("PRAGMA synchronous=NORMAL")


def _begin_immediate(connection: Connection) -> None:
    # Every transaction here reads and then writes on what it read: take the write lock first.
    connection.exec_driver_sql("BEGIN IMMEDIATE")
