"""What jobs that are about to be submitted are promised: the rate of this moment, and the most they can cost. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from neuronhub.billing.prices import compute_most, count_units, find_rate
from neuronhub.billing.types import Start, Unit, Use
from neuronhub.errors import StartRefused, StartUndecided
from neuronhub.language import translate as _
from neuronhub.payment import Order
from neuronhub.site import QueueSite, Site
from neuronhub.slurm.types import ClusterSnapshot


def find_queue(site: Site, name: str) -> QueueSite:
    """The queue ``name``; raises StartRefused when the site does not offer it."""
    queue = site.queue(name)
    if queue is None:
        raise StartRefused(_("The site does not offer this queue any more. Choose another one."))
    return queue


def is_free(site: Site, order: Order, moment: datetime) -> bool:
    """True when the queue of ``order`` costs nobody anything; raises StartRefused when it has no price yet."""
    return find_rate(site, find_queue(site, order.queue), "", moment).amount == 0


def quote(
    site: Site, cluster: ClusterSnapshot | None, orders: Sequence[Order], account: str, moment: datetime
) -> list[Start]:
    """A start for each order, to be charged to ``account``; raises StartRefused."""
    return [_quote_one(site, cluster, order, account, moment) for order in orders]


def _quote_one(site: Site, cluster: ClusterSnapshot | None, order: Order, account: str, moment: datetime) -> Start:
    queue = find_queue(site, order.queue)
    rate = find_rate(site, queue, account, moment)
    found = cluster.queue(queue.name) if cluster else None
    whole = queue.kind == "whole-node"
    if rate.amount and whole and rate.unit is not Unit.NODE_HOUR and (found is None or not found.nodes):
        raise StartUndecided(
            _("Slurm has not told yet what the nodes of this queue have, so the price is not known. Try again soon.")
        )
    units = count_units(rate, found, nodes=order.nodes, cpus=order.cpus, gpus=order.gpus, whole_nodes=whole)
    return Start(
        job_name=order.job_name,
        use=Use.ENGINES if order.engines else Use.SERVER,
        server=order.server,
        user=order.user,
        account=account,
        queue=queue.name,
        rate=rate,
        most_minor=compute_most(rate, units, order.time_limit, site.currency),
        noted_at=moment,
        ready_at=moment if order.engines else None,
    )
