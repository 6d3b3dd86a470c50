"""The ledger's starts: jobs that the hub noted before it submitted them, and last figures of those that run."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import Connection, and_, delete, false, select, true, update

from neuronhub.billing.database import insert_new, take_portions
from neuronhub.billing.rows import parse_running, parse_start, render_running, render_start
from neuronhub.billing.schema import looks, running, starts
from neuronhub.billing.selection import match_jobs
from neuronhub.billing.types import Filter, Running, Start


def insert_starts(connection: Connection, opened: Sequence[Start]) -> None:
    """Note each of ``opened`` whose name is not there yet."""
    for portion in take_portions(opened):
        connection.execute(insert_new(connection, starts), [render_start(start) for start in portion])


def find_known(connection: Connection, job_names: Collection[str]) -> frozenset[str]:
    """Those of ``job_names`` that are noted already."""
    known: set[str] = set()
    for portion in take_portions(sorted(job_names)):
        known |= set(connection.scalars(select(starts.c.job_name).where(starts.c.job_name.in_(portion))))
    return frozenset(known)


def note_job(connection: Connection, job_name: str, job_id: int) -> None:
    """Slurm's id of it; a name that was never noted changes nothing."""
    connection.execute(update(starts).where(starts.c.job_name == job_name).values(job_id=job_id))


def note_ready(connection: Connection, job_name: str, at: datetime) -> None:
    """The first time that it was ready; later ones change nothing."""
    first = and_(starts.c.job_name == job_name, starts.c.ready_at.is_(None))
    connection.execute(update(starts).where(first).values(ready_at=at))


def settle(connection: Connection, job_names: Collection[str]) -> None:
    """Nothing more will come of these."""
    for portion in take_portions(sorted(job_names)):
        connection.execute(update(starts).where(starts.c.job_name.in_(portion)).values(settled=true()))
        connection.execute(delete(looks).where(looks.c.server.in_(portion)))
    forget_running(connection, job_names)


def reopen(connection: Connection, job_names: Collection[str]) -> None:
    """More will come of these, although they were settled."""
    for portion in take_portions(sorted(job_names)):
        connection.execute(update(starts).where(starts.c.job_name.in_(portion)).values(settled=false()))


def forget_running(connection: Connection, job_names: Collection[str]) -> None:
    """Drop the last figures of these jobs."""
    for portion in take_portions(sorted(job_names)):
        connection.execute(delete(running).where(running.c.job_name.in_(portion)))


def fetch_starts(connection: Connection, since: datetime, until: datetime) -> list[Start]:
    """Starts noted from ``since`` until before ``until``, settled ones too, the oldest first."""
    found = select(starts).where(starts.c.noted_at >= since, starts.c.noted_at < until).order_by(starts.c.noted_at)
    return [parse_start(row) for row in connection.execute(found)]


def find_start(connection: Connection, job_name: str) -> Start | None:
    """The start of that name."""
    row = connection.execute(select(starts).where(starts.c.job_name == job_name)).one_or_none()
    return parse_start(row) if row else None


def fetch_open(connection: Connection) -> list[Start]:
    """All that are not settled, the oldest first."""
    found = select(starts).where(starts.c.settled == false()).order_by(starts.c.noted_at, starts.c.job_name)
    return [parse_start(row) for row in connection.execute(found)]


def fetch_group(connection: Connection, server: str) -> list[Start]:
    """A server's start and its engines', settled ones too, the oldest first."""
    found = select(starts).where(starts.c.server == server).order_by(starts.c.noted_at, starts.c.job_name)
    return [parse_start(row) for row in connection.execute(found)]


def note_running(connection: Connection, seen: Sequence[Running]) -> None:
    """Keep the latest figures of each of ``seen``."""
    for one in seen:
        connection.execute(delete(running).where(running.c.job_name == one.start.job_name))
        connection.execute(running.insert().values(render_running(one)))


def fetch_running(connection: Connection, where: Filter, servers: Collection[str] | None) -> list[Running]:
    """Last figures of what runs (times of ``where`` are not looked at), the oldest first."""
    found = (
        select(starts, running.c.job_id.label("running_id"), *(c for c in running.c if c.name not in starts.c))
        .join_from(running, starts, running.c.job_name == starts.c.job_name)
        # Said twice, so that SQLite looks up the few that run, and does not walk through all starts of years.
        .where(starts.c.job_name.in_(select(running.c.job_name)), *match_jobs(starts, where))
        .order_by(running.c.started_at, running.c.job_name)
    )
    if servers is not None:
        found = found.where(starts.c.server.in_(servers))
    return [parse_running(row) for row in connection.execute(found)]
