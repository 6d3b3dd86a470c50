"""What ``neuronhub billing --json`` prints: amounts are decimal texts, times ISO 8601. Pure."""

from __future__ import annotations

from typing import Any

from neuronhub.billing.differences import Difference
from neuronhub.billing.shown import Shown
from neuronhub.billing.statement import Line, Statement
from neuronhub.billing.types import Balance, Charge, Credit


def render_balance(balance: Balance, shown: Shown) -> dict[str, str]:
    """A budget."""
    return {
        "account": balance.account,
        "currency": shown.currency,
        "granted": shown.amount(balance.granted_minor),
        "charged": shown.amount(balance.charged_minor),
        "left": shown.amount(balance.left_minor),
        "held": shown.amount(balance.held_minor),
        "available": shown.amount(balance.available_minor),
    }


def render_credit(credit: Credit, shown: Shown) -> dict[str, Any]:
    """A grant or a correction."""
    return {
        "id": credit.id,
        "account": credit.account,
        "kind": credit.kind,
        "amount": shown.amount(credit.amount_minor),
        "currency": shown.currency,
        "by": credit.by,
        "note": credit.note,
        "at": credit.at.isoformat(),
        "charge": credit.charge_id,
    }


def render_charge(charge: Charge, shown: Shown) -> dict[str, Any]:
    """A charge, with everything that its amount is worked out from."""
    return {
        "id": charge.id,
        "cluster": charge.cluster,
        "job_id": charge.job_id,
        "restart": charge.restart,
        "job_name": charge.job_name,
        "use": charge.use.value,
        "user": charge.user,
        "account": charge.account,
        "queue": charge.queue,
        "state": charge.state,
        "submitted_at": charge.submitted_at.isoformat(),
        "started_at": charge.started_at and charge.started_at.isoformat(),
        "ended_at": charge.ended_at.isoformat(),
        "elapsed_s": charge.elapsed_s,
        "away_s": charge.away_s,
        "charged_s": charge.charged_s,
        "units": charge.units,
        "unit": charge.rate.unit.value,
        "rate": f"{charge.rate.amount:f}",
        "discount_percent": f"{charge.rate.discount_percent:f}",
        "amount": shown.amount(charge.amount_minor),
        "currency": shown.currency,
        "why_free": charge.why_free.value,
    }


def render_statement(statement: Statement, shown: Shown) -> dict[str, Any]:
    """An account's month."""
    return {
        "account": statement.account,
        "month": str(statement.month),
        "currency": shown.currency,
        "opening": shown.amount(statement.opening_minor),
        "credited": shown.amount(statement.credited_minor),
        "charged": shown.amount(statement.total.amount_minor),
        "closing": shown.amount(statement.closing_minor),
        "credits": [render_credit(credit, shown) for credit in statement.credits],
        "by_queue": [_render_line(line, shown) for line in statement.by_queue],
        "by_user": [_render_line(line, shown) for line in statement.by_user],
        "charges": [render_charge(charge, shown) for charge in statement.charges],
    }


def render_difference(difference: Difference) -> dict[str, Any]:
    """What ``reconcile`` found."""
    return {
        "kind": difference.kind.value,
        "text": difference.sentence,
        "job_id": difference.job_id,
        "charge": difference.charge_id,
        "account": difference.account,
    }


def _render_line(line: Line, shown: Shown) -> dict[str, Any]:
    return {
        "key": line.key,
        "jobs": line.jobs,
        "elapsed_s": line.elapsed_s,
        "away_s": line.away_s,
        "charged_s": line.charged_s,
        "amount": shown.amount(line.amount_minor),
    }
