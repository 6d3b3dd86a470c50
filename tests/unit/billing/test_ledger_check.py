"""A look at the ledger: is it there, and of this version? It makes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from tests.unit.billing.entries import Place

from neuronhub.billing.ledger import Ledger
from neuronhub.errors import LedgerUnavailable


def test_tables_are_looked_for_and_not_made(place: Place) -> None:
    ledger = place.open()
    assert [ledger.is_current(), ledger.is_current()] == [False, False]
    ledger.ensure_schema()
    assert ledger.is_current()
    ledger.close()


def test_a_look_makes_no_file(tmp_path: Path) -> None:
    assert not Ledger(f"sqlite:///{tmp_path}/none.sqlite", "KRW").is_current()
    assert list(tmp_path.iterdir()) == []


def test_a_later_version_is_refused(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/billing.sqlite"
    ledger = Ledger(url, "KRW")
    ledger.ensure_schema()
    with create_engine(url).begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(LedgerUnavailable, match="newer NeuronHub"):
        ledger.is_current()
    ledger.close()
