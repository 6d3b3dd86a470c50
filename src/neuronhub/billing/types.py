"""What the ledger holds: frozen values, no I/O.

Amounts are whole numbers of the currency's smallest unit; times are UTC-aware.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from neuronhub.slurm.usage import Work


class Use(StrEnum):
    """What a job of ours is for."""

    SERVER = "server"
    ENGINES = "engines"


class Unit(StrEnum):
    """What a price is for, for one hour (site file: ``per``)."""

    NODE_HOUR = "node-hour"
    GPU_HOUR = "gpu-hour"
    CORE_HOUR = "core-hour"


class WhyFree(StrEnum):
    """Why a segment that took time costs nothing."""

    NOTHING = ""
    """It is charged for."""
    FREE_QUEUE = "free-queue"
    NODE_FAILED = "node-failed"
    """Slurm ended it in one of the site's ``uncharged_states``."""
    START_FAILED = "start-failed"
    """Our own start failed: it ended soon, and no server was ever ready (see prices.explain_free)."""
    NEVER_RAN = "never-ran"


@dataclass(frozen=True, slots=True)
class Rate:
    """What a start was promised when Submit was pressed; it is charged so, whatever the site file says later."""

    amount: Decimal
    """Money for one unit and one hour; 0: a free queue."""
    unit: Unit
    discount_percent: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Start:
    """A job that the hub is about to submit, or has submitted: noted before sbatch. Only these are ever charged."""

    job_name: str
    """Unique; see spawn.record.JobNames and spawn.engine_jobs.EngineNames."""
    use: Use
    server: str
    """Name of the job of the Jupyter server that it belongs to; a server's own name."""
    user: str
    account: str
    """Slurm account; '': Slurm's default, in a free queue."""
    queue: str
    rate: Rate
    most_minor: int
    """The most it can cost: for its whole time limit. Held back from the account's budget until it is settled."""
    noted_at: datetime
    job_id: int | None = None
    ready_at: datetime | None = None
    """When its Jupyter server answered, or its engines were asked for by one."""
    settled: bool = False
    """Nothing more will come of it: charged, or never submitted."""


@dataclass(frozen=True, slots=True)
class Charge:
    """One segment of a job that has ended, and what it costs. Never changed; see Credit for corrections."""

    cluster: str
    job_id: int
    submitted_at: datetime
    restart: int
    job_name: str
    use: Use
    user: str
    account: str
    queue: str
    state: str
    """Slurm's word for how it ended."""
    started_at: datetime | None
    ended_at: datetime
    elapsed_s: int
    """Slurm's ElapsedRaw."""
    away_s: int
    """Of it, time away (row T2)."""
    charged_s: int
    """What is left to be charged: elapsed_s - away_s, or 0 if it is free for another reason than its queue."""
    units: int
    """Nodes, GPUs or cores that Slurm had given to it, as the rate's unit says."""
    rate: Rate
    amount_minor: int
    why_free: WhyFree
    nodes: int = 0
    gpus: int = 0
    cpus: int = 0
    billing: int = 0
    id: int | None = None
    """None: not in the ledger yet."""
    charged_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Credit:
    """An entry that a person made: a grant to an account's budget, or the counter-entry of a correction."""

    account: str
    amount_minor: int
    """Above zero for a grant; either sign for a correction."""
    kind: str
    """``grant`` or ``correction``."""
    by: str
    """Who: the login name of the operator."""
    note: str
    """Why; never empty."""
    at: datetime
    charge_id: int | None = None
    """The charge that a correction is about."""
    id: int | None = None


@dataclass(frozen=True, slots=True)
class Running:
    """A segment that has not ended, as sacct last told it, and its estimate up to then."""

    start: Start
    job_id: int
    started_at: datetime
    elapsed_s: int
    units: int
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class Interval:
    """A time away of one server."""

    server: str
    began_at: datetime
    ended_at: datetime


@dataclass(frozen=True, slots=True)
class Look:
    """What the last look at a server found; kept, so that a hub that was away judges the time since by it."""

    server: str
    looked_at: datetime
    traffic_at: datetime | None
    """When something last passed through the proxy to it."""
    work: Mapping[int, Work] = field(default_factory=dict)
    """Id of each of its jobs, engines' included -> what it had used."""


@dataclass(frozen=True, slots=True)
class Balance:
    """An account's budget: what is left, and what is held back for starts that wait or run."""

    account: str
    granted_minor: int
    """All credits."""
    charged_minor: int
    held_minor: int

    @property
    def left_minor(self) -> int:
        """Granted less charged: what a statement ends with."""
        return self.granted_minor - self.charged_minor

    @property
    def available_minor(self) -> int:
        """What a new start may cost at most."""
        return self.left_minor - self.held_minor


@dataclass(frozen=True, slots=True)
class Filter:
    """Which charges. All that are set must hold; of ``visible_users`` and ``visible_accounts`` one must."""

    since: datetime | None = None
    """Ended then or later."""
    until: datetime | None = None
    """Ended before."""
    users: frozenset[str] | None = None
    accounts: frozenset[str] | None = None
    queue: str | None = None
    job_id: int | None = None
    visible_users: frozenset[str] | None = None
    """The reader may see charges of these users, and of ``visible_accounts``; both None: everything."""
    visible_accounts: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Total:
    """Charges summed up; ``key`` is what they have in common: a day (ISO 8601), a queue, a user or an account."""

    key: str
    queue: str
    """The queue, in sums by day and by queue; '': several."""
    segments: int
    waited_s: int
    """From submit to begin."""
    elapsed_s: int
    away_s: int
    charged_s: int
    node_s: int
    """Nodes times elapsed seconds, as are the next two with theirs."""
    gpu_s: int
    cpu_s: int
    amount_minor: int
    corrected_minor: int
    """Given back by corrections of these charges, whenever they were made."""
    account: str = ""
    """The account, in sums by member; '': several."""


@dataclass(frozen=True, slots=True)
class Waits:
    """How long segments of a queue waited, from submit to begin."""

    queue: str
    segments: int
    median_s: float
    longest_s: int
