"""Charges as CSV (RFC 4180, UTF-8 with a byte order mark, so that spreadsheets read Korean). Pure.

Text that a spreadsheet would take for a formula is made harmless; numbers stay numbers.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from neuronhub.billing.money import to_decimal
from neuronhub.billing.types import Charge
from neuronhub.billing.words import explain_free, name_unit, name_use
from neuronhub.language import translate as _

BYTE_ORDER_MARK = "\ufeff"
FORMULA_BEGINNINGS = (
    "=",
    "+",
    "-",
    "@",
    "\t",
    "\r",
    "\n",
    "＝",
    "＋",
    "－",
    "＠",
)  # fullwidth forms open formulas as well

Cell = str | int | Decimal | datetime | None


def render_head(currency: str) -> str:
    """The first line, with the byte order mark before it."""
    return BYTE_ORDER_MARK + render_lines(
        [
            (
                _("Job"),
                _("Restart"),
                _("User"),
                _("Account"),
                _("Queue"),
                _("Use"),
                _("State"),
                _("Submitted at"),
                _("Began"),
                _("Ended"),
                _("Seconds"),
                _("Seconds away"),
                _("Charged seconds"),
                _("Units"),
                _("Unit"),
                _("Rate"),
                _("Discount in percent"),
                _("Amount in {currency}").format(currency=currency),
                _("Why free"),
            )
        ]
    )


def render_charges(charges: Iterable[Charge], currency: str, zone: ZoneInfo) -> str:
    """One line for each charge, in the order of the head's columns; times are those of ``zone``, with its offset."""
    return render_lines(
        (
            charge.job_id,
            charge.restart,
            charge.user,
            charge.account,
            charge.queue,
            name_use(charge.use),
            charge.state,
            charge.submitted_at.astimezone(zone),
            charge.started_at and charge.started_at.astimezone(zone),
            charge.ended_at.astimezone(zone),
            charge.elapsed_s,
            charge.away_s,
            charge.charged_s,
            charge.units,
            name_unit(charge.rate.unit),
            charge.rate.amount,
            charge.rate.discount_percent,
            to_decimal(charge.amount_minor, currency),
            explain_free(charge.why_free),
        )
        for charge in charges
    )


def render_lines(rows: Iterable[Iterable[Cell]]) -> str:
    """Lines of CSV."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerows([render_cell(cell) for cell in row] for row in rows)
    return text.getvalue()


def render_cell(cell: Cell) -> str:
    """One field: text is made harmless, a moment is ISO 8601 with its offset, nothing is empty."""
    match cell:
        case None:
            return ""
        case str():
            return f"'{cell}" if cell.lstrip(" ").startswith(FORMULA_BEGINNINGS) else cell
        case datetime():
            return cell.isoformat(timespec="seconds")
        case Decimal():
            return format(cell, "f")
    return str(cell)
