"""The ledger's charges: written once, never changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, select, tuple_

from neuronhub.billing.database import insert_new
from neuronhub.billing.rows import parse_charge, render_charge
from neuronhub.billing.schema import charges, running
from neuronhub.billing.selection import match_charges
from neuronhub.billing.types import Charge, Filter

KEY = (charges.c.cluster, charges.c.job_id, charges.c.submitted_at, charges.c.restart)
"""What names a segment of a job."""


def insert_charges(connection: Connection, offered: Sequence[Charge], at: datetime) -> list[Charge]:
    """Write those of ``offered`` that are not there yet; returns them, with their ids, in no order."""
    if not offered:
        return []
    written = {_key_of(charge): replace(charge, charged_at=at) for charge in offered}
    inserted = connection.execute(
        insert_new(connection, charges).returning(charges.c.id, *KEY),
        [render_charge(charge) for charge in written.values()],
    )
    ids = {(row.cluster, row.job_id, row.submitted_at, row.restart): row.id for row in inserted}
    if ids:  # an ended segment's last figures are no estimate of the next one
        names = [{"charged_name": written[key].job_name} for key in ids]
        connection.execute(delete(running).where(running.c.job_name == bindparam("charged_name")), names)
    return [replace(written[key], id=id_) for key, id_ in ids.items()]


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


def _key_of(charge: Charge) -> tuple[str, int, datetime, int]:
    return charge.cluster, charge.job_id, charge.submitted_at, charge.restart
