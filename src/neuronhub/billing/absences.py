"""The ledger's times away (row T2) and last looks at servers; what they mean is judged in billing.away."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import Connection, and_, delete, insert, select

from neuronhub.billing.database import take_portions
from neuronhub.billing.rows import parse_look, render_look
from neuronhub.billing.schema import away, looks
from neuronhub.billing.types import Interval, Look


def note_looks(connection: Connection, seen: Sequence[Look]) -> None:
    """Keep each of ``seen`` in place of the look at its server before."""
    for look in seen:
        connection.execute(delete(looks).where(looks.c.server == look.server))
        connection.execute(insert(looks).values(render_look(look)))


def fetch_looks(connection: Connection, servers: Collection[str]) -> dict[str, Look]:
    """Server -> the last look at it, of those that were looked at."""
    found: list[Look] = []
    for portion in take_portions(sorted(servers)):
        found += map(parse_look, connection.execute(select(looks).where(looks.c.server.in_(portion))))
    return {look.server: look for look in found}


def extend_away(connection: Connection, server: str, began_at: datetime, ended_at: datetime) -> Interval:
    """Note a time away; one with those that it touches. Returns the whole of it."""
    touching = and_(away.c.server == server, away.c.began_at <= ended_at, away.c.ended_at >= began_at)
    found = connection.execute(select(away.c.began_at, away.c.ended_at).where(touching)).all()
    whole = Interval(
        server,
        min([began_at, *(row.began_at for row in found)]),
        max([ended_at, *(row.ended_at for row in found)]),
    )
    connection.execute(delete(away).where(touching))
    connection.execute(insert(away).values(server=whole.server, began_at=whole.began_at, ended_at=whole.ended_at))
    return whole


def fetch_away(connection: Connection, servers: Collection[str]) -> dict[str, list[Interval]]:
    """Server -> its times away in order, of those that were ever away."""
    intervals: dict[str, list[Interval]] = {}
    for portion in take_portions(sorted(servers)):
        found = select(away).where(away.c.server.in_(portion)).order_by(away.c.server, away.c.began_at)
        for row in connection.execute(found):
            intervals.setdefault(row.server, []).append(Interval(row.server, row.began_at, row.ended_at))
    return intervals
