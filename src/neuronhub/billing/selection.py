"""Which rows of the ledger a reader asked for, and may see. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import ColumnElement, Table, or_

from neuronhub.billing.schema import charges
from neuronhub.billing.types import Filter


def match_jobs(table: Table, where: Filter) -> Iterator[ColumnElement[bool]]:
    """Conditions on ``table`` (starts or charges), all of which must hold; times are not looked at."""
    if where.users is not None:
        yield table.c.user.in_(where.users)
    if where.accounts is not None:
        yield table.c.account.in_(where.accounts)
    if where.queue is not None:
        yield table.c.queue == where.queue
    if where.job_id is not None:
        yield table.c.job_id == where.job_id
    if where.visible_users is not None or where.visible_accounts is not None:
        yield or_(
            table.c.user.in_(where.visible_users or ()),
            table.c.account.in_(where.visible_accounts or ()),
        )


def match_charges(where: Filter) -> Iterator[ColumnElement[bool]]:
    """Conditions on charges, all of which must hold."""
    yield from match_jobs(charges, where)
    if where.since is not None:
        yield charges.c.ended_at >= where.since
    if where.until is not None:
        yield charges.c.ended_at < where.until
