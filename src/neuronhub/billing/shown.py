"""How a site's commands and records write amounts and moments. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from neuronhub.billing.money import render_amount, render_minor


@dataclass(frozen=True, slots=True)
class Shown:
    """In its currency and its zone."""

    currency: str
    zone: ZoneInfo

    def money(self, minor: int) -> str:
        """``150000`` -> ``₩150,000``."""
        return render_amount(minor, self.currency)

    def moment(self, moment: datetime) -> str:
        """In the ledger's own zone."""
        return f"{moment.astimezone(self.zone):%Y-%m-%d %H:%M:%S}"

    def amount(self, minor: int) -> str:
        """``150000`` -> ``150000``: a decimal text, for programs."""
        return render_minor(minor, self.currency)
