"""Sums of the ledger's charges for the usage page, each in one statement."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from functools import cache
from itertools import accumulate, groupby
from operator import itemgetter
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Integer,
    Row,
    Select,
    bindparam,
    case,
    func,
    literal,
    literal_column,
    select,
)

from neuronhub.billing.period import begin_day
from neuronhub.billing.schema import Moment, charges, credits
from neuronhub.billing.selection import match_charges
from neuronhub.billing.types import Filter, Total, Waits


def sum_by(connection: Connection, where: Filter, name: str) -> list[Total]:
    """Charges summed up by their column ``name`` (queue, user), in its order."""
    # Not the bare column: SQLite would walk through all of its index, to save sorting the few that were asked for.
    key = charges.c[name] + literal("")
    queue = key if name == "queue" else literal("")
    sums = _join_corrections(_select_sums(key, queue), charges)
    grouped = sums.where(*match_charges(where)).group_by(key).order_by(key)
    return [_parse_total(row, row.key) for row in connection.execute(grouped)]


def sum_by_member(connection: Connection, where: Filter) -> list[Total]:
    """Charges summed up by user and account, in that order; the key is the user."""
    c = charges.c
    by = (c.user + literal(""), c.account)  # see sum_by
    sums = _join_corrections(_select_sums(by[0], literal("")).add_columns(c.account), charges)
    grouped = sums.where(*match_charges(where)).group_by(*by).order_by(*by)
    return [_parse_total(row, row.key) for row in connection.execute(grouped)]


def sum_by_day(connection: Connection, where: Filter, zone: ZoneInfo) -> list[Total]:
    """Charges summed up by the day of ``zone`` on which they ended, and by queue, in that order.

    ``where`` must say since when and until when.
    """
    if where.since is None or where.until is None:
        raise ValueError("days are counted from a moment until a moment")
    days = list(_list_days(where.since, where.until, zone))
    day, bounds = _make_day_number(len(days))
    by = (day, charges.c.queue)
    sums = _join_corrections(_select_sums(day, charges.c.queue), charges)
    grouped = sums.where(*match_charges(where)).group_by(*by).order_by(*by)
    starts = dict(zip(bounds, (began_at for _, began_at in days[1:]), strict=True))
    return [_parse_total(row, days[row.key][0]) for row in connection.execute(grouped, starts)]


@cache
def _make_day_number(days: int) -> tuple[ColumnElement[int], tuple[str, ...]]:
    """Which of so many days a charge ended on, from 0, and the names of the moments at which all but the first begin.

    Halved again and again: it is worked out for each charge. The moments are parameters, so that the statement is
    compiled once.
    """
    names = tuple(f"day_{number}" for number in range(1, days))

    def halve(first: int, end: int) -> ColumnElement[int]:
        if end - first == 1:
            return literal_column(str(first), Integer)
        middle = (first + end) // 2
        before = charges.c.ended_at < bindparam(names[middle - 1], type_=Moment)
        return case((before, halve(first, middle)), else_=halve(middle, end))

    return halve(0, days), names


def fetch_waits(connection: Connection, where: Filter) -> list[Waits]:
    """Median and longest wait of segments that have begun, by queue, in its order."""
    c = charges.c
    by = (c.queue + literal(""), c.waited_s)  # see sum_by
    counted = (
        select(*by, func.count()).where(*match_charges(where), c.started_at.is_not(None)).group_by(*by).order_by(*by)
    )
    rows = [(str(queue), int(waited_s), int(count)) for queue, waited_s, count in connection.execute(counted)]
    return [_measure_waits(queue, [row[1:] for row in found]) for queue, found in groupby(rows, itemgetter(0))]


def _measure_waits(queue: str, counts: Sequence[tuple[int, int]]) -> Waits:
    """``counts``: seconds and how many waited for so long, in order."""
    total = sum(count for _, count in counts)
    reached = list(accumulate(count for _, count in counts))
    # The one in the middle, or the two of an even number.
    middle = [counts[bisect_left(reached, place)][0] for place in ((total + 1) // 2, (total + 2) // 2)]
    return Waits(queue, total, sum(middle) / 2, counts[-1][0])


def _list_days(since: datetime, until: datetime, zone: ZoneInfo) -> Iterator[tuple[str, datetime]]:
    day = since.astimezone(zone).date()
    while (began_at := begin_day(day, zone)) < until:
        yield day.isoformat(), began_at
        day += timedelta(days=1)


def _select_sums(key: ColumnElement[Any], queue: ColumnElement[str]) -> Select[Any]:
    c = charges.c
    corrected = func.coalesce(func.sum(_corrections.c.corrected_minor), 0)
    sums: Select[Any] = select(
        key.label("key"),
        queue.label("queue"),
        func.count().label("segments"),
        *(func.sum(c[name]).label(name) for name in ("waited_s", "elapsed_s", "away_s", "charged_s", "amount_minor")),
        func.sum(c.nodes * c.elapsed_s).label("node_s"),
        func.sum(c.gpus * c.elapsed_s).label("gpu_s"),
        func.sum(c.cpus * c.elapsed_s).label("cpu_s"),
        corrected.label("corrected_minor"),
    )
    return sums


def _join_corrections(sums: Select[Any], source: FromClause) -> Select[Any]:
    return sums.select_from(source.outerjoin(_corrections, _corrections.c.charge_id == charges.c.id))


def _parse_total(row: Row[Any], key: str) -> Total:
    account = row._mapping.get("account", "")
    numbers = {name: int(value) for name, value in row._mapping.items() if name not in ("key", "queue", "account")}
    return Total(key=key, queue=row.queue, account=account, **numbers)


_corrections = (
    select(credits.c.charge_id, func.sum(credits.c.amount_minor).label("corrected_minor"))
    .where(credits.c.charge_id.is_not(None))
    .group_by(credits.c.charge_id)
    .subquery()
)
"""One row for each charge that was corrected."""
