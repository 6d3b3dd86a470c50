"""Many threads and processes on one ledger: a budget is spent once, a segment charged once, a schema made once."""

from __future__ import annotations

import json
import multiprocessing
import threading
from collections.abc import Callable
from pathlib import Path

from tests.unit.billing.entries import NOON, Place, make_charge, make_start

from neuronhub.billing.ledger import Ledger
from neuronhub.billing.types import Filter
from neuronhub.errors import BudgetExceeded, EntryRefused

THREADS = 20
PROCESSES = 4
LIMIT_S = 120
forked = multiprocessing.get_context("fork")


def run_at_once(work: Callable[[int], None]) -> None:
    """``work`` of each number in a thread of its own, all let go at the same moment."""
    barrier = threading.Barrier(THREADS)
    failures: list[Exception] = []

    def run(number: int) -> None:
        barrier.wait(LIMIT_S)
        try:
            work(number)
        except Exception as error:  # noqa: BLE001 - handed on to the test
            failures.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LIMIT_S)
    assert not failures, failures


def run_processes(work: Callable[[int], None]) -> None:
    """``work`` of each number in a process of its own."""
    barrier = forked.Barrier(PROCESSES)

    def run(number: int) -> None:
        barrier.wait(LIMIT_S)
        work(number)

    processes = [forked.Process(target=run, args=(number,)) for number in range(PROCESSES)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(LIMIT_S)
    assert [process.exitcode for process in processes] == [0] * PROCESSES


def try_to_open(ledger: Ledger, name: str) -> bool:
    try:
        ledger.open_starts([make_start(name, most_minor=1000)], policy="refuse")
    except BudgetExceeded:
        return False
    return True


def test_exactly_as_many_starts_as_fit_are_admitted(ledger: Ledger) -> None:
    ledger.grant("physics", 7999, by="root", note="2026", at=NOON)
    admitted: list[int] = []

    def work(number: int) -> None:
        if try_to_open(ledger, f"s-{number}"):
            admitted.append(number)

    run_at_once(work)
    assert len(admitted) == 7
    assert {start.job_name for start in ledger.fetch_open()} == {f"s-{number}" for number in admitted}
    assert ledger.balances(["physics"])["physics"].available_minor == 999


def test_exactly_as_many_fit_between_processes(place: Place, ledger: Ledger, tmp_path: Path) -> None:
    ledger.grant("physics", 9000, by="root", note="2026", at=NOON)
    ledger.close()

    def work(number: int) -> None:
        own = place.open()
        admitted = [n for n in range(5) if try_to_open(own, f"s-{number}-{n}")]
        (tmp_path / str(number)).write_text(json.dumps(admitted))

    run_processes(work)
    told = sum(len(json.loads((tmp_path / str(number)).read_text())) for number in range(PROCESSES))
    assert told == len(ledger.fetch_open()) == 9
    assert ledger.balances(["physics"])["physics"].available_minor == 0


def test_what_is_settled_meanwhile_is_never_spent_twice(ledger: Ledger) -> None:
    ledger.grant("physics", 10_000, by="root", note="2026", at=NOON)

    def work(number: int) -> None:
        start = make_start(f"s-{number}", most_minor=1000)
        if try_to_open(ledger, start.job_name):
            ledger.charge([make_charge(start, number, amount_minor=1000)], settled=[start.job_name])

    run_at_once(work)
    balance = ledger.balances(["physics"])["physics"]
    assert (balance.charged_minor, balance.held_minor, balance.available_minor) == (10_000, 0, 0)


def test_a_segment_offered_by_all_at_once_is_charged_once(ledger: Ledger) -> None:
    starts = [make_start(f"s-{n}") for n in range(10)]
    ledger.open_starts(starts, policy="allow")
    written: list[int] = []

    def work(number: int) -> None:
        window = [make_charge(start, n) for n, start in enumerate(starts)]
        written.extend(charge.job_id for charge in ledger.charge(window[number % 10 :] + window[: number % 10]))

    run_at_once(work)
    assert sorted(written) == list(range(10))
    assert len(ledger.fetch_charges(Filter())) == 10


def test_corrections_at_once_give_back_no_more_than_all(ledger: Ledger) -> None:
    start = make_start("s-1")
    ledger.open_starts([start], policy="allow")
    (charge,) = ledger.charge([make_charge(start, 7, amount_minor=5000)])
    refused: list[int] = []

    def work(number: int) -> None:
        assert charge.id is not None
        try:
            ledger.correct(charge.id, 1000, by="root", note="why", at=NOON)
        except EntryRefused:
            refused.append(number)

    run_at_once(work)
    assert len(refused) == THREADS - 5
    assert ledger.balances(["physics"])["physics"].granted_minor == 5000


def test_processes_that_begin_at_once_make_one_schema(place: Place) -> None:
    def work(number: int) -> None:
        own = place.open()
        own.ensure_schema()
        own.grant("physics", number + 1, by="root", note="2026", at=NOON)

    run_processes(work)
    assert place.open().balances(None)["physics"].granted_minor == 1 + 2 + 3 + 4
