"""The ledger's charges: written once, never changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection, select, tuple_

from neuronhub.billing.database import insert_new, take_portions
from neuronhub.billing.rows import parse_charge, render_charge
from neuronhub.billing.schema import charges
from neuronhub.billing.selection import match_charges
from neuronhub.billing.starts import forget_running
from neuronhub.billing.types import Charge, Filter

KEY = (charges.c.cluster, charges.c.job_id, charges.c.submitted_at, charges.c.restart)
"""What names a segment of a job."""
ROWS_OF_INSERT = 20
"""In one statement: PostgreSQL takes longer than in proportion to read a long one."""
_Key = tuple[str, int, datetime, int]


def insert_charges(connection: Connection, offered: Sequence[Charge], at: datetime) -> list[Charge]:
    """Write those of ``offered`` that are not there yet; returns them, with their ids, in no order."""
    written = {_key_of(charge): charge for charge in offered}
    ids: dict[_Key, int] = {}
    for portion in take_portions(list(written.values())):
        inserted = connection.execute(
            insert_new(connection, charges).returning(charges.c.id, *KEY),
            [render_charge(charge) | {"charged_at": at} for charge in portion],
            execution_options={"insertmanyvalues_page_size": ROWS_OF_INSERT},
        )
        ids |= {(row.cluster, row.job_id, row.submitted_at, row.restart): row.id for row in inserted}
    # An ended segment's last figures are no estimate of the next one.
    forget_running(connection, {written[key].job_name for key in ids})
    return [replace(written[key], id=id_, charged_at=at) for key, id_ in ids.items()]


def find_charge(connection: Connection, charge_id: int) -> Charge | None:
    """The charge of that id."""
    row = connection.execute(select(charges).where(charges.c.id == charge_id)).one_or_none()
    return parse_charge(row) if row else None


def fetch_charges(
    connection: Connection, where: Filter, *, limit: int | None, skip: int, after: int | None, newest_first: bool
) -> list[Charge]:
    """Charges in the order of their ends; at most ``limit``, but the first ``skip``, after that of id ``after``."""
    place = tuple_(charges.c.ended_at, charges.c.id)
    found = select(charges).where(*match_charges(where)).limit(limit).offset(skip or None)
    if after is not None:
        last = charges.alias()
        reached = select(last.c.ended_at, last.c.id).where(last.c.id == after).scalar_subquery()
        found = found.where(place < reached if newest_first else place > reached)
    order = [column.desc() if newest_first else column for column in (charges.c.ended_at, charges.c.id)]
    return [parse_charge(row) for row in connection.execute(found.order_by(*order))]


def _key_of(charge: Charge) -> _Key:
    return charge.cluster, charge.job_id, charge.submitted_at, charge.restart
