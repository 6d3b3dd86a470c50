"""Limits in a sliding window."""

from __future__ import annotations

import asyncio
import time

import pytest
from sqlalchemy import func, select
from tests.unit.login.conftest import Clock

from neuronhub.login.database import Database, attempts
from neuronhub.login.throttle import STRANGER, Throttle, TooMany, count_attempts, forget_attempts, parse_network
from neuronhub.site import Throttle as Limits

LIMITS = Limits(window_s=300, per_user=3, per_address=5)


async def test_user_limit_and_when_it_ends(database: Database, clock: Clock) -> None:
    throttle = Throttle(database, LIMITS, clock)
    for number in range(3):
        assert isinstance(await throttle.admit("alice", STRANGER, f"10.0.0.{number}"), int)
        clock.now += 10
    assert await throttle.admit("alice", STRANGER, "10.0.0.9") == TooMany("user", 270)
    assert isinstance(await throttle.admit("bob", STRANGER, "10.0.0.9"), int)
    clock.now += 270
    assert isinstance(await throttle.admit("alice", STRANGER, "10.0.0.9"), int)
    assert await throttle.admit("alice", STRANGER, "10.0.0.9") == TooMany("user", 10)


async def test_what_is_turned_away_prolongs_nothing(database: Database, clock: Clock) -> None:
    throttle = Throttle(database, LIMITS, clock)
    for _ in range(3):
        await throttle.admit("alice", STRANGER, "10.0.0.1")
    for _ in range(299):
        clock.now += 1
        assert isinstance(await throttle.admit("alice", STRANGER, "10.0.0.1"), TooMany)
    clock.now += 1
    assert isinstance(await throttle.admit("alice", STRANGER, "10.0.0.1"), int)


async def test_known_device_has_a_count_of_its_own(database: Database) -> None:
    throttle = Throttle(database, LIMITS)
    for _ in range(4):
        await throttle.admit("alice", STRANGER, "10.0.0.1")
    for _ in range(3):
        assert isinstance(await throttle.admit("alice", "laptop", "10.0.0.2"), int)
    assert isinstance(await throttle.admit("alice", "laptop", "10.0.0.2"), TooMany)


async def test_address_limit(database: Database) -> None:
    throttle = Throttle(database, LIMITS)
    for number in range(5):
        assert isinstance(await throttle.admit(f"user{number}", STRANGER, f"2001:db8::{number}"), int)
    limit = await throttle.admit("user9", STRANGER, "2001:db8::ffff:1")
    assert limit == TooMany("address", 300)
    assert isinstance(await throttle.admit("user9", STRANGER, "2001:db8:0:1::1"), int)


async def test_forgiven_attempts_do_not_count(database: Database) -> None:
    throttle = Throttle(database, LIMITS)
    for _ in range(10):
        attempt = await throttle.admit("alice", STRANGER, "10.0.0.1")
        assert isinstance(attempt, int)
        await throttle.forgive(attempt)


async def test_many_at_once_do_not_slip_through(database: Database) -> None:
    throttle = Throttle(database, LIMITS)
    answers = await asyncio.gather(*(throttle.admit("alice", STRANGER, "10.0.0.1") for _ in range(50)))
    assert sum(isinstance(answer, int) for answer in answers) == 3


async def test_old_attempts_are_pruned_even_when_the_clock_was_set_back(database: Database, clock: Clock) -> None:
    throttle = Throttle(database, LIMITS, clock)
    for _ in range(3):
        await throttle.admit("alice", STRANGER, "10.0.0.1")
    clock.now -= 86400
    assert isinstance(await throttle.admit("alice", STRANGER, "10.0.0.1"), int)
    clock.now += 301
    await throttle.admit("alice", STRANGER, "10.0.0.1")
    assert database.run_now(lambda c: c.execute(select(func.count()).select_from(attempts)).scalar_one()) == 1


async def test_operator_unlocks(database: Database) -> None:
    throttle = Throttle(database, LIMITS)
    await throttle.admit("bob", STRANGER, "10.0.0.1")
    for _ in range(3):
        await throttle.admit("alice", STRANGER, "10.0.0.1")
    assert database.run_now(lambda c: count_attempts(c, "alice", time.time() - 60)) == 3
    assert database.run_now(lambda c: forget_attempts(c, "alice")) == 3
    assert isinstance(await throttle.admit("alice", STRANGER, "10.0.0.1"), int)
    assert database.run_now(lambda c: count_attempts(c, "bob", 0)) == 1


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("10.1.2.3", "10.1.2.3"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:10.1.2.3", "10.1.2.3"),
        ("-", "-"),
    ],
)
def test_networks(address: str, network: str) -> None:
    assert parse_network(address) == network
