"""What a Jupyter server, with its engines, costs so far; the charge itself is made when Slurm says it has ended."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from neuronhub.billing.ledger import Ledger
from neuronhub.billing.money import render_minor, round_amount
from neuronhub.billing.prices import compute_amount, count_away
from neuronhub.billing.types import Charge, Filter, Interval, Running, Start, Use
from neuronhub.site import Site
from neuronhub.slurm.types import Job

FRESH_LOOKS = 3
"""Whoever was away until so many looks ago is still away: the next look may be under way."""


@dataclass(frozen=True, slots=True)
class Group:
    """What the ledger holds of one server and its engines."""

    starts: tuple[Start, ...]
    charges: tuple[Charge, ...]
    running: tuple[Running, ...]
    away: tuple[Interval, ...]


def read_group(ledger: Ledger, server: str) -> Group:
    """Ask the ledger; raises LedgerUnavailable."""
    starts = ledger.fetch_group(server)
    names = {start.job_name for start in starts}
    charges: list[Charge] = []
    if starts:
        where = Filter(since=starts[0].noted_at, users=frozenset({starts[0].user}))
        charges = ledger.fetch_charges(where)
    return Group(
        starts=tuple(starts),
        charges=tuple(charge for charge in charges if charge.job_name in names),
        running=tuple(ledger.fetch_running(servers=[server])),
        away=tuple(ledger.fetch_away([server]).get(server, ())),
    )


@dataclass(frozen=True, slots=True)
class Cost:
    """What one start costs so far, in the currency's smallest unit."""

    so_far_minor: int = 0
    per_hour_minor: int = 0
    away_s: int = 0


def describe_group(
    group: Group, find_job: Callable[[str], Job | None], site: Site, moment: datetime
) -> dict[str, Any] | None:
    """As payment.Till.describe_cost promises; None when the server was never noted."""
    server = next((start for start in group.starts if start.use is Use.SERVER), None)
    if server is None:
        return None
    costs = {start.job_name: estimate(start, group, find_job(start.job_name), site, moment) for start in group.starts}
    engines = sum(cost.so_far_minor for name, cost in costs.items() if name != server.job_name)
    charged = {charge.job_name: charge.amount_minor for charge in group.charges}
    most = sum(charged.get(start.job_name, 0) if start.settled else start.most_minor for start in group.starts)
    return {
        "currency": site.currency,
        "account": server.account,
        "per_hour": render_minor(sum(cost.per_hour_minor for cost in costs.values()), site.currency),
        "so_far": render_minor(sum(cost.so_far_minor for cost in costs.values()), site.currency),
        "engines": render_minor(engines, site.currency),
        "most": render_minor(most, site.currency),
        "free": all(start.rate.amount == 0 for start in group.starts),
        "away_s": costs[server.job_name].away_s,
        "counted_at": moment.isoformat(),
        **describe_away(server, group, site, moment),
    }


def estimate(start: Start, group: Group, job: Job | None, site: Site, moment: datetime) -> Cost:
    """Charges of ``start``, and what its present segment costs until ``moment`` as far as Slurm has told of it."""
    charges = [charge for charge in group.charges if charge.job_name == start.job_name]
    charged = sum(charge.amount_minor for charge in charges)
    away_s = sum(charge.away_s for charge in charges)
    seen = next((one for one in group.running if one.start.job_name == start.job_name), None)
    if seen is None or start.settled or site.billing is None:
        return Cost(charged, away_s=away_s)
    ended = job is not None and job.state.ended
    since = timedelta(0) if ended else max(timedelta(0), moment - seen.seen_at)
    elapsed_s = seen.elapsed_s + int(since.total_seconds())
    now_away_s = count_away(group.away, seen.started_at, moment, site.billing.away.after)
    amount = compute_amount(start.rate, seen.units, max(0, elapsed_s - now_away_s))
    per_hour = 0 if ended else round_amount(compute_amount(start.rate, seen.units, 3600), site.currency)
    return Cost(charged + round_amount(amount, site.currency), per_hour, away_s + now_away_s)


def describe_away(server: Start, group: Group, site: Site, moment: datetime) -> dict[str, Any]:
    """Since when ``server`` has been away, and when that ends it, or engines of it before."""
    latest = max(group.away, key=lambda interval: interval.ended_at, default=None)
    nothing = {"away_since": None, "ends_away_at": None, "ends_engines": False, "warns_away": False}
    if latest is None or site.billing is None or server.settled:
        return nothing
    away = site.billing.away
    if moment - latest.ended_at > FRESH_LOOKS * away.look_every:
        return nothing
    limit, only_engines = min(_list_limits(group, site), default=(None, False))
    ends_at = latest.began_at + limit if limit else None
    return {
        "away_since": latest.began_at.isoformat(),
        "ends_away_at": ends_at.isoformat() if ends_at else None,
        "ends_engines": only_engines,
        "warns_away": ends_at is not None and ends_at - moment <= away.warn_before,
    }


def _list_limits(group: Group, site: Site) -> Iterator[tuple[timedelta, bool]]:
    """How long each job that costs money may be away, and whether it is one of engines; see hub.away."""
    for start in group.starts:
        queue = site.queue(start.queue)
        if queue and queue.away_limit and start.rate.amount > 0 and not start.settled:
            yield queue.away_limit, start.use is Use.ENGINES
