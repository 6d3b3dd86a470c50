"""Ledgers, starts and charges as tests of billing make them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from neuronhub.billing.ledger import Ledger
from neuronhub.billing.types import Charge, Rate, Start, Unit, Use, WhyFree

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
RATE = Rate(Decimal(12000), Unit.NODE_HOUR)
HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Place:
    """Where a ledger lies."""

    url: str
    password: str | None = field(default=None, repr=False)
    _opened: list[Ledger] = field(default_factory=list, repr=False)

    @property
    def is_sqlite(self) -> bool:
        """SQLite or PostgreSQL."""
        return self.url.startswith("sqlite:")

    def open(self, currency: str = "KRW") -> Ledger:
        """A ledger there, another one every time, as other processes have it; ``close`` closes it."""
        ledger = Ledger(self.url, currency, self.password)
        self._opened.append(ledger)
        return ledger

    def close(self) -> None:
        """Let go of all that were opened."""
        for ledger in self._opened:
            ledger.close()


def make_start(job_name: str, **changes: Any) -> Start:
    """A server's start in a charged queue for an hour, with ``changes``."""
    start = Start(
        job_name=job_name,
        use=Use.SERVER,
        server=job_name,
        user="ada",
        account="physics",
        queue="v100",
        rate=RATE,
        most_minor=12000,
        noted_at=NOON,
    )
    return replace(start, **changes)


def make_charge(start: Start, job_id: int, **changes: Any) -> Charge:
    """The charge for an hour of ``start`` from noon on, with ``changes``."""
    charge = Charge(
        cluster="neuron",
        job_id=job_id,
        submitted_at=NOON,
        restart=0,
        job_name=start.job_name,
        use=start.use,
        user=start.user,
        account=start.account,
        queue=start.queue,
        state="COMPLETED",
        started_at=NOON,
        ended_at=NOON + HOUR,
        elapsed_s=3600,
        away_s=0,
        charged_s=3600,
        units=1,
        rate=start.rate,
        amount_minor=12000,
        why_free=WhyFree.NOTHING,
        nodes=1,
        gpus=2,
        cpus=4,
        billing=4,
    )
    return replace(charge, **changes)
