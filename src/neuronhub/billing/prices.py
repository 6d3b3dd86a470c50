"""What a job costs: from a price list, and from what Slurm tells of it. Pure; docs/*/billing.md works one bill by hand.

amount = units x charged seconds / 3600 x price x (100 - discount) / 100, rounded once (see money).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from decimal import Decimal

from neuronhub import protocol
from neuronhub.billing.money import round_amount, round_up
from neuronhub.billing.types import Charge, Interval, Rate, Start, Unit, Use, WhyFree
from neuronhub.errors import StartRefused, Unpriced
from neuronhub.language import translate as _
from neuronhub.site import QueueSite, Site
from neuronhub.slurm.types import Queue
from neuronhub.slurm.usage import Usage

_HOUR = Decimal(3600)
_PERCENT = Decimal(100)
OUR_FAULTS = frozenset({protocol.EXIT_BASE_MISSING})
"""Exit codes by which an engines' job says that it never came to run an engine."""


def find_rate(site: Site, queue: QueueSite, account: str, moment: datetime) -> Rate:
    """What a start costs that is submitted at ``moment``; raises StartRefused when the queue has no price then."""
    if not queue.prices:
        return Rate(Decimal(0), Unit.NODE_HOUR)
    price = queue.price_at(moment)
    if price is None:
        raise StartRefused(
            _("The queue “{queue}” has no price yet. Choose another one, and tell the operators.").format(
                queue=queue.name
            )
        )
    discount = site.billing.discount_at(account, moment) if site.billing else Decimal(0)
    return Rate(price.amount, Unit(price.per), discount)


def count_units(rate: Rate, queue: Queue | None, *, nodes: int, cpus: int, gpus: int, whole_nodes: bool) -> int:
    """How many units a job will be given at most: ``nodes`` nodes; ``cpus``, ``gpus`` in all where nodes are shared."""
    found = queue.nodes if queue else ()
    match rate.unit:
        case Unit.NODE_HOUR:
            return nodes
        case Unit.GPU_HOUR:
            return nodes * max((sum(node.gpus.values()) for node in found), default=0) if whole_nodes else gpus
        case Unit.CORE_HOUR:
            return nodes * max((node.cpus_total for node in found), default=0) if whole_nodes else cpus


def compute_amount(rate: Rate, units: int, seconds: int | Decimal) -> Decimal:
    """What ``units`` cost for ``seconds``, not rounded."""
    # Divided last: what is divided first is rounded, and thrice a third would be less than one.
    return units * Decimal(seconds) * rate.amount * (_PERCENT - rate.discount_percent) / (_HOUR * _PERCENT)


def compute_most(rate: Rate, units: int, time_limit: timedelta, currency: str) -> int:
    """The most that a start can cost, in the smallest unit of ``currency``, rounded up."""
    return round_up(compute_amount(rate, units, Decimal(time_limit.total_seconds())), currency)


def units_of(rate: Rate, usage: Usage) -> int:
    """What Slurm has given to a job, counted as ``rate`` counts."""
    return {Unit.NODE_HOUR: usage.nodes, Unit.GPU_HOUR: usage.gpus, Unit.CORE_HOUR: usage.cpus}[rate.unit]


def count_away(intervals: Iterable[Interval], began_at: datetime, ended_at: datetime, after: timedelta) -> int:
    """Whole seconds of ``intervals`` within a job's time; what is shorter than ``after`` is not counted, nor twice."""
    total = timedelta(0)
    reached = began_at
    for interval in sorted(intervals, key=lambda one: one.began_at):
        if interval.ended_at - interval.began_at < after:
            continue
        start, end = max(interval.began_at, reached), min(interval.ended_at, ended_at)
        if end > start:
            total += end - start
            reached = end
    return int(total.total_seconds())


def find_startup(site: Site) -> timedelta:
    """How long a start that never became ready is free: twice the time that it is given.

    The hub cancels it only when that time is over, and counts anew while the environment is being made; it does so for
    as long as the server says so, hence the limit.
    """
    return timedelta(seconds=2 * site.slurm.startup_timeout_s)


def explain_free(
    start: Start, rate: Rate, usage: Usage, uncharged_states: Collection[str], startup: timedelta
) -> WhyFree:
    """Why an ended segment costs nothing, by the stated rule; NOTHING when it is charged.

    Nobody can make own work free by it: Slurm says that a node failed, and a start that never became ready is free
    only if it ended within ``startup`` (see find_startup). Of a requeued one each segment is looked at.
    """
    if usage.started_at is None or usage.elapsed_s == 0:
        return WhyFree.NEVER_RAN
    if rate.amount == 0:
        return WhyFree.FREE_QUEUE
    if usage.state.value in uncharged_states:
        return WhyFree.NODE_FAILED
    soon = usage.elapsed_s <= startup.total_seconds()
    never_ready = start.ready_at is None or (usage.ended_at is not None and start.ready_at > usage.ended_at)
    failed = usage.exit_code in OUR_FAULTS if start.use is Use.ENGINES else never_ready
    return WhyFree.START_FAILED if soon and failed else WhyFree.NOTHING


def keep_rate(start: Start, usage: Usage, site: Site) -> Rate:
    """What was promised at Submit; where the job was moved to another queue since, that queue's price at its submit.

    Slurm lets a user move a waiting job, also from a free queue to one that is not, or to several at once.
    Raises Unpriced.
    """
    if usage.partition == start.queue or usage.elapsed_s == 0:
        return start.rate
    queue = site.queue(usage.partition)
    if queue is None:
        raise Unpriced(f"Job {usage.job_id} ran in {usage.partition}, which the site file does not have.")
    try:
        return find_rate(site, queue, start.account or usage.account, usage.submitted_at)
    except StartRefused as error:
        raise Unpriced(f"Job {usage.job_id}: {error}") from error


def make_charge(start: Start, usage: Usage, intervals: Iterable[Interval], site: Site) -> Charge:
    """The charge for a segment that has ended.

    Raises Unpriced when it has no price, or when Slurm's times of it contradict each other.
    """
    billing = site.billing
    assert billing is not None, "nothing is charged without billing in the site file"
    ended_at = _find_end(usage)
    rate = keep_rate(start, usage, site)
    why_free = explain_free(start, rate, usage, billing.uncharged_states, find_startup(site))
    away_s = 0
    if usage.started_at is not None:
        away_s = min(usage.elapsed_s, count_away(intervals, usage.started_at, ended_at, billing.away.after))
    charged_s = usage.elapsed_s - away_s if why_free in (WhyFree.NOTHING, WhyFree.FREE_QUEUE) else 0
    units = units_of(rate, usage)
    return Charge(
        cluster=usage.cluster,
        job_id=usage.job_id,
        submitted_at=usage.submitted_at,
        restart=usage.restart,
        job_name=start.job_name,
        use=start.use,
        user=start.user,
        account=start.account or usage.account,
        queue=start.queue if site.queue(usage.partition) is None else usage.partition,  # it may have waited for several
        state=usage.state.value,
        started_at=usage.started_at,
        ended_at=ended_at,
        elapsed_s=usage.elapsed_s,
        away_s=away_s,
        charged_s=charged_s,
        units=units,
        rate=rate,
        amount_minor=round_amount(compute_amount(rate, units, charged_s), site.currency),
        why_free=why_free,
        nodes=usage.nodes,
        gpus=usage.gpus,
        cpus=usage.cpus,
        billing=usage.billing,
    )


def _find_end(usage: Usage) -> datetime:
    if usage.ended_at is None or usage.ended_at - (usage.started_at or usage.ended_at) < timedelta(
        seconds=usage.elapsed_s
    ):
        raise Unpriced(
            f"Job {usage.job_id} began at {usage.started_at}, ended at {usage.ended_at} and took {usage.elapsed_s} s, "
            "says Slurm."
        )
    return usage.ended_at
