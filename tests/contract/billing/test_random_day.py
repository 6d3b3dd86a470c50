"""After a random day of 300 jobs, with slurmdbd and the collector killed, the ledger is what Slurm says, to the won."""

from __future__ import annotations

import asyncio
import os
import random
import secrets
import time
import zoneinfo
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path

import pytest
from tests.contract.billing.collecting import PATIENCE
from tests.contract.billing.day import FATES, FREE, LARGE, MIDDLE, PEOPLE, SMALL, Day, Lived, make_site
from tests.contract.billing.trouble import Collecting, trouble
from tests.contract.billing.zone import NAME, known_zones, write_zone
from tests.contract.slurm.door import make_settings
from tests.embedded import RunningSite

from neuronhub.billing.collector import Collector
from neuronhub.billing.ledger import Ledger
from neuronhub.billing.reconcile import reconcile
from neuronhub.billing.types import Filter, Total
from neuronhub.slurm.commands import Commands

pytestmark = pytest.mark.contract

DAY = timedelta(seconds=25)
CHANGE_AFTER = timedelta(seconds=8)
MIDNIGHT_AFTER = timedelta(seconds=16)
CATCH_UP_S = 60.0


@dataclass(frozen=True)
class Record:
    """A line of sacct, read by nothing of ours."""

    number: int
    submitted: int
    started: int
    ended: int
    elapsed: int
    queue: str
    state: str
    account: str
    units: dict[str, int]


@pytest.fixture
def midnight(tmp_path: Path) -> Iterator[datetime]:
    """In the middle of the day, by the time zone of the test's own."""
    moment = (datetime.now(UTC) + MIDNIGHT_AFTER).replace(microsecond=0)
    write_zone(tmp_path / "zones", moment)
    with known_zones(tmp_path / "zones"):
        yield moment


@pytest.fixture
def quiet(site: RunningSite) -> Iterator[RunningSite]:
    """Nothing of the day's people runs before, and nothing is left of it."""
    _cancel_all(site)
    yield site
    _cancel_all(site)


def _cancel_all(site: RunningSite) -> None:
    wait = "while squeue --noheader --user=" + ",".join(PEOPLE) + " | grep -q .; do sleep 0.2; done"
    for user in PEOPLE:
        site.run_inside(["/usr/bin/scancel", f"--user={user}"])
    site.run_inside(["/bin/sh", "-c", wait], within_s=60)


async def test_random_day(
    quiet: RunningSite, midnight: datetime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seed = int(os.environ.get("NEURONHUB_SEED") or secrets.randbits(32))
    print(f"seed {seed}: repeat with NEURONHUB_SEED={seed}")
    monkeypatch.setenv("PYTHONTZPATH", os.pathsep.join(zoneinfo.TZPATH))
    began_at = datetime.now(UTC).replace(microsecond=0)
    change_at = began_at + CHANGE_AFTER
    (tmp_path / "bin").mkdir()
    site = make_site(quiet, f"day{seed:08x}", NAME, change_at)
    site = site.model_copy(update={"slurm": make_settings(quiet, tmp_path / "bin")})
    (tmp_path / "site.json").write_text(site.model_dump_json())
    commands = Commands(site.slurm, become=True)
    ledger = Ledger(f"sqlite:///{tmp_path}/billing.sqlite", site.currency)
    ledger.ensure_schema()
    counted_before = await commands.fetch_counters()
    day = Day(quiet, site, commands, ledger, random.Random(seed))

    async with Collecting(tmp_path) as collecting:
        async with trouble(collecting, quiet, random.Random(seed + 1)):
            await day.live(DAY)
        await catch_up(ledger)
    assert collecting.killed > 3
    assert len(day.lived) == sum(FATES.values())

    again = await Collector(site, commands, ledger, patience=PATIENCE).collect()
    assert (again.charges, again.unpriced) == ((), ())
    until = datetime.now(UTC) + timedelta(seconds=1)
    differences = await reconcile(
        *(site, commands, ledger, began_at, until), now=until, grace=timedelta(0), counted_before=counted_before
    )
    assert [difference.sentence for difference in differences] == []

    records = read_sacct(quiet, began_at, {lived.number for lived in day.lived.values() if lived.number})
    compare_sums(ledger, day, records, change_at, began_at, until)
    assert not ledger.balances(None)["lab-a"].held_minor


async def catch_up(ledger: Ledger) -> None:
    """Wait until the collector has settled everything."""
    deadline = time.monotonic() + CATCH_UP_S
    while left := await asyncio.to_thread(ledger.fetch_open):
        assert time.monotonic() < deadline, left
        await asyncio.sleep(0.3)


def read_sacct(site: RunningSite, since: datetime, numbers: set[int]) -> list[Record]:
    """All segments of the day's jobs, by a way of the test's own."""
    shape = "--format=JobIDRaw,Submit,Start,End,ElapsedRaw,Partition,State,Account,AllocTRES"
    command = f"TZ=UTC SLURM_TIME_FORMAT=%s sacct -a -X -D -n -P {shape} -j {','.join(map(str, sorted(numbers)))}"
    records = []
    for line in site.run_inside(["/bin/sh", "-c", command]).stdout.splitlines():
        number, submitted, started, ended, elapsed, queue, state, account, tres = line.split("|")
        if int(submitted) < since.timestamp():
            continue
        given = dict(one.split("=") for one in tres.split(",") if one)
        units = {
            "node": int(given.get("node", 0)),
            "cpu": int(given.get("cpu", 0)),
            "gpu": int(given.get("gres/gpu", 0)),
        }
        began = int(started) if started.isdigit() else int(ended)
        records.append(
            Record(
                int(number), int(submitted), began, int(ended), int(elapsed), queue, state.split()[0], account, units
            )
        )
    return records


def work_out(record: Record, lived: Lived, others: dict[str, Lived], change_at: datetime) -> tuple[int, int]:
    """Seconds away and the price in won, as docs/*/billing.md works out a bill by hand."""
    start = lived.start
    moved = record.queue != start.queue
    moment = datetime.fromtimestamp(record.submitted, UTC) if moved else start.noted_at
    later = moment >= change_at
    unit, price = {
        FREE: ("node", Fraction(0)),
        SMALL: ("node", Fraction(1234567 if later else 300000)),
        MIDDLE: ("node", Fraction(500000)) if later else ("gpu", Fraction("999999.75")),
        LARGE: ("cpu", Fraction(77777)),
    }[record.queue]
    account = start.account or record.account if moved else start.account
    percent = Fraction(125, 10) if account == "lab-b" and later else Fraction(0)
    away = Fraction(0)
    if record.elapsed and start.server in others:
        for interval in others[start.server].away:
            if interval.ended_at - interval.began_at >= timedelta(seconds=1):
                first = max(Fraction(interval.began_at.timestamp()), Fraction(record.started))
                last = min(Fraction(interval.ended_at.timestamp()), Fraction(record.ended))
                away += max(Fraction(0), last - first)
    away_s = min(int(away), record.elapsed)
    free = record.state == "NODE_FAIL" or lived.fate in ("never-ready", "base-missing")
    if free or not record.elapsed:
        return away_s, 0
    amount = record.units[unit] * Fraction(record.elapsed - away_s, 3600) * price * (100 - percent) / 100
    return away_s, int(amount + Fraction(1, 2))


def compare_sums(
    ledger: Ledger, day: Day, records: list[Record], change_at: datetime, since: datetime, until: datetime
) -> None:
    """The ledger's sums are those that the test has worked out from sacct."""
    by_number = {lived.number: lived for lived in day.lived.values() if lived.number}
    sums: dict[str, Counter[str]] = {name: Counter() for name in ("user", "queue", "account", "day", "seconds", "away")}
    zone = zoneinfo.ZoneInfo(NAME)
    for record in records:
        lived = by_number[record.number]
        away_s, won = work_out(record, lived, day.lived, change_at)
        sums["user"][lived.start.user] += won
        sums["account"][lived.start.account or record.account] += won
        sums["queue"][record.queue if record.elapsed else lived.start.queue] += won
        sums["day"][datetime.fromtimestamp(record.ended, zone).date().isoformat()] += won
        sums["seconds"][lived.start.user] += record.elapsed
        sums["away"][lived.start.user] += away_s
    where = Filter(since=since, until=until)
    assert len(ledger.fetch_charges(where)) == len(ledger.fetch_charges(Filter())) == len(records)
    assert len(sums["day"]) == 2
    assert add(ledger.sum_by_day(where, zone)) == sums["day"]
    assert add(replace(one, key=one.account) for one in ledger.sum_by_member(where)) == sums["account"]
    assert add(ledger.sum_by_queue(where)) == sums["queue"]
    assert add(ledger.sum_by_user(where)) == sums["user"]
    users = ledger.sum_by_user(where)
    assert {one.key: one.elapsed_s for one in users} == sums["seconds"]
    assert {one.key: one.away_s for one in users} == sums["away"]
    assert sum(sums["user"].values()) > 0
    assert sum(sums["away"].values()) > 0


def add(totals: Iterable[Total]) -> Counter[str]:
    """Won by key, over queues."""
    found: Counter[str] = Counter()
    for total in totals:
        found[total.key] += total.amount_minor
    return found
