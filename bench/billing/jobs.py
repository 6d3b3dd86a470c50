"""Jobs of a busy month: as the hub notes them, as accounting tells of them, and the site that they belong to. Pure."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from neuronhub.billing.types import Rate, Start, Unit, Use
from neuronhub.site import Site

MONTH = "2026-10"
BEGIN, SECONDS = datetime(2026, 10, 1, 1, tzinfo=UTC), 30 * 86400
USERS, ACCOUNTS, QUEUES = 300, 40, ("jupyter", "v100", "a100", "cpu")
RATES = {
    "jupyter": Rate(Decimal(0), Unit.NODE_HOUR),
    "v100": Rate(Decimal(3000), Unit.NODE_HOUR),
    "a100": Rate(Decimal("1999.5"), Unit.GPU_HOUR, Decimal(10)),
    "cpu": Rate(Decimal("12.5"), Unit.CORE_HOUR),
}
STATES = ("COMPLETED", "COMPLETED", "CANCELLED by 1000", "TIMEOUT", "FAILED", "NODE_FAIL")
CURRENCY, GRANT_MINOR = "KRW", 10**12


@dataclass(frozen=True, slots=True)
class Job:
    """One job that has ended."""

    start: Start
    submitted_at: datetime
    started_at: datetime
    ended_at: datetime
    state: str

    def render_record(self, separator: str) -> str:
        """A line of sacct with accounting.USAGE_FIELDS."""
        elapsed_s = int((self.ended_at - self.started_at).total_seconds())
        times = [str(int(moment.timestamp())) for moment in (self.submitted_at, self.started_at, self.ended_at)]
        tres = "billing=48,cpu=48,gres/gpu=4,mem=190000M,node=1"
        cells = ["neuron", str(self.start.job_id), *times, str(elapsed_s), self.start.user, self.start.account]
        cells += [self.start.queue, self.state, tres, "0:0", self.start.job_name]
        return "".join(cell + separator for cell in cells)


def make_site() -> Site:
    """The site of these jobs."""
    secret = "/run/neuronhub/secret"
    return Site.model_validate(
        {
            "currency": CURRENCY,
            "hub": {
                "public_url": "https://hub.example.org",
                "proxy_token_file": secret,
                "cookie_secret_file": secret,
                "start_key_file": secret,
                "state_dir": "/var/lib/neuronhub",
            },
            "queues": [
                {"name": name, "prices": [{"amount": rate.amount, "per": rate.unit.value}] if rate.amount else []}
                for name, rate in RATES.items()
            ],
            "billing": {"time_zone": "Asia/Seoul"},
        }
    )


def make_jobs(count: int) -> Iterator[Job]:
    """``count`` jobs that ended in MONTH, the same ones every time."""
    chance = random.Random(count)
    for number in range(1, count + 1):
        person = chance.randrange(USERS)
        queue = QUEUES[min(chance.randrange(8), len(QUEUES) - 1)]
        ended_at = BEGIN + timedelta(seconds=chance.randrange(SECONDS))
        started_at = ended_at - timedelta(seconds=chance.randrange(1, 8 * 3600))
        submitted_at = started_at - timedelta(seconds=chance.randrange(600))
        name = f"neuronhub-server-{number:016x}"
        start = Start(
            job_name=name,
            use=Use.SERVER,
            server=name,
            user=f"user{person:03}",
            account=f"account{person % ACCOUNTS:02}",
            queue=queue,
            rate=RATES[queue],
            most_minor=24000 if queue != "jupyter" else 0,
            noted_at=submitted_at,
            job_id=number,
            ready_at=started_at,
        )
        yield Job(start, submitted_at, started_at, ended_at, chance.choice(STATES))
