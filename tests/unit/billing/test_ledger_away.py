"""Times away and last looks, as the ledger keeps them."""

from __future__ import annotations

from datetime import timedelta

from tests.unit.billing.entries import NOON, make_start

from neuronhub.billing.ledger import Ledger
from neuronhub.billing.types import Interval, Look
from neuronhub.slurm.usage import Work

MINUTE = timedelta(minutes=1)


def away(server: str, begin: int, end: int) -> Interval:
    """Minutes after noon."""
    return Interval(server, NOON + begin * MINUTE, NOON + end * MINUTE)


def extend(ledger: Ledger, interval: Interval) -> Interval:
    return ledger.extend_away(interval.server, interval.began_at, interval.ended_at)


def test_slices_that_touch_are_one_time_away(ledger: Ledger) -> None:
    assert extend(ledger, away("s-1", 0, 1)) == away("s-1", 0, 1)
    assert extend(ledger, away("s-1", 1, 2)) == away("s-1", 0, 2)
    extend(ledger, away("s-2", 2, 3))
    assert extend(ledger, away("s-1", 4, 5)) == away("s-1", 4, 5)
    assert ledger.fetch_away(["s-1", "s-2", "s-3"]) == {
        "s-1": [away("s-1", 0, 2), away("s-1", 4, 5)],
        "s-2": [away("s-2", 2, 3)],
    }


def test_a_slice_between_two_times_away_makes_them_one(ledger: Ledger) -> None:
    extend(ledger, away("s-1", 0, 2))
    extend(ledger, away("s-1", 4, 5))
    assert extend(ledger, away("s-1", 2, 4)) == away("s-1", 0, 5)
    assert ledger.fetch_away(["s-1"]) == {"s-1": [away("s-1", 0, 5)]}


def test_a_slice_may_be_told_twice(ledger: Ledger) -> None:
    for interval in (away("s-1", 0, 5), away("s-1", 0, 5), away("s-1", 1, 2), away("s-1", 4, 5)):
        assert extend(ledger, interval) == away("s-1", 0, 5)


def test_the_last_look_replaces_the_one_before(ledger: Ledger) -> None:
    first = Look("s-1", NOON, None, {7: Work(1.25, None)})
    last = Look("s-1", NOON + MINUTE, NOON, {7: Work(2.5, None), 8: Work(0.1, 0.3)})
    ledger.note_looks([first, Look("s-2", NOON, NOON)])
    ledger.note_looks([last])
    assert ledger.fetch_looks(["s-1", "s-3"]) == {"s-1": last}


def test_looks_end_with_their_server_and_times_away_do_not(ledger: Ledger) -> None:
    ledger.open_starts([make_start("s-1")], policy="allow")
    ledger.note_looks([Look("s-1", NOON, NOON)])
    extend(ledger, away("s-1", 0, 5))
    ledger.close_starts(["s-1"])
    assert ledger.fetch_looks(["s-1"]) == {}
    assert ledger.fetch_away(["s-1"]) == {"s-1": [away("s-1", 0, 5)]}


def test_more_servers_than_fit_into_one_statement_are_all_asked_for(ledger: Ledger) -> None:
    """PostgreSQL takes 65,535 values at most; after a long outage there may be more starts."""
    names = [f"s-{number}" for number in range(66_000)]
    ledger.note_looks([Look(names[-1], NOON, NOON)])
    extend(ledger, away(names[0], 0, 5))
    extend(ledger, away(names[-1], 0, 5))
    assert ledger.fetch_looks(names) == {names[-1]: Look(names[-1], NOON, NOON)}
    assert set(ledger.fetch_away(names)) == {names[0], names[-1]}
    ledger.close_starts(names)
    assert ledger.fetch_looks(names) == {}
