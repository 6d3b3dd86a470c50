"""A ledger, once on SQLite and once on a real PostgreSQL that ends with the tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from bench.postgresql import PostgreSQL, run_postgresql
from tests.unit.billing.entries import Place

from neuronhub.billing.ledger import Ledger


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """A server of the tests' own; missing PostgreSQL is a failure."""
    with run_postgresql(durable=False) as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Where a ledger can be made; there is none yet."""
    if request.param == "sqlite":
        return Place(f"sqlite:///{tmp_path}/billing.sqlite")
    server: PostgreSQL = request.getfixturevalue("postgresql")
    return Place(server.make_database(), server.password)


@pytest.fixture
def ledger(place: Place) -> Iterator[Ledger]:
    """An empty ledger in KRW."""
    ledger = place.open()
    ledger.ensure_schema()
    yield ledger
    ledger.close()
