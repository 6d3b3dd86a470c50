"""The ledger's database: one engine, its transactions and its migrations. SQLite by default, PostgreSQL by URL.

Every failure of the database itself is LedgerUnavailable, whose text says what to do.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, Engine, Table, create_engine, event, func, insert, make_url, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as NoFreeConnection

from neuronhub.billing import schema
from neuronhub.errors import EntryRefused, LedgerUnavailable
from neuronhub.language import translate as _
from neuronhub.private_file import ensure_private_file

MIGRATIONS = Path(__file__).parent / "migrations"
BUSY_TIMEOUT_S = 20
"""How long a transaction waits for another one's lock."""
CONNECT_TIMEOUT_S = 5
PORTION = 1000
"""Rows that are handed to the database at a time."""
T = TypeVar("T")
_WRITES = "neuronhub_writes"
_SCHEMA_LOCK = "schema"
_CHARGING_LOCK = "charging"


class Database:
    """Where the ledger lies. Thread-safe; a connection is made at the first transaction."""

    def __init__(self, url: str, password: str | None = None) -> None:
        self.url = _read_url(url, password)
        self._engine = _make_engine(self.url)
        self._writer = self._engine.execution_options(**{_WRITES: True})

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One transaction that writes nothing; raises LedgerUnavailable."""
        with _translate_errors(self.url), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def write(self, accounts: Collection[str] = (), *, charging: bool = False) -> Iterator[Connection]:
        """One transaction, alone with the budgets of ``accounts``; raises LedgerUnavailable, EntryRefused.

        ``charging``: one at a time. Two that insert the same segments in another order would wait for each other.
        """
        with _translate_errors(self.url), self._writer.begin() as connection:
            names = {f"account:{account}" for account in accounts}
            _lock(connection, names | {_CHARGING_LOCK} if charging else names)
            yield connection

    def ensure_schema(self, currency: str) -> None:
        """Bring the tables to this version, one process at a time; raises LedgerUnavailable if they are ahead of it."""
        config = _make_config()
        with _translate_errors(self.url), _translate_missing_file(self.url):
            if self.url.get_backend_name() == "sqlite":
                ensure_private_file(Path(self.url.database or ""))
            with self._writer.begin() as connection:
                _lock(connection, {_SCHEMA_LOCK})
                _refuse_newer(connection, ScriptDirectory.from_config(config), self.url)
                config.attributes["connection"] = connection
                command.upgrade(config, "head")
                _ensure_currency(connection, currency)

    def is_current(self) -> bool:
        """Are the tables there and of this version? Makes nothing; raises LedgerUnavailable if they are ahead of it."""
        if self.url.get_backend_name() == "sqlite" and not Path(self.url.database or "").is_file():
            return False
        scripts = ScriptDirectory.from_config(_make_config())
        with self.read() as connection:
            _refuse_newer(connection, scripts, self.url)
            return set(MigrationContext.configure(connection).get_current_heads()) == set(scripts.get_heads())

    def close(self) -> None:
        """Let go of all connections."""
        self._engine.dispose()


def _make_config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config


def insert_new(connection: Connection, table: Table) -> postgresql.Insert | sqlite.Insert:
    """An insert into ``table`` that passes over rows whose key is there already."""
    if connection.dialect.name == "sqlite":
        return sqlite.insert(table).on_conflict_do_nothing()
    return postgresql.insert(table).on_conflict_do_nothing()


def take_portions(rows: Sequence[T]) -> Iterator[Sequence[T]]:
    """``rows`` in portions for one statement or one turn: 100,000 at once would take memory, and too many places."""
    return (rows[first : first + PORTION] for first in range(0, len(rows), PORTION))


def _read_url(text: str, password: str | None) -> URL:
    try:
        url = make_url(text)
    except ArgumentError as error:
        raise LedgerUnavailable(f"billing.database_url: {error}") from error
    if url.get_backend_name() == "postgresql":
        url = url.set(drivername="postgresql+psycopg", password=password)
    elif url.get_backend_name() != "sqlite" or not url.database or url.database == ":memory:":
        raise LedgerUnavailable(
            _("billing.database_url: write sqlite:////path/to/file or postgresql://user@host/name.")
        )
    return url


def _make_engine(url: URL) -> Engine:
    if url.get_backend_name() == "sqlite":
        engine = create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_S})
        event.listen(engine, "connect", _configure_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    # Whoever waits for a lock, or for a server that is away, is told so: nothing here may hang.
    options = f"-c timezone=UTC -c lock_timeout={BUSY_TIMEOUT_S}s -c statement_timeout={2 * BUSY_TIMEOUT_S}s"
    return create_engine(
        url, pool_pre_ping=True, connect_args={"connect_timeout": CONNECT_TIMEOUT_S, "options": options}
    )


def _configure_sqlite(connection: sqlite3.Connection, record: Any) -> None:
    # The driver must not begin transactions by itself: _begin_sqlite does.
    connection.isolation_level = None
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")  # money: what was committed survives a power cut
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute("PRAGMA recursive_triggers=ON")  # else REPLACE would delete behind the triggers' back


def _begin_sqlite(connection: Connection) -> None:
    # Who reads and then writes on what was read takes the write lock first.
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _lock(connection: Connection, names: Collection[str]) -> None:
    """Wait for PostgreSQL's locks of ``names`` until the transaction ends; SQLite has but one writer anyway."""
    if connection.dialect.name == "sqlite":
        return
    for name in sorted(names):
        key = int.from_bytes(hashlib.blake2b(f"neuronhub:{name}".encode(), digest_size=8).digest(), signed=True)
        connection.execute(select(func.pg_advisory_xact_lock(key)))


def _refuse_newer(connection: Connection, scripts: ScriptDirectory, url: URL) -> None:
    known = {script.revision for script in scripts.walk_revisions()}
    for revision in MigrationContext.configure(connection).get_current_heads():
        if revision not in known:
            raise LedgerUnavailable(
                _(
                    "The ledger {url} was made by a newer NeuronHub (its revision {revision} is not known here)."
                    " Install that version again, or restore the ledger's backup from before."
                ).format(url=url.render_as_string(), revision=revision)
            )


def _ensure_currency(connection: Connection, currency: str) -> None:
    found = connection.scalar(select(schema.book.c.currency))
    if found is None:
        connection.execute(insert(schema.book).values(currency=currency))
    elif found != currency:
        raise LedgerUnavailable(
            _(
                "The ledger's amounts are {found}, the site file's currency is {currency}. Write {found} into the site"
                " file, or begin a new ledger with another billing.database_url."
            ).format(found=found, currency=currency)
        )


@contextmanager
def _translate_errors(url: URL) -> Iterator[None]:
    try:
        yield
    except (IntegrityError, DataError) as error:
        raise EntryRefused(_("The ledger refused an entry: {reason}").format(reason=error.orig)) from error
    except (DBAPIError, NoFreeConnection) as error:
        reason = str(getattr(error, "orig", None) or error).strip()
        raise LedgerUnavailable(
            _(
                "The ledger {url} does not answer ({reason}). Nothing was written; try again later, and tell the"
                " operators if it stays so."
            ).format(url=url.render_as_string(), reason=reason)
        ) from error


@contextmanager
def _translate_missing_file(url: URL) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise LedgerUnavailable(
            _(
                "The ledger {file} cannot be used ({reason}). Its folder must exist, and the file must belong to the"
                " hub's user; run this as that user or as root."
            ).format(file=url.database, reason=error.strerror)
        ) from error
