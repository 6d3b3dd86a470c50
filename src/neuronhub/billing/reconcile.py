"""Compares the ledger with Slurm's accounting and with Slurm's own billing counters. Only reads; by hub or operator."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol

from neuronhub.billing.collector import Patience
from neuronhub.billing.differences import (
    Difference,
    Key,
    Kind,
    OurNames,
    compare_charge,
    compare_start,
    find_never_noted,
    key_of,
)
from neuronhub.billing.ledger import Ledger
from neuronhub.billing.segments import find_segments
from neuronhub.billing.types import Charge, Filter, Start
from neuronhub.language import translate as _
from neuronhub.site import Site
from neuronhub.slurm.usage import Usage

PORTION = timedelta(days=1)
"""sacct is asked for so much at a time: all jobs of the cluster are in it."""
IDS_AT_ONCE = 1000
EARLIER = timedelta(days=31)
"""Jobs that end in a period may have been noted so long before it."""
HOUR = timedelta(hours=1)
SUMMED_UP = timedelta(minutes=20)
"""So long after an hour slurmdbd has surely summed it up."""


class Questions(Protocol):
    """The part of slurm.commands.Commands that is used here."""

    async def fetch_usage(self, ids: Collection[int], names: Collection[str], since: datetime) -> tuple[Usage, ...]: ...
    async def fetch_window(
        self, since: datetime, until: datetime, partitions: Collection[str] = ()
    ) -> tuple[Usage, ...]: ...
    async def fetch_billed(self, since: datetime, until: datetime) -> dict[str, int]: ...
    async def fetch_counters(self) -> dict[str, int]: ...


@dataclass
class _Books:
    """What both sides have of a period."""

    charges: dict[Key, Charge]
    starts: dict[str, Start]
    """By name: those noted in the period or a month before it, all that are open, and those of the charges."""
    expected: frozenset[str]
    """Of them, those that Slurm must know in the period: all but settled ones that were noted before it."""
    segments: dict[Key, Usage] = field(default_factory=dict)
    """Records of accounting that may be of one of ``starts``, or are called like the hub's own jobs."""
    billed: Counter[str] = field(default_factory=Counter)
    """Account -> billing times seconds of whole hours of the period, of all jobs."""
    spent: Counter[str] = field(default_factory=Counter)
    """The same of all segments that ended in the period."""
    unsettled: set[str] = field(default_factory=set)
    """Accounts with jobs that run, or whose time within the period is not known: their counters cannot be compared."""


async def reconcile(
    site: Site,
    commands: Questions,
    ledger: Ledger,
    since: datetime,
    until: datetime,
    *,
    now: datetime | None = None,
    grace: timedelta | None = None,
    counted_before: Mapping[str, int] | None = None,
) -> list[Difference]:
    """Every difference about what ended from ``since`` until before ``until``.

    What ended within ``grace`` is left to the collector. ``counted_before``: what Slurm's counters of accounts
    (fetch_counters) were at ``since``; with them it is looked how they have grown until now.
    Raises SlurmUnavailable and LedgerUnavailable.
    """
    assert site.billing is not None, "there is no ledger without billing in the site file"
    now = now or datetime.now(UTC)
    grace = grace if grace is not None else 3 * site.billing.collect_every + timedelta(seconds=Patience().steady_s)
    hours = _find_hours(since, min(until, now - SUMMED_UP))
    books = await asyncio.to_thread(_read_ledger, ledger, since, until)
    await _read_accounting(books, commands, since, min(until, now), hours, OurNames(site.hub.name))
    found = await asyncio.to_thread(lambda: list(_compare(books, ledger, site, since, min(until, now - grace))))
    if hours:
        found += _compare_counters(books.billed, await commands.fetch_billed(*hours), books.unsettled)
    if counted_before is not None:
        counted = await commands.fetch_counters()
        grown = {account: counted[account] - counted_before.get(account, 0) for account in counted}
        found += _compare_counters(books.spent, grown, books.unsettled)
    return found


def _read_ledger(ledger: Ledger, since: datetime, until: datetime) -> _Books:
    charges = ledger.fetch_charges(Filter(since=since, until=until))
    starts = {start.job_name: start for start in [*ledger.fetch_starts(since - EARLIER, until), *ledger.fetch_open()]}
    charged = {charge.job_name for charge in charges}
    for name in charged - set(starts):
        start = ledger.find_start(name)
        assert start is not None, "the ledger takes no charge without its start"
        starts[name] = start
    expected = {name for name, start in starts.items() if not start.settled or start.noted_at >= since}
    return _Books({key_of(charge): charge for charge in charges}, starts, frozenset(charged | expected))


async def _read_accounting(
    books: _Books,
    commands: Questions,
    since: datetime,
    until: datetime,
    hours: tuple[datetime, datetime] | None,
    names: OurNames,
) -> None:
    ids = {(start.user, start.job_id) for start in books.starts.values()}
    counted: set[Key] = set()
    begin = since
    while begin < until:
        end = min(begin + PORTION, until)
        for usage in await commands.fetch_window(begin, end):
            if (usage.user, usage.job_id) in ids or usage.name in books.starts or names.match(usage.name):
                books.segments[key_of(usage)] = usage
            if usage.billing and key_of(usage) not in counted:
                counted.add(key_of(usage))
                _count(books, usage, since, until, hours)
        begin = end
    told = {usage.job_id for usage in books.segments.values()}
    sought = {books.starts[name].job_id for name in books.expected} - told
    missing = sorted(number for number in sought if number is not None)
    for first in range(0, len(missing), IDS_AT_ONCE):
        for usage in await commands.fetch_usage(missing[first : first + IDS_AT_ONCE], (), since - EARLIER):
            books.segments[key_of(usage)] = usage


def _count(
    books: _Books, usage: Usage, since: datetime, until: datetime, hours: tuple[datetime, datetime] | None
) -> None:
    if usage.started_at is None:
        return
    if not usage.over:
        books.unsettled.add(usage.account)
        return
    assert usage.ended_at is not None, "what is over has an end"
    if since <= usage.ended_at < until:
        books.spent[usage.account] += usage.billing * usage.elapsed_s
    if hours is None:
        return
    begin, end = max(usage.started_at, hours[0]), min(usage.ended_at, hours[1])
    within_s = max(0, int((end - begin).total_seconds()))
    whole_s = int((usage.ended_at - usage.started_at).total_seconds())
    if within_s == whole_s:
        within_s = usage.elapsed_s
    elif within_s and usage.elapsed_s != whole_s:  # it was suspended, who knows when
        books.unsettled.add(usage.account)
    books.billed[usage.account] += usage.billing * within_s


def _compare(books: _Books, ledger: Ledger, site: Site, since: datetime, before: datetime) -> Iterator[Difference]:
    segments = find_segments(books.starts.values(), books.segments.values())
    away = ledger.fetch_away({start.server for start in books.starts.values()})
    elsewhere = _find_elsewhere(books, ledger, segments)
    for start in books.starts.values():
        own = [usage for usage in segments.get(start.job_name, ()) if usage.ended_at is None or usage.ended_at >= since]
        if own or (start.job_name in books.expected and start.job_name not in segments):
            yield from compare_start(start, own, elsewhere, before)
    yield from find_never_noted(books.segments.values(), books.starts.values(), OurNames(site.hub.name))
    for key, charge in books.charges.items():
        start = books.starts[charge.job_name]
        usage = next((one for one in segments.get(charge.job_name, ()) if key_of(one) == key), None)
        yield from compare_charge(charge, start, usage, away.get(start.server, ()), site)


def _find_elsewhere(books: _Books, ledger: Ledger, segments: Mapping[str, Sequence[Usage]]) -> dict[Key, Charge]:
    """All charges of the period, and of segments that the ledger lets end in another one."""
    found = dict(books.charges)
    for usage in (usage for own in segments.values() for usage in own if usage.over):
        if key_of(usage) not in found:
            found |= {key_of(one): one for one in ledger.fetch_charges(Filter(job_id=usage.job_id))}
    return found


def _find_hours(since: datetime, until: datetime) -> tuple[datetime, datetime] | None:
    """The whole hours between the two, as slurmdbd sums them up; None when there are none."""
    floor = since.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    begin = floor if floor == since else floor + HOUR
    end = until.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    return (begin, end) if begin < end else None


def _compare_counters(
    expected: Mapping[str, int], counted: Mapping[str, int], left_out: Collection[str]
) -> Iterable[Difference]:
    totals: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0])
    for index, side in enumerate((expected, counted)):
        for account, total in side.items():
            totals[account][index] = total
    for account, (here, there) in sorted(totals.items()):
        if here != there and account not in left_out:
            sentence = _(
                "Account {account}: its jobs come to {here} billing seconds in sacct, and Slurm counted {there}."
            )
            yield Difference(Kind.COUNTERS, sentence.format(account=account, here=here, there=there), account=account)
