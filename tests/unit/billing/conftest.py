"""A ledger, once on SQLite and once on a real PostgreSQL that ends with the tests."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from bench.postgresql import PostgreSQL, run_postgresql
from tests.unit.billing.books import Workroom
from tests.unit.billing.entries import Place
from tests.unit.billing.slurm_world import World

from neuronhub.billing.ledger import Ledger


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """A server of the tests' own; missing PostgreSQL is a failure."""
    with run_postgresql(durable=False) as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """Where a ledger can be made; there is none yet."""
    if request.param == "sqlite":
        place = Place(f"sqlite:///{tmp_path}/billing.sqlite")
    else:
        server: PostgreSQL = request.getfixturevalue("postgresql")
        place = Place(server.make_database(), server.password)
    yield place
    place.close()


@pytest.fixture
def sqlite_place(tmp_path: Path) -> Iterator[Place]:
    """The same, where only SQLite is asked about."""
    place = Place(f"sqlite:///{tmp_path}/billing.sqlite")
    yield place
    place.close()


@pytest.fixture
def postgresql_place(postgresql: PostgreSQL) -> Iterator[Place]:
    """The same, where only PostgreSQL is asked about."""
    place = Place(postgresql.make_database(), postgresql.password)
    yield place
    place.close()


@pytest.fixture
def ledger(place: Place) -> Ledger:
    """An empty ledger in KRW."""
    ledger = place.open()
    ledger.ensure_schema()
    return ledger


@pytest.fixture(scope="session")
def empty_ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of an empty ledger in KRW, made once."""
    path = tmp_path_factory.mktemp("ledger") / "billing.sqlite"
    made = Ledger(f"sqlite:///{path}", "KRW")
    made.ensure_schema()
    made.close()
    return path


@pytest.fixture
def room(empty_ledger: Path, tmp_path: Path) -> Iterator[Workroom]:
    """A collector, a Slurm in memory and an empty ledger."""
    shutil.copy(empty_ledger, tmp_path)
    copied = Ledger(f"sqlite:///{tmp_path}/billing.sqlite", "KRW")
    yield Workroom(World(), copied)
    copied.close()
