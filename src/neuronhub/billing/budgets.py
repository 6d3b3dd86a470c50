"""The ledger's budgets: credits that people write, what is left of them, and whether a start fits in."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, exists, func, insert, literal, select, union_all

from neuronhub.billing.money import MOST_MINOR, to_decimal
from neuronhub.billing.rows import parse_credit
from neuronhub.billing.schema import charges, credits, running, starts
from neuronhub.billing.starts import find_known
from neuronhub.billing.types import Balance, Charge, Credit, Start
from neuronhub.errors import BudgetExceeded, EntryRefused
from neuronhub.language import translate as _
from neuronhub.tariff import ACCOUNT

LONGEST_NOTE = 1000
LONGEST_NAME = 64


def refuse_overspending(connection: Connection, opened: Sequence[Start]) -> None:
    """Raise BudgetExceeded if those of ``opened`` that are new can cost more than their account has available.

    The transaction must be alone with the budgets of their accounts.
    """
    known = find_known(connection, [start.job_name for start in opened])
    most: Counter[str] = Counter()
    for start in {start.job_name: start for start in opened if start.job_name not in known}.values():
        most[start.account] += start.most_minor
    found = fetch_balances(connection, most)
    for account, minor in most.items():
        if minor > 0 and minor > found[account].available_minor:
            raise BudgetExceeded(account, found[account].available_minor)


def fetch_balances(connection: Connection, accounts: Collection[str] | None) -> dict[str, Balance]:
    """Account -> its budget, of ``accounts`` or of all that occur; in one statement, so of one moment."""
    nothing = literal(0)
    parts = [
        (credits, (func.sum(credits.c.amount_minor), nothing, nothing), credits.c.account != ""),
        (charges, (nothing, func.sum(charges.c.amount_minor), nothing), charges.c.account != ""),
        (starts, (nothing, nothing, func.sum(starts.c.most_minor)), _is_held() & (starts.c.account != "")),
    ]
    sums = union_all(
        *(
            select(table.c.account, *(column.label(name) for column, name in zip(columns, _SUMS, strict=True)))
            .where(condition, *([] if accounts is None else [table.c.account.in_(accounts)]))
            .group_by(table.c.account)
            for table, columns, condition in parts
        )
    ).subquery()
    total = select(sums.c.account, *(func.sum(sums.c[name]).label(name) for name in _SUMS)).group_by(sums.c.account)
    found = {
        row.account: Balance(row.account, *(int(row._mapping[name]) for name in _SUMS))
        for row in connection.execute(total)
    }
    return found | {account: Balance(account, 0, 0, 0) for account in accounts or () if account not in found}


_SUMS = ("granted", "charged", "held")


def _is_held() -> ColumnElement[bool]:
    """Not settled, and not just over: a job that has ended keeps its start open only in case it is requeued."""
    over = exists().where(charges.c.job_name == starts.c.job_name)
    goes_on = exists().where(running.c.job_name == starts.c.job_name)
    return ~starts.c.settled & (~over | goes_on)


def fetch_left(connection: Connection, account: str, moment: datetime) -> int:
    """What was left at ``moment``: credits until then less charges for what had ended by then."""
    granted = select(func.coalesce(func.sum(credits.c.amount_minor), 0)).where(
        credits.c.account == account, credits.c.at < moment
    )
    charged = select(func.coalesce(func.sum(charges.c.amount_minor), 0)).where(
        charges.c.account == account, charges.c.ended_at < moment
    )
    return int(connection.execute(select(granted.scalar_subquery() - charged.scalar_subquery())).scalar_one())


def insert_grant(
    connection: Connection, account: str, amount_minor: int, currency: str, *, by: str, note: str, at: datetime
) -> Credit:
    """Add to the budget of ``account``; raises EntryRefused."""
    if not re.fullmatch(ACCOUNT, account):
        raise EntryRefused(_("{name} is not the name of a Slurm account.").format(name=repr(account[:LONGEST_NAME])))
    if not 0 < amount_minor <= MOST_MINOR:
        raise EntryRefused(
            _("A grant is more than zero and at most {most} {currency}, not {amount}.").format(
                most=to_decimal(MOST_MINOR, currency), currency=currency, amount=to_decimal(amount_minor, currency)
            )
        )
    return _insert_credit(connection, Credit(account, amount_minor, "grant", by, note, at))


def insert_correction(
    connection: Connection, charge: Charge, amount_minor: int, currency: str, *, by: str, note: str, at: datetime
) -> Credit:
    """Give back ``amount_minor`` of ``charge``, or take back what was given so; raises EntryRefused.

    All corrections of a charge lie between nothing and its whole amount.
    """
    before = connection.scalar(select(func.sum(credits.c.amount_minor)).where(credits.c.charge_id == charge.id)) or 0
    if amount_minor == 0 or not 0 <= before + amount_minor <= charge.amount_minor:
        raise EntryRefused(
            _(
                "Charge {number} is {amount} {currency}, and {before} of it was given back already. All corrections"
                " together give back no less than nothing and no more than the charge, so not {more} more."
            ).format(
                number=charge.id,
                amount=to_decimal(charge.amount_minor, currency),
                currency=currency,
                before=to_decimal(int(before), currency),
                more=to_decimal(amount_minor, currency),
            )
        )
    credit = Credit(charge.account, amount_minor, "correction", by, note, at, charge_id=charge.id)
    return _insert_credit(connection, credit)


def fetch_credits(
    connection: Connection, account: str | None, since: datetime | None, until: datetime | None
) -> list[Credit]:
    """What was granted to ``account`` (None: to all) and corrected from ``since`` until before ``until``, in order."""
    found = select(credits).order_by(credits.c.at, credits.c.id)
    if account is not None:
        found = found.where(credits.c.account == account)
    if since is not None:
        found = found.where(credits.c.at >= since)
    if until is not None:
        found = found.where(credits.c.at < until)
    return [parse_credit(row) for row in connection.execute(found)]


def _insert_credit(connection: Connection, credit: Credit) -> Credit:
    values = {
        "account": credit.account,
        "amount_minor": credit.amount_minor,
        "kind": credit.kind,
        "by": _read_line(credit.by, LONGEST_NAME, _("An entry says who made it, in at most {count} characters.")),
        "note": _read_line(
            credit.note, LONGEST_NOTE, _("An entry needs a note of one line: why, in at most {count} characters.")
        ),
        "at": credit.at,
        "charge_id": credit.charge_id,
    }
    return parse_credit(connection.execute(insert(credits).values(values).returning(credits)).one())


def _read_line(text: str, longest: int, refusal: str) -> str:
    text = text.strip()
    if not text or len(text) > longest or not text.isprintable():
        raise EntryRefused(refusal.format(count=longest))
    return text
