"""What a job costs: every rule of prices.py on its own, and together against exact fractions on random jobs."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from tests.unit.billing.entries import make_start

from neuronhub.billing.prices import (
    OUR_FAULTS,
    compute_amount,
    compute_most,
    count_away,
    count_units,
    explain_free,
    find_rate,
    keep_rate,
    make_charge,
    units_of,
)
from neuronhub.billing.types import Charge, Interval, Rate, Start, Unit, Use, WhyFree
from neuronhub.errors import StartRefused, Unpriced
from neuronhub.site import Site
from neuronhub.slurm.types import JobState, Node, NodeCounts, Queue
from neuronhub.slurm.usage import Usage

NEW_YEAR = datetime(2026, 12, 31, 15, tzinfo=UTC)
"""Midnight in Seoul."""
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
AFTER = 10 * MINUTE
STARTUP_S = 2 * 180


def make_site(currency: str = "KRW", **billing: object) -> Site:
    """A free queue, one by node whose price changes at new year, one by GPU from new year on, one by core."""
    changing = [{"amount": "3000"}, {"amount": "3500", "valid_from": NEW_YEAR}]
    return Site.model_validate(
        {
            "currency": currency,
            "hub": {
                "public_url": "https://hub.example.org",
                "proxy_token_file": "/run/token",
                "cookie_secret_file": "/run/cookie",
                "start_key_file": "/run/key",
                "state_dir": "/var/lib/neuronhub",
            },
            "queues": [
                {"name": "jupyter"},
                {"name": "v100", "prices": changing},
                {"name": "a100", "prices": [{"amount": "2000", "per": "gpu-hour", "valid_from": NEW_YEAR}]},
                {"name": "cpu", "prices": [{"amount": "0.07", "per": "core-hour"}]},
            ],
            "billing": {"away": {"after": AFTER.total_seconds()}} | billing,
        }
    )


SITE = make_site()


def make_usage(**changes: Any) -> Usage:
    """An hour on one node, ended at new year."""
    usage = Usage(
        cluster="neuron",
        job_id=7,
        submitted_at=NEW_YEAR - HOUR - MINUTE,
        restart=0,
        name="s-1",
        user="ada",
        account="physics",
        partition="v100",
        state=JobState.COMPLETED,
        started_at=NEW_YEAR - HOUR,
        ended_at=NEW_YEAR,
        elapsed_s=3600,
        nodes=1,
        cpus=8,
        gpus=2,
        billing=10,
    )
    return replace(usage, **changes)


def ready(**changes: Any) -> Start:
    """A start whose server was ready."""
    rate = Rate(Decimal(3000), Unit.NODE_HOUR)
    return make_start("s-1", **({"rate": rate, "ready_at": NEW_YEAR - HOUR, "noted_at": NEW_YEAR - HOUR} | changes))


def away(begin: float, end: float) -> Interval:
    """Minutes after the job's begin."""
    began_at = NEW_YEAR - HOUR
    return Interval("s-1", began_at + begin * MINUTE, began_at + end * MINUTE)


def charge(start: Start | None = None, site: Site = SITE, intervals: tuple[Interval, ...] = (), **usage: Any) -> Charge:
    return make_charge(start or ready(), make_usage(**usage), intervals, site)


@pytest.mark.parametrize(
    ("moment", "amount"),
    [(NEW_YEAR - timedelta(microseconds=1), 3000), (NEW_YEAR, 3500), (NEW_YEAR + SECOND, 3500)],
)
def test_a_start_gets_the_price_of_the_very_moment_of_its_submit(moment: datetime, amount: int) -> None:
    queue = SITE.queue("v100")
    assert queue is not None
    assert find_rate(SITE, queue, "physics", moment) == Rate(Decimal(amount), Unit.NODE_HOUR)


def test_before_its_first_price_nothing_starts_in_a_queue() -> None:
    queue = SITE.queue("a100")
    assert queue is not None
    with pytest.raises(StartRefused, match=r"a100.*no price yet"):
        find_rate(SITE, queue, "physics", NEW_YEAR - SECOND)
    assert find_rate(SITE, queue, "physics", NEW_YEAR).unit is Unit.GPU_HOUR


@pytest.mark.parametrize(
    ("account", "moment", "percent"),
    [
        ("physics", NEW_YEAR - SECOND, "10"),
        ("physics", NEW_YEAR, "33.3"),
        ("chemistry", NEW_YEAR - SECOND, "0"),
        ("chemistry", NEW_YEAR, "100"),
        ("", NEW_YEAR, "0"),
    ],
)
def test_a_discount_is_the_accounts_own_at_that_moment(account: str, moment: datetime, percent: str) -> None:
    site = make_site(
        discounts=[
            {"account": "physics", "percent": "10"},
            {"account": "chemistry", "percent": "100", "valid_from": NEW_YEAR},
            {"account": "physics", "percent": "33.3", "valid_from": NEW_YEAR},
        ]
    )
    queue = site.queue("v100")
    assert queue is not None
    assert find_rate(site, queue, account, moment).discount_percent == Decimal(percent)


def test_a_queue_without_prices_is_free_with_or_without_billing() -> None:
    queue = SITE.queue("jupyter")
    assert queue is not None
    assert find_rate(SITE, queue, "", NEW_YEAR).amount == 0


NODES = (
    Node("g1", "g1", "idle", cpus_total=64, gpus={"a100": 4, "v100": 1}),
    Node("g2", "g2", "idle", cpus_total=32, gpus={"a100": 2}),
)
QUEUE = Queue("a100", NodeCounts(0, 2, 0), nodes=NODES)


@pytest.mark.parametrize(
    ("unit", "queue", "whole_nodes", "units"),
    [
        (Unit.NODE_HOUR, QUEUE, True, 3),
        (Unit.NODE_HOUR, None, False, 3),
        (Unit.GPU_HOUR, QUEUE, True, 15),
        (Unit.GPU_HOUR, QUEUE, False, 2),
        (Unit.GPU_HOUR, None, False, 2),
        (Unit.GPU_HOUR, None, True, 0),
        (Unit.CORE_HOUR, QUEUE, True, 192),
        (Unit.CORE_HOUR, QUEUE, False, 6),
        (Unit.CORE_HOUR, None, True, 0),
    ],
)
def test_the_most_units_are_those_of_the_largest_nodes(
    unit: Unit, queue: Queue | None, whole_nodes: bool, units: int
) -> None:
    assert count_units(Rate(Decimal(1), unit), queue, nodes=3, cpus=6, gpus=2, whole_nodes=whole_nodes) == units


@pytest.mark.parametrize(("unit", "units"), [(Unit.NODE_HOUR, 1), (Unit.CORE_HOUR, 8), (Unit.GPU_HOUR, 2)])
def test_units_are_what_slurm_has_given(unit: Unit, units: int) -> None:
    assert units_of(Rate(Decimal(1), unit), make_usage()) == units


def test_a_bill_by_hand() -> None:
    start = ready(rate=Rate(Decimal(3000), Unit.GPU_HOUR, Decimal("12.5")))
    written = charge(start, intervals=(away(10, 25), away(50, 60)))
    assert (written.elapsed_s, written.away_s, written.charged_s, written.units) == (3600, 1500, 2100, 2)
    assert written.amount_minor == 3063, "2 x 2100 s / 3600 s x 3000 x 0.875 = 3062.5"


def test_three_thirds_of_an_hour_are_an_hour() -> None:
    rate = Rate(Decimal(1), Unit.NODE_HOUR)
    assert 3 * compute_amount(rate, 1, 1200) == pytest.approx(Decimal(1), abs=Decimal("1e-20"))
    assert compute_amount(rate, 3, 1200) == 1
    assert compute_most(rate, 3, 20 * MINUTE, "KRW") == 1


@pytest.mark.parametrize("currency", ["KRW", "USD", "KWD"])
def test_amounts_are_those_of_exact_fractions(currency: str) -> None:
    chance = random.Random(currency)
    scale = {"KRW": 1, "USD": 100, "KWD": 1000}[currency]
    for _ in range(2000):
        rate = Rate(
            Decimal(chance.randrange(10**7)).scaleb(-chance.randrange(5)),
            Unit.NODE_HOUR,
            Decimal(chance.randrange(10001)).scaleb(-2),
        )
        units, seconds = chance.randrange(500), chance.randrange(30 * 86400)
        exact = units * Fraction(seconds, 3600) * Fraction(rate.amount) * (1 - Fraction(rate.discount_percent) / 100)
        most = compute_most(rate, units, timedelta(seconds=seconds), currency)
        assert most == math.ceil(exact * scale)
        usage = make_usage(started_at=NEW_YEAR - timedelta(seconds=seconds), elapsed_s=seconds, nodes=units)
        written = make_charge(ready(rate=rate), usage, (), make_site(currency))
        charged = exact * scale if written.why_free is WhyFree.NOTHING else Fraction(0)
        assert written.amount_minor == math.floor(charged + Fraction(1, 2)) <= most


def test_a_job_never_costs_more_than_was_held_back_for_its_limit() -> None:
    chance = random.Random(5)
    for _ in range(1000):
        rate = Rate(Decimal(chance.randrange(10**6)).scaleb(-3), Unit.NODE_HOUR, Decimal(chance.randrange(101)))
        limit_s = chance.randrange(1, 86400)
        elapsed_s = chance.randrange(limit_s + 1)
        usage = make_usage(started_at=NEW_YEAR - timedelta(seconds=elapsed_s), elapsed_s=elapsed_s)
        begin, length = chance.randrange(-60, 1500), chance.randrange(0, 600)
        written = make_charge(ready(rate=rate), usage, (away(begin, begin + length),), SITE)
        assert 0 <= written.amount_minor <= compute_most(rate, 1, timedelta(seconds=limit_s), "KRW")


@pytest.mark.parametrize(
    ("intervals", "minutes"),
    [
        ([], 0),
        ([away(0, 60)], 60),
        ([away(-30, 90)], 60),
        ([away(-30, 20)], 20),
        ([away(45, 500)], 15),
        ([away(-30, 0)], 0),
        ([away(60, 90)], 0),
        ([away(-90, -60), away(70, 100)], 0),
        ([away(10, 20)], 10),
        ([away(10, 20 - 1 / 60)], 0),
        ([away(10, 10)], 0),
        ([away(20, 10)], 0),
        ([away(55, 65)], 5),
        ([away(10, 30), away(20, 40)], 30),
        ([away(20, 40), away(10, 30)], 30),
        ([away(10, 50), away(20, 30)], 40),
        ([away(10, 30), away(10, 30)], 20),
        ([away(10, 30), away(30, 50)], 40),
        ([away(0, 9), away(9, 18)], 0),
    ],
)
def test_time_away_is_what_lies_in_the_jobs_time_counted_once(intervals: list[Interval], minutes: int) -> None:
    assert count_away(intervals, NEW_YEAR - HOUR, NEW_YEAR, AFTER) == minutes * 60
    assert charge(intervals=tuple(intervals)).away_s == minutes * 60


def test_time_away_is_that_of_seconds_marked_one_by_one() -> None:
    chance = random.Random(5)
    for _ in range(300):
        intervals, marked = [], set()
        for _ in range(chance.randrange(6)):
            begin, length = chance.randrange(-1800, 4000), chance.randrange(1800)
            intervals.append(
                Interval("s-1", NEW_YEAR - HOUR + begin * SECOND, NEW_YEAR - HOUR + (begin + length) * SECOND)
            )
            if length >= AFTER.total_seconds():
                marked |= set(range(max(0, begin), min(3600, begin + length)))
        assert count_away(intervals, NEW_YEAR - HOUR, NEW_YEAR, AFTER) == len(marked)


def test_time_away_is_never_longer_than_what_slurm_counts() -> None:
    """A job that was suspended has taken less time than lies between its begin and its end."""
    written = charge(intervals=(away(0, 60),), elapsed_s=600)
    assert (written.away_s, written.charged_s, written.amount_minor) == (600, 0, 0)


@pytest.mark.parametrize(
    ("start", "usage", "why"),
    [
        (ready(), {}, WhyFree.NOTHING),
        (ready(), {"state": JobState.CANCELLED}, WhyFree.NOTHING),
        (ready(), {"state": JobState.TIMEOUT}, WhyFree.NOTHING),
        (ready(), {"state": JobState.OUT_OF_MEMORY}, WhyFree.NOTHING),
        (ready(), {"state": JobState.PREEMPTED}, WhyFree.NOTHING),
        (ready(), {"state": JobState.FAILED, "exit_code": next(iter(OUR_FAULTS))}, WhyFree.NOTHING),
        (ready(), {"state": JobState.NODE_FAIL}, WhyFree.NODE_FAILED),
        (ready(), {"state": JobState.BOOT_FAIL}, WhyFree.NODE_FAILED),
        (ready(), {"state": JobState.CANCELLED, "started_at": None, "elapsed_s": 0}, WhyFree.NEVER_RAN),
        (ready(), {"elapsed_s": 0, "started_at": NEW_YEAR}, WhyFree.NEVER_RAN),
        (ready(ready_at=None), {"elapsed_s": STARTUP_S}, WhyFree.START_FAILED),
        (ready(ready_at=None), {"elapsed_s": STARTUP_S + 1}, WhyFree.NOTHING),
        (ready(ready_at=None), {}, WhyFree.NOTHING),
        (ready(), {"elapsed_s": 1}, WhyFree.NOTHING),
        (ready(use=Use.ENGINES), {"elapsed_s": 1, "exit_code": 1}, WhyFree.NOTHING),
        (ready(use=Use.ENGINES), {"elapsed_s": 1, "exit_code": next(iter(OUR_FAULTS))}, WhyFree.START_FAILED),
        (ready(use=Use.ENGINES), {"exit_code": next(iter(OUR_FAULTS))}, WhyFree.NOTHING),
        (ready(use=Use.ENGINES, ready_at=None), {"elapsed_s": 1}, WhyFree.NOTHING),
    ],
)
def test_what_is_free_is_free_by_the_rule_alone(start: Start, usage: dict[str, Any], why: WhyFree) -> None:
    written = charge(start, **usage)
    assert written.why_free is why
    assert (written.amount_minor == 0) == (why is not WhyFree.NOTHING)
    assert why is WhyFree.NOTHING or written.charged_s == 0


def test_a_free_queue_shows_its_hours_and_nothing_to_pay() -> None:
    start = ready(queue="jupyter", rate=Rate(Decimal(0), Unit.NODE_HOUR))
    written = charge(start, partition="jupyter", intervals=(away(0, 20),))
    assert written.why_free is WhyFree.FREE_QUEUE
    assert (written.charged_s, written.away_s, written.amount_minor) == (2400, 1200, 0)


def test_a_site_chooses_the_states_that_are_free() -> None:
    site = make_site(uncharged_states=["PREEMPTED"])
    assert charge(site=site, state=JobState.PREEMPTED).why_free is WhyFree.NODE_FAILED
    assert charge(site=site, state=JobState.NODE_FAIL).why_free is WhyFree.NOTHING


def test_a_price_change_does_not_reach_a_start_that_was_promised_the_old_one() -> None:
    written = charge(submitted_at=NEW_YEAR + SECOND, started_at=NEW_YEAR + MINUTE, ended_at=NEW_YEAR + MINUTE + HOUR)
    assert written.amount_minor == 3000


def test_a_job_that_was_moved_costs_what_its_new_queue_cost_at_its_submit() -> None:
    moved = make_usage(partition="cpu")
    assert keep_rate(ready(), moved, SITE) == Rate(Decimal("0.07"), Unit.CORE_HOUR)
    free = ready(queue="jupyter", rate=Rate(Decimal(0), Unit.NODE_HOUR), account="")
    written = charge(free)
    assert (written.account, written.queue, written.amount_minor) == ("physics", "v100", 3000)


@pytest.mark.parametrize("partition", ["a100", "gone"])
def test_a_job_that_was_moved_where_there_is_no_price_waits_for_the_operators(partition: str) -> None:
    with pytest.raises(Unpriced, match=r"Job 7.*" + partition):
        charge(partition=partition)
    assert charge(partition=partition, started_at=None, elapsed_s=0).why_free is WhyFree.NEVER_RAN


@pytest.mark.parametrize(
    "usage",
    [
        {"ended_at": None},
        {"ended_at": NEW_YEAR - 2 * HOUR},
        {"elapsed_s": 3601},
        {"elapsed_s": 10**12},
        {"started_at": None},
        {"started_at": NEW_YEAR + HOUR},
    ],
    ids=str,
)
def test_what_cannot_be_true_is_not_charged_but_told(usage: dict[str, Any]) -> None:
    with pytest.raises(Unpriced, match="Job 7 began at"):
        charge(**usage)


def test_what_is_free_is_explained_in_the_order_of_the_rule() -> None:
    usage = make_usage(state=JobState.NODE_FAIL, elapsed_s=0)
    free = Rate(Decimal(0), Unit.NODE_HOUR)
    startup = timedelta(seconds=STARTUP_S)
    assert explain_free(ready(), free, usage, {"NODE_FAIL"}, startup) is WhyFree.NEVER_RAN
    usage = replace(usage, elapsed_s=1)
    assert explain_free(ready(), free, usage, {"NODE_FAIL"}, startup) is WhyFree.FREE_QUEUE


def test_anybody_can_work_a_charge_out_again_from_what_it_keeps() -> None:
    written = charge(intervals=(away(0, 17),), nodes=3)
    again = compute_amount(written.rate, written.units, written.charged_s)
    assert abs(again - written.amount_minor) <= Decimal("0.5")
    assert written.charged_s == written.elapsed_s - written.away_s
