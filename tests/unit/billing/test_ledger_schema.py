"""The ledger's tables: made by migrations as the code sees them, renewed with what they hold, and only added to."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, create_engine, make_url, text
from sqlalchemy.exc import DBAPIError
from tests.unit.billing.entries import NOON, Place, make_charge, make_start

from neuronhub.billing import database, schema
from neuronhub.billing.ledger import Ledger
from neuronhub.billing.types import Filter
from neuronhub.errors import EntryRefused, LedgerUnavailable


@contextmanager
def connect(place: Place) -> Iterator[Connection]:
    """As an operator with the database's own tools."""
    url = make_url(place.url)
    if not place.is_sqlite:
        url = url.set(drivername="postgresql+psycopg", password=place.password)
    engine = create_engine(url)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def fill(ledger: Ledger) -> None:
    start = make_start("s-1")
    ledger.open_starts([start], policy="allow")
    ledger.grant("physics", 1000, by="root", note="2026", at=NOON)
    (charge,) = ledger.charge([make_charge(start, 7)])
    assert charge.id is not None
    ledger.correct(charge.id, 10, by="root", note="slow", at=NOON)


def test_migrations_make_what_the_code_sees(place: Place, ledger: Ledger) -> None:
    with connect(place) as connection:
        assert compare_metadata(MigrationContext.configure(connection), schema.tables) == []


def test_a_schema_that_is_there_stays_with_all_it_holds(place: Place, ledger: Ledger) -> None:
    fill(ledger)
    before = ledger.fetch_charges(Filter()), ledger.fetch_credits(), ledger.fetch_open()
    again = place.open()
    again.ensure_schema()
    assert (again.fetch_charges(Filter()), again.fetch_credits(), again.fetch_open()) == before


@pytest.mark.parametrize("table", ["charges", "credits"])
@pytest.mark.parametrize(
    "change",
    ["UPDATE {} SET amount_minor = 0", "DELETE FROM {}", "DELETE FROM {} WHERE id = 1", "TRUNCATE {} CASCADE"],
)
def test_entries_cannot_be_changed_or_taken_away(place: Place, ledger: Ledger, table: str, change: str) -> None:
    fill(ledger)
    before = ledger.fetch_charges(Filter()), ledger.fetch_credits()
    with connect(place) as connection, pytest.raises(DBAPIError) as refused, connection.begin():
        connection.execute(text(change.format(table)))
    expected = "syntax error" if place.is_sqlite and "TRUNCATE" in change else "only ever added to"
    assert expected in str(refused.value)
    assert (ledger.fetch_charges(Filter()), ledger.fetch_credits()) == before


def test_sqlite_cannot_replace_a_charge_either(sqlite_place: Place) -> None:
    ledger = sqlite_place.open()
    ledger.ensure_schema()
    fill(ledger)
    with ledger._database.read() as connection, pytest.raises(DBAPIError, match="only ever added to"):
        connection.execute(text("INSERT OR REPLACE INTO charges SELECT * FROM charges"))


def test_a_later_version_is_refused_and_left_alone(place: Place, ledger: Ledger) -> None:
    fill(ledger)
    with connect(place) as connection, connection.begin():
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(LedgerUnavailable, match=r"newer NeuronHub \(its revision 9999"):
        place.open().ensure_schema()
    with connect(place) as connection:
        assert connection.scalar(text("SELECT version_num FROM alembic_version")) == "9999"
        assert connection.scalar(text("SELECT count(*) FROM charges")) == 1


STEP = """
from alembic import op
from sqlalchemy import Column, String
revision, down_revision = "next", "{head}"

def upgrade() -> None:
    op.add_column("charges", Column("remark", String(20), nullable=False, server_default="old"))
    {failing}
"""


def test_the_next_step_keeps_what_there_is_or_leaves_all_as_it_was(
    place: Place, ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(ledger)
    steps = tmp_path / "migrations"
    shutil.copytree(database.MIGRATIONS, steps)
    head = max(path.stem for path in (steps / "versions").glob("0*.py"))[:4]
    added = steps / "versions" / "next.py"
    monkeypatch.setattr(database, "MIGRATIONS", steps)

    added.write_text(STEP.format(head=head, failing="op.execute('SELECT * FROM nowhere')"))
    with pytest.raises(LedgerUnavailable, match="nowhere"):
        place.open().ensure_schema()
    with connect(place) as connection, pytest.raises(DBAPIError, match="remark"):
        connection.scalar(text("SELECT remark FROM charges"))

    added.write_text(STEP.format(head=head, failing=""))
    place.open().ensure_schema()
    with connect(place) as connection:
        assert connection.scalar(text("SELECT remark FROM charges")) == "old"
    assert len(ledger.fetch_charges(Filter())) == 1
    with connect(place) as connection, pytest.raises(DBAPIError, match="only ever added to"), connection.begin():
        connection.execute(text("DELETE FROM charges"))


def test_amounts_of_another_currency_are_not_mixed_in(place: Place, ledger: Ledger) -> None:
    fill(ledger)
    with pytest.raises(LedgerUnavailable, match="amounts are KRW, the site file's currency is USD"):
        place.open("USD").ensure_schema()
    place.open("KRW").ensure_schema()


def test_a_charge_cannot_be_of_a_start_that_is_not_there_whatever_writes_it(place: Place, ledger: Ledger) -> None:
    fill(ledger)
    with pytest.raises(EntryRefused):
        ledger.charge([make_charge(make_start("s-9"), 9)])


def test_the_file_is_its_owners_alone(sqlite_place: Place, tmp_path: Path) -> None:
    ledger = sqlite_place.open()
    ledger.ensure_schema()
    fill(ledger)
    assert {file.name: oct(file.stat().st_mode & 0o777) for file in tmp_path.iterdir()} == dict.fromkeys(
        ["billing.sqlite", "billing.sqlite-wal", "billing.sqlite-shm"], "0o600"
    )
    ledger.close()
    path = tmp_path / "billing.sqlite"
    path.chmod(0o644)
    ledger.ensure_schema()
    assert path.stat().st_mode & 0o777 == 0o600


def test_what_is_committed_is_on_the_disk(sqlite_place: Place) -> None:
    ledger = sqlite_place.open()
    ledger.ensure_schema()
    full = 2
    with ledger._database.write() as connection:
        assert connection.scalar(text("PRAGMA synchronous")) == full
        assert connection.scalar(text("PRAGMA journal_mode")) == "wal"
        assert connection.scalar(text("PRAGMA foreign_keys")) == 1
        assert connection.scalar(text("PRAGMA integrity_check")) == "ok"
