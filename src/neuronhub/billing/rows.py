"""Rows of the ledger's tables, and the frozen values that they hold, there and back. Pure."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from sqlalchemy import Row

from neuronhub.billing.types import Charge, Credit, Look, Rate, Running, Start, Unit, Use, WhyFree
from neuronhub.slurm.usage import Work


def render_rate(rate: Rate) -> dict[str, Any]:
    """Columns of a rate; decimals as exact texts."""
    return {
        "rate_amount": format(rate.amount, "f"),
        "rate_unit": rate.unit.value,
        "discount_percent": format(rate.discount_percent, "f"),
    }


def parse_rate(row: Row[Any]) -> Rate:
    """The opposite."""
    return Rate(Decimal(row.rate_amount), Unit(row.rate_unit), Decimal(row.discount_percent))


def render_start(start: Start) -> dict[str, Any]:
    """A row of ``starts``."""
    return {
        "job_name": start.job_name,
        "use": start.use.value,
        "server": start.server,
        "user": start.user,
        "account": start.account,
        "queue": start.queue,
        "most_minor": start.most_minor,
        "noted_at": start.noted_at,
        "job_id": start.job_id,
        "ready_at": start.ready_at,
        "settled": start.settled,
        **render_rate(start.rate),
    }


def parse_start(row: Row[Any]) -> Start:
    """The opposite; ``row`` may hold more columns."""
    return Start(
        job_name=row.job_name,
        use=Use(row.use),
        server=row.server,
        user=row.user,
        account=row.account,
        queue=row.queue,
        rate=parse_rate(row),
        most_minor=row.most_minor,
        noted_at=row.noted_at,
        job_id=row.job_id,
        ready_at=row.ready_at,
        settled=row.settled,
    )


_PLAIN = (
    "cluster job_id submitted_at restart job_name user account queue state started_at ended_at "
    "elapsed_s away_s charged_s units amount_minor nodes gpus cpus billing charged_at"
).split()
"""Columns of ``charges`` that hold a charge's field as it is."""


def render_charge(charge: Charge) -> dict[str, Any]:
    """A row of ``charges``, without its id."""
    began_at = charge.started_at or charge.ended_at
    return {
        **{name: getattr(charge, name) for name in _PLAIN},
        "use": charge.use.value,
        "why_free": charge.why_free.value,
        "waited_s": max(0, int((began_at - charge.submitted_at).total_seconds())),
        **render_rate(charge.rate),
    }


def parse_charge(row: Row[Any]) -> Charge:
    """The opposite."""
    plain = {name: getattr(row, name) for name in _PLAIN}
    return Charge(**plain, id=row.id, use=Use(row.use), why_free=WhyFree(row.why_free), rate=parse_rate(row))


def parse_credit(row: Row[Any]) -> Credit:
    """A row of ``credits``."""
    return Credit(
        account=row.account,
        amount_minor=row.amount_minor,
        kind=row.kind,
        by=row.by,
        note=row.note,
        at=row.at,
        charge_id=row.charge_id,
        id=row.id,
    )


def render_running(running: Running) -> dict[str, Any]:
    """A row of ``running``."""
    return {
        "job_name": running.start.job_name,
        "job_id": running.job_id,
        "started_at": running.started_at,
        "elapsed_s": running.elapsed_s,
        "units": running.units,
        "seen_at": running.seen_at,
    }


def render_look(look: Look) -> dict[str, Any]:
    """A row of ``looks``."""
    work = {str(job_id): [found.cpu_s, found.gpu_percent, found.steps_ended] for job_id, found in look.work.items()}
    return {
        "server": look.server,
        "looked_at": look.looked_at,
        "traffic_at": look.traffic_at,
        "work": json.dumps(work),
    }


def parse_look(row: Row[Any]) -> Look:
    """The opposite."""
    work = {int(job_id): Work(*figures) for job_id, figures in json.loads(row.work).items()}
    return Look(row.server, row.looked_at, row.traffic_at, work)


def parse_running(row: Row[Any]) -> Running:
    """A row of ``running``, its job id as ``running_id``, beside that of its start."""
    return Running(
        start=parse_start(row),
        job_id=row.running_id,
        started_at=row.started_at,
        elapsed_s=row.elapsed_s,
        units=row.units,
        seen_at=row.seen_at,
    )
