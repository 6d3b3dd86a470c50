"""A process that is killed at any statement of its work: all of it was done, or nothing; and the next one goes on."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine
from tests.unit.billing.entries import NOON, Place, make_charge, make_start

from neuronhub.billing.ledger import Ledger
from neuronhub.billing.types import Filter
from neuronhub.errors import LedgerUnavailable

LIMIT_S = 60
MOST_STATEMENTS = 100
starts = [make_start(f"s-{n}") for n in range(3)]
charges = [make_charge(start, n) for n, start in enumerate(starts)]


def die_at(place: Place, statement: int, work: Callable[[Ledger], object]) -> bool:
    """Run ``work`` in a process that is killed before its n-th statement, or its commit; True if it was."""

    def run() -> None:
        told = 0

        def count(*_details: object) -> None:
            nonlocal told
            told += 1
            if told == statement:
                os.kill(os.getpid(), signal.SIGKILL)

        event.listen(Engine, "before_cursor_execute", count)
        event.listen(Engine, "commit", count)
        work(place.open())

    process = multiprocessing.get_context("fork").Process(target=run)
    process.start()
    process.join(LIMIT_S)
    assert process.exitcode in (0, -signal.SIGKILL)
    return process.exitcode != 0


def test_a_collector_killed_anywhere_has_charged_all_or_nothing(place: Place, ledger: Ledger) -> None:
    ledger.open_starts(starts, policy="allow")
    ledger.close()
    killed = 0
    while die_at(place, killed + 1, lambda own: own.charge(charges, settled=["s-0", "s-1", "s-2"])):
        killed += 1
        assert ledger.fetch_charges(Filter()) == []
        assert ledger.fetch_open() == starts
        ledger.close()
        assert killed < MOST_STATEMENTS
    assert killed >= 4, "insert, figures, settling, commit"
    assert len(ledger.fetch_charges(Filter())) == 3
    assert ledger.fetch_open() == []
    assert ledger.charge(charges, settled=["s-0", "s-1", "s-2"]) == []


def test_a_hub_killed_while_it_admits_a_start_holds_nothing_back(place: Place, ledger: Ledger) -> None:
    ledger.grant("physics", 12000, by="root", note="2026", at=NOON)
    ledger.close()
    killed = 0
    while die_at(place, killed + 1, lambda own: own.open_starts(starts[:1], policy="refuse")):
        killed += 1
        assert ledger.balances(["physics"])["physics"].available_minor == 12000
        ledger.close()
        assert killed < MOST_STATEMENTS
    assert ledger.balances(["physics"])["physics"].available_minor == 0


def test_a_migration_killed_anywhere_leaves_nothing_and_is_made_by_the_next_process(place: Place) -> None:
    killed = 0
    while die_at(place, killed + 1, lambda own: own.ensure_schema()):
        killed += 1
        with pytest.raises(LedgerUnavailable, match="starts"):
            place.open().fetch_open()
        place.close()
        assert killed < MOST_STATEMENTS
    assert killed > 20, "tables, indexes, triggers"
    ledger = place.open()
    ledger.ensure_schema()
    ledger.open_starts(starts, policy="allow")
    assert len(ledger.charge(charges)) == 3
