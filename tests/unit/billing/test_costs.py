"""What a server costs so far: from the ledger's last figures, whatever the clock does since."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from tests.unit.billing.entries import HOUR, NOON, make_charge, make_start
from tests.unit.spawn.test_options import HUB

from neuronhub.billing.costs import Group, describe_group, read_group
from neuronhub.billing.ledger import Ledger
from neuronhub.billing.types import Interval, Rate, Running, Unit, Use
from neuronhub.site import QueueSite, Site
from neuronhub.slurm.types import Job, JobState
from neuronhub.tariff import Away, Billing, Price

MINUTE = timedelta(minutes=1)
PRICES = (Price(amount=Decimal(12000)),)
SITE = Site(
    hub=HUB,
    billing=Billing(away=Away(after=10 * MINUTE, look_every=MINUTE, warn_before=30 * MINUTE)),
    queues=(
        QueueSite(name="v100", prices=PRICES, away_limit=2 * HOUR),
        QueueSite(name="short", prices=PRICES, away_limit=HOUR),
        QueueSite(name="a100", prices=PRICES),
        QueueSite(name="jupyter"),
    ),
)
SERVER = make_start("server")
ENGINES = make_start("engines", use=Use.ENGINES, server="server", queue="a100", most_minor=24000)
RUNNING = Running(SERVER, 7, NOON, 1800, 1, NOON + 30 * MINUTE)
GROUP = Group((SERVER,), (), (RUNNING,), ())


def describe(group: Group, minutes: float = 30, job: Job | None = None) -> dict[str, Any]:
    told = describe_group(group, lambda _name: job, SITE, NOON + minutes * MINUTE)
    assert told is not None
    return told


def test_a_running_server_costs_more_from_minute_to_minute() -> None:
    assert describe(GROUP) == {
        "currency": "KRW",
        "account": "physics",
        "per_hour": "12000",
        "so_far": "6000",
        "engines": "0",
        "most": "12000",
        "free": False,
        "away_s": 0,
        "counted_at": (NOON + 30 * MINUTE).isoformat(),
        "away_since": None,
        "ends_away_at": None,
        "ends_engines": False,
        "warns_away": False,
    }
    assert describe(GROUP, 45)["so_far"] == "9000"


def test_a_clock_that_was_set_back_takes_nothing_away() -> None:
    assert describe(GROUP, -600)["so_far"] == "6000"


def test_a_job_that_has_ended_costs_no_more() -> None:
    ended = Job(7, "server", "ada", "v100", JobState.CANCELLED)
    told = describe(GROUP, 59, ended)
    assert (told["so_far"], told["per_hour"]) == ("6000", "0")


def test_what_has_not_begun_costs_nothing_yet() -> None:
    told = describe(replace(GROUP, running=()))
    assert (told["so_far"], told["per_hour"], told["most"]) == ("0", "0", "12000")


def test_engines_are_part_of_it_while_they_run_and_after() -> None:
    running = Running(ENGINES, 8, NOON + 15 * MINUTE, 900, 2, NOON + 30 * MINUTE)
    both = Group((SERVER, ENGINES), (), (RUNNING, running), ())
    told = describe(both)
    assert (told["so_far"], told["engines"], told["per_hour"], told["most"]) == ("12000", "6000", "36000", "36000")
    over = replace(ENGINES, settled=True)
    charge = make_charge(over, 8, amount_minor=7000)
    told = describe(Group((SERVER, over), (charge,), (RUNNING,), ()))
    assert (told["so_far"], told["engines"], told["per_hour"], told["most"]) == ("13000", "7000", "12000", "19000")


def test_time_away_is_not_counted_once_it_is_long_enough() -> None:
    short = Interval("server", NOON, NOON + 9 * MINUTE)
    counted = Interval("server", NOON + 10 * MINUTE, NOON + 30 * MINUTE)
    assert describe(replace(GROUP, away=(short,)))["so_far"] == "6000"
    told = describe(replace(GROUP, away=(short, counted)))
    assert (told["so_far"], told["away_s"]) == ("2000", 1200)


@pytest.mark.parametrize(
    ("began", "ended", "now", "told"),
    [
        (0, 29, 30, (0, 120, False)),
        (0, 90, 91, (0, 120, True)),
        (0, 27, 30, (0, 120, False)),
        (0, 26, 30, None),  # somebody has come back
    ],
)
def test_who_is_away_now_reads_since_when_and_until_when(
    began: int, ended: int, now: int, told: tuple[int, int, bool] | None
) -> None:
    group = replace(GROUP, away=(Interval("server", NOON + began * MINUTE, NOON + ended * MINUTE),))
    shown = describe(group, now)
    expected = [
        (NOON + told[0] * MINUTE).isoformat() if told else None,
        (NOON + told[1] * MINUTE).isoformat() if told else None,
        told[2] if told else False,
    ]
    assert [shown["away_since"], shown["ends_away_at"], shown["warns_away"]] == expected


def test_a_queue_without_a_limit_ends_nobody() -> None:
    group = replace(
        GROUP, starts=(replace(SERVER, queue="a100"),), away=(Interval("server", NOON, NOON + 29 * MINUTE),)
    )
    assert describe(group)["away_since"] is not None
    assert describe(group)["ends_away_at"] is None


@pytest.mark.parametrize(
    ("server", "engines", "told"),
    [
        ("a100", "v100", (120, True)),
        ("jupyter", "v100", (120, True)),
        ("v100", "a100", (120, False)),
        ("v100", "v100", (120, False)),
        ("v100", "short", (60, True)),
        ("short", "v100", (60, False)),
    ],
)
def test_whoever_is_away_reads_of_the_end_that_comes_first(server: str, engines: str, told: tuple[int, bool]) -> None:
    starts = [replace(SERVER, queue=server), replace(ENGINES, queue=engines)]
    starts = [
        replace(one, rate=replace(one.rate, amount=Decimal(0))) if one.queue == "jupyter" else one for one in starts
    ]
    group = replace(GROUP, starts=tuple(starts), away=(Interval("server", NOON, NOON + 59 * MINUTE),))
    shown = describe(group, 59)
    assert shown["ends_away_at"] == (NOON + told[0] * MINUTE).isoformat()
    assert (shown["ends_engines"], shown["warns_away"]) == (told[1], told[0] == 60)
    over = replace(group, starts=(starts[0], replace(starts[1], settled=True)))
    assert not describe(over, 59)["ends_engines"]


def test_a_free_server_costs_nothing_and_says_so() -> None:
    free = replace(SERVER, queue="jupyter", rate=Rate(Decimal(0), Unit.NODE_HOUR), most_minor=0)
    told = describe(Group((free,), (), (replace(RUNNING, start=free),), ()))
    assert (told["free"], told["so_far"], told["most"]) == (True, "0", "0")


def test_a_server_that_was_never_noted_has_no_cost() -> None:
    nobody: Callable[[str], Job | None] = lambda _name: None  # noqa: E731
    assert describe_group(Group((), (), (), ()), nobody, SITE, NOON) is None


def test_the_ledger_tells_of_one_server_and_no_other(ledger: Ledger) -> None:
    over, other = replace(ENGINES, job_name="over"), make_start("other")
    ledger.open_starts([SERVER, ENGINES, over, other], policy="allow")
    kept = ledger.charge([make_charge(over, 9), make_charge(other, 10)], settled=["over", "other"])
    ledger.note_running([RUNNING, Running(other, 10, NOON, 1, 1, NOON)])
    away = ledger.extend_away("server", NOON, NOON + HOUR)
    group = read_group(ledger, "server")
    assert {start.job_name for start in group.starts} == {"server", "engines", "over"}
    assert group.charges == (kept[0],)
    assert [one.start.job_name for one in group.running] == ["server"]
    assert group.away == (away,)


def test_engines_that_have_just_ended_cost_what_they_did(ledger: Ledger) -> None:
    """They are charged at once, but settled only when squeue has forgotten them."""
    ledger.open_starts([SERVER, ENGINES], policy="allow")
    (charge,) = ledger.charge([make_charge(ENGINES, 9, amount_minor=700)])
    ledger.note_running([RUNNING])
    group = read_group(ledger, "server")
    assert (group.charges, describe(group)["engines"]) == ((charge,), "700")
