"""The usage page for programs: amounts are decimal texts, times ISO 8601. Pure."""

from __future__ import annotations

from typing import Any

from neuronhub.billing.records import render_balance, render_charge
from neuronhub.billing.shown import Shown
from neuronhub.billing.types import Total, Waits
from neuronhub.billing.usage import PAGE, Estimate, Usage


def render_usage(usage: Usage, shown: Shown) -> dict[str, Any]:
    """Everything that the page shows; ``jobs`` is one page of them."""
    question = usage.question
    return {
        "month": str(question.month),
        "time_zone": shown.zone.key,
        "currency": shown.currency,
        "account": question.account,
        "problem": usage.reader.problem,
        "balances": [render_balance(balance, shown) for balance in usage.balances],
        "total": _render_total(usage.total, shown),
        "days": [
            {"day": day.day.isoformat(), "queue": queue} | _render_total(total, shown)
            for day in usage.days
            for queue, total in day.queues.items()
        ],
        "queues": [{"queue": total.key} | _render_total(total, shown) for total in usage.queues],
        "users": [{"user": total.key} | _render_total(total, shown) for total in usage.users],
        "accounts": [{"account": total.key} | _render_total(total, shown) for total in usage.accounts],
        "waits": [_render_waits(waits) for waits in usage.waits],
        "running": [_render_estimate(estimate, shown) for estimate in usage.running],
        "jobs": [render_charge(charge, shown) for charge in usage.charges],
        "jobs_total": usage.listed,
        "page": question.page,
        "pages": usage.pages,
        "jobs_per_page": PAGE,
    }


def _render_total(total: Total, shown: Shown) -> dict[str, Any]:
    return {
        "jobs": total.segments,
        "elapsed_s": total.elapsed_s,
        "away_s": total.away_s,
        "charged_s": total.charged_s,
        "node_s": total.node_s,
        "gpu_s": total.gpu_s,
        "cpu_s": total.cpu_s,
        "amount": shown.amount(total.amount_minor),
        "corrected": shown.amount(total.corrected_minor),
    }


def _render_waits(waits: Waits) -> dict[str, Any]:
    return {
        "queue": waits.queue,
        "jobs": waits.segments,
        "median_s": waits.median_s,
        "longest_s": waits.longest_s,
    }


def _render_estimate(estimate: Estimate, shown: Shown) -> dict[str, Any]:
    running = estimate.running
    start = running.start
    return {
        "job_id": running.job_id,
        "use": start.use.value,
        "user": start.user,
        "account": start.account,
        "queue": start.queue,
        "started_at": running.started_at.isoformat(),
        "elapsed_s": running.elapsed_s,
        "away_s": estimate.away_s,
        "units": running.units,
        "unit": start.rate.unit.value,
        "rate": f"{start.rate.amount:f}",
        "discount_percent": f"{start.rate.discount_percent:f}",
        "estimate": shown.amount(estimate.amount_minor),
        "seen_at": running.seen_at.isoformat(),
    }
