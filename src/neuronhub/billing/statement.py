"""The statement of an account for a month, or of one user's own jobs: what was there, what came, went and is left.

A job belongs to the month in which it ended. Sums are made of what is listed, in whole units of the currency's
smallest coin, so they add up whatever is written meanwhile.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

from neuronhub.billing.ledger import Ledger
from neuronhub.billing.period import Month
from neuronhub.billing.types import Charge, Credit, Filter, Total

MOST_LISTED = 2000
"""A statement with more jobs than this shows their sums only."""


@dataclass(frozen=True, slots=True)
class Line:
    """Jobs of a statement that have something in common."""

    key: str
    jobs: int
    elapsed_s: int
    away_s: int
    charged_s: int
    amount_minor: int


_NOTHING = Line("", 0, 0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Statement:
    """What happened in a month."""

    account: str
    """'': the jobs of ``user``, in whatever account; then there are no balances and no credits."""
    user: str
    month: Month
    opening_minor: int
    credits: tuple[Credit, ...]
    charges: tuple[Charge, ...]
    """In the order of their ends; empty if there are more than MOST_LISTED."""
    by_queue: tuple[Line, ...]
    by_user: tuple[Line, ...]
    total: Line

    @property
    def credited_minor(self) -> int:
        """What was granted and corrected in the month."""
        return sum(credit.amount_minor for credit in self.credits)

    @property
    def closing_minor(self) -> int:
        """What is left at the end; the next month opens with it."""
        return self.opening_minor + self.credited_minor - self.total.amount_minor


def fetch_statement(ledger: Ledger, account: str, month: Month, zone: ZoneInfo) -> Statement:
    """The statement of ``account``; who may read it is the caller's to say. Raises LedgerUnavailable."""
    since, until = month.since(zone), month.until(zone)
    accounts = frozenset({account})
    opening = ledger.fetch_left(account, since)
    given = tuple(ledger.fetch_credits(account, since, until))
    empty = Statement(account, "", month, opening, given, (), (), (), _NOTHING)
    return _add_charges(ledger, empty, Filter(since=since, until=until, accounts=accounts))


def fetch_own_statement(ledger: Ledger, user: str, month: Month, zone: ZoneInfo) -> Statement:
    """The jobs of ``user`` in all accounts; no balance goes with them. Raises LedgerUnavailable."""
    empty = Statement("", user, month, 0, (), (), (), (), _NOTHING)
    where = Filter(since=month.since(zone), until=month.until(zone), users=frozenset({user}))
    return _add_charges(ledger, empty, where)


def _add_charges(ledger: Ledger, statement: Statement, where: Filter) -> Statement:
    charges = ledger.fetch_charges(where, limit=MOST_LISTED + 1)
    if len(charges) > MOST_LISTED:
        return _add_sums(ledger, statement, where)
    return replace(
        statement,
        charges=tuple(charges),
        by_queue=_group((charge.queue, charge) for charge in charges),
        by_user=_group((charge.user, charge) for charge in charges),
        total=_sum_up("", charges),
    )


def _add_sums(ledger: Ledger, statement: Statement, where: Filter) -> Statement:
    by_user = tuple(_read_line(total) for total in ledger.sum_by_user(where))
    by_queue = tuple(_read_line(total) for total in ledger.sum_by_queue(where))
    return replace(statement, by_queue=by_queue, by_user=by_user, total=_add_lines(by_queue))


def _group(keyed: Iterable[tuple[str, Charge]]) -> tuple[Line, ...]:
    """Sums of charges by their key, in its order."""
    groups: dict[str, list[Charge]] = defaultdict(list)
    for key, charge in keyed:
        groups[key].append(charge)
    return tuple(_sum_up(key, groups[key]) for key in sorted(groups))


def _sum_up(key: str, charges: Sequence[Charge]) -> Line:
    return Line(
        key=key,
        jobs=len(charges),
        elapsed_s=sum(charge.elapsed_s for charge in charges),
        away_s=sum(charge.away_s for charge in charges),
        charged_s=sum(charge.charged_s for charge in charges),
        amount_minor=sum(charge.amount_minor for charge in charges),
    )


def _read_line(total: Total) -> Line:
    return Line(total.key, total.segments, total.elapsed_s, total.away_s, total.charged_s, total.amount_minor)


def _add_lines(lines: Iterable[Line]) -> Line:
    total = _NOTHING
    for line in lines:
        total = Line(
            "",
            total.jobs + line.jobs,
            total.elapsed_s + line.elapsed_s,
            total.away_s + line.away_s,
            total.charged_s + line.charged_s,
            total.amount_minor + line.amount_minor,
        )
    return total
