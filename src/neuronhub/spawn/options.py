"""The start page's values: what the cluster offers to one user, and form or REST fields -> a checked Choice.

Pure but for the clock; runs in the hub process.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from babel.numbers import get_currency_precision

from neuronhub import language
from neuronhub.errors import StartRefused
from neuronhub.language import translate as _
from neuronhub.site import QueueSite, Site
from neuronhub.slurm.nodes import can_start
from neuronhub.slurm.parse import parse_time_limit, render_time_limit
from neuronhub.slurm.types import ClusterSnapshot, Queue
from neuronhub.spawn.given import count_cpus, count_gpus
from neuronhub.tariff import ACCOUNT

FIELDS = frozenset({"queue", "time_limit", "account"})
FALLBACK_TIME = timedelta(hours=1)
"""Time limit offered where neither the site file nor Slurm names a default."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What a user may choose: a queue of the site, a time limit (whole minutes) and a Slurm account."""

    queue: str
    time_limit: timedelta
    account: str = ""
    """'': none chosen."""

    def to_options(self) -> dict[str, str]:
        """JSON-able form for JupyterHub's ``user_options``; parse_choice reads it back."""
        return {"queue": self.queue, "time_limit": render_time_limit(self.time_limit), "account": self.account}


def parse_form(form: Mapping[str, list[str]]) -> dict[str, str]:
    """Turn JupyterHub's lists of form values into single ones; raises StartRefused for a doubled field."""
    fields = {}
    for key, values in form.items():
        if key == "_xsrf":
            continue
        if len(values) != 1:
            raise StartRefused(_("The field “{field}” was sent more than once. Send it once.").format(field=key[:40]))
        fields[key] = values[0]
    return fields


def parse_choice(fields: Mapping[str, Any], site: Site, snapshot: ClusterSnapshot | None) -> Choice:
    """Read ``queue``, ``account`` and ``time_limit`` (Slurm's notation, or minutes; empty: the queue's default).

    Raises StartRefused for anything else than these fields, a queue that the site does not offer, a time that is
    none, or what is no account's name. Does not look at limits (check_choice does), nor whose account it is (the till).
    """
    unknown = sorted(set(fields) - FIELDS)
    if unknown:
        raise StartRefused(
            _("Unknown field: {names}. A start takes “queue”, “time_limit” and “account” only.").format(
                names=", ".join(name[:40] for name in unknown[:5])
            )
        )
    name = fields.get("queue")
    offered = site.queue(name) if isinstance(name, str) else None
    if offered is None:
        raise StartRefused(
            _("There is no such queue. Choose one of: {names}.").format(names=", ".join(q.name for q in site.queues))
        )
    account = _parse_account(fields.get("account"))
    given = fields.get("time_limit")
    if given is None or given == "":
        slurm_queue = snapshot.queue(offered.name) if snapshot else None
        return Choice(offered.name, default_time(offered, slurm_queue), account)
    return Choice(offered.name, _parse_time(given), account)


def _parse_account(given: object) -> str:
    if given is None or given == "":
        return ""
    if not isinstance(given, str) or not re.fullmatch(ACCOUNT, given) or given.endswith("\n"):
        raise StartRefused(_("There is no such account. Choose one from the list."))
    return given


def _parse_time(given: object) -> timedelta:
    try:
        time_limit = parse_time_limit(str(given).strip()) if type(given) in (str, int) else None
    except ValueError:
        time_limit = None
    if time_limit is None:
        raise StartRefused(
            _("The time limit cannot be read. Write minutes (90), hours (1:30:00) or days (1-12:00:00).")
        )
    return time_limit


def check_choice(choice: Choice, site: Site, snapshot: ClusterSnapshot | None, groups: Collection[str]) -> None:
    """Raise StartRefused when ``choice`` breaks a limit that is known before Slurm is asked."""
    offered = site.queue(choice.queue)
    if offered is None:
        raise StartRefused(_("There is no such queue. Choose one from the list."))
    queue = snapshot.queue(choice.queue) if snapshot else None
    why_not = explain_unusable(offered, queue, groups) if snapshot else ""
    if why_not:
        raise StartRefused(
            _("The queue “{queue}” cannot be used: {why} Choose another queue.").format(queue=choice.queue, why=why_not)
        )
    if queue and queue.max_time and choice.time_limit > queue.max_time:
        raise StartRefused(
            _("The time limit is longer than the queue “{queue}” allows. The most is {most}.").format(
                queue=choice.queue, most=render_time_limit(queue.max_time)
            )
        )


def default_time(offered: QueueSite, queue: Queue | None) -> timedelta:
    """The time limit to preselect: the site's, else Slurm's, else an hour; never above Slurm's maximum."""
    chosen = offered.default_time or (queue.default_time if queue else None) or FALLBACK_TIME
    return min(chosen, queue.max_time) if queue and queue.max_time else chosen


def explain_unusable(offered: QueueSite, queue: Queue | None, groups: Collection[str]) -> str:
    """A sentence why a member of ``groups`` cannot use this queue now, or '' if nothing is known against it.

    Slurm's own AllowGroups is only compared when the directory told any groups at all: Slurm has the last word.
    """
    if queue is None:
        return _("Slurm does not know it at present.")
    if not queue.open:
        return _("it is closed at present (Slurm says {state}).").format(state=queue.state)
    if offered.groups and not set(offered.groups) & set(groups):
        return _("it is open to members of {groups} only.").format(groups=", ".join(offered.groups))
    if queue.allow_groups and groups and not set(queue.allow_groups) & set(groups):
        return _("it is open to members of {groups} only.").format(groups=", ".join(queue.allow_groups))
    return ""


def describe_cluster(
    site: Site, snapshot: ClusterSnapshot | None, groups: Collection[str], problem: str | None
) -> dict[str, Any]:
    """The resource table (row Q1) as JSON-able values, in the current language, as one user sees it."""
    now = datetime.now(UTC)
    return {
        "taken_at": snapshot.taken_at.isoformat() if snapshot else None,
        "age_s": max(0.0, round((now - snapshot.taken_at).total_seconds(), 1)) if snapshot else None,
        "problem": problem,
        "currency": site.currency,
        "currency_decimals": get_currency_precision(site.currency),
        "queues": [
            describe_queue(site, offered, snapshot.queue(offered.name) if snapshot else None, groups)
            for offered in site.queues
        ],
    }


def describe_queue(site: Site, offered: QueueSite, queue: Queue | None, groups: Collection[str]) -> dict[str, Any]:
    """One row of the resource table."""
    why_not = explain_unusable(offered, queue, groups)
    counts = queue.counts if queue else None
    return {
        "name": offered.name,
        "description": offered.description.in_language(language.current.get()),
        "alloc": counts.alloc if counts else 0,
        "idle": counts.idle if counts else 0,
        "down": counts.down if counts else 0,
        "total": counts.total if counts else 0,
        "waiting": queue.waiting_jobs if queue else 0,
        "gpus": [{"type": gpu.type, "free": gpu.free, "total": gpu.total} for gpu in queue.gpus] if queue else [],
        "places": count_places(offered, queue) if offered.kind == "shared" else None,
        "charged": offered.charged,
        **describe_price(site, offered, queue),
        "default_time_s": int(default_time(offered, queue).total_seconds()),
        "max_time_s": int(queue.max_time.total_seconds()) if queue and queue.max_time else None,
        "max_nodes": queue.max_nodes if queue else None,
        "usable": not why_not,
        "why_not": why_not,
    }


def describe_price(site: Site, offered: QueueSite, queue: Queue | None) -> dict[str, Any]:
    """``price``: amount, per, and how many units a node has at most; ``price_per_hour`` of one start; None: free."""
    price = offered.price_at(datetime.now(UTC)) if offered.charged else None
    if price is None:
        return {"price": None, "price_per_hour": None}
    nodes = queue.nodes if queue else ()
    whole = offered.kind == "whole-node"
    options = site.slurm.sbatch_options + offered.sbatch_options
    each = {
        "node-hour": 1,
        "gpu-hour": max((sum(node.gpus.values()) for node in nodes), default=0) if whole else count_gpus(options),
        "core-hour": max((node.cpus_total for node in nodes), default=0) if whole else count_cpus(options),
    }[price.per]
    return {
        "price": {"amount": f"{price.amount:f}", "per": price.per, "units": each},
        "price_per_hour": f"{price.amount * each:f}",
    }


def count_places(offered: QueueSite, queue: Queue | None) -> dict[str, int]:
    """Free and total notebook places of a shared queue.

    A node has ``places_per_node``, one for each job; and no more are free than its idle CPUs suffice for, when each
    place is given the same share of the node's CPUs (other jobs may have taken some).
    """
    if queue is None:
        return {"free": 0, "total": 0}
    per_node = offered.places_per_node
    free = 0
    for node in queue.nodes:
        if queue.open and can_start(node):
            share = max(1, node.cpus_total // per_node)
            free += max(0, min(per_node - queue.jobs_on.get(node.name, 0), node.cpus_free // share))
    return {"free": free, "total": per_node * len(queue.nodes)}
