"""What the site file says of money: prices, discounts, budgets, and when a server is away. Pure."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal, Protocol, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AwareDatetime, Field, field_validator, model_validator

from neuronhub.table import Table

ACCOUNT = r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$"
"""A Slurm account."""


class Dated(Protocol):
    """Something of the site file that holds from a moment on, until the next of its kind."""

    @property
    def valid_from(self) -> datetime | None:
        """None: from the beginning."""


DatedT = TypeVar("DatedT", bound=Dated)
_BEGINNING = datetime.min.replace(tzinfo=UTC)


def find_valid(entries: Sequence[DatedT], moment: datetime) -> DatedT | None:
    """The last of ``entries`` that holds at ``moment``, or None before the first."""
    return next((entry for entry in reversed(entries) if (entry.valid_from or _BEGINNING) <= moment), None)


def refuse_disorder(entries: Sequence[Dated]) -> None:
    """Raise ValueError unless each of ``entries`` begins after the one before: no two hold at the same moment."""
    for former, latter in itertools.pairwise(entries):
        if (latter.valid_from or _BEGINNING) <= (former.valid_from or _BEGINNING):
            raise ValueError(f"valid_from must be later than that of the entry before it: {latter.valid_from}")


class Price(Table):
    """What a queue costs from a moment on. A start keeps the price of the moment of its Submit."""

    amount: Annotated[Decimal, Field(ge=0, le=10**9, allow_inf_nan=False)]
    """Money for one unit and one hour; 0 is free of charge."""
    per: Literal["node-hour", "gpu-hour", "core-hour"] = "node-hour"
    """The unit: a node, a GPU or a CPU core that Slurm has given to the job (AllocTRES)."""
    valid_from: AwareDatetime | None = None
    """With its offset from UTC. None: from the beginning; only the first price may leave it out."""


class Discount(Table):
    """What a Slurm account pays less than the price list, from a moment on."""

    account: Annotated[str, Field(pattern=ACCOUNT)]
    percent: Annotated[Decimal, Field(ge=0, le=100, allow_inf_nan=False)]
    valid_from: AwareDatetime | None = None


class Away(Table):
    """When a server is away (row T2): nothing passes through the proxy to it, and its jobs compute nothing."""

    after: Annotated[timedelta, Field(gt=timedelta(0))] = timedelta(minutes=10)
    """A shorter time away is not counted."""
    look_every: Annotated[timedelta, Field(ge=timedelta(seconds=1))] = timedelta(minutes=1)
    """How often traffic and Slurm's figures are looked at; time away begins and ends with a look."""
    cpu_percent: Annotated[float, Field(ge=0, le=100)] = 5.0
    """A job whose processes use less than this share of one CPU core between two looks computes nothing; 0: no such."""
    gpu_percent: Annotated[float, Field(ge=0, le=100)] = 1.0
    """The same for its GPUs, where Slurm accounts for them (gres/gpuutil)."""
    warn_before: Annotated[timedelta, Field(ge=timedelta(0))] = timedelta(minutes=30)
    """Pages warn for that long before a queue's ``away_limit`` ends a server."""

    @model_validator(mode="after")
    def _refuse_fine_looks(self) -> Away:
        allowed_s = self.look_every.total_seconds() * self.cpu_percent / 100
        if 0 < allowed_s <= 1:
            raise ValueError(
                f"cpu_percent of look_every is {allowed_s:g} s of a core, and Slurm counts whole seconds: make it more"
                " than one, or an idle server is taken for a busy one"
            )
        return self


class Billing(Table):
    """The ledger of what jobs cost. Absent: prices are shown, and nothing is charged."""

    database_url: str | None = None
    """SQLAlchemy URL, without a password; default: SQLite in ``hub.state_dir``."""
    password_file: Path | None = None
    """File with the password of the database's user."""
    over_budget: Literal["refuse", "warn", "allow"] = "refuse"
    """A start in a charged queue that can cost more than its account has left: no; yes, with a warning; yes."""
    time_zone: str = "UTC"
    """Days and months of statements begin at midnight there (a name of the IANA database)."""
    collect_every: Annotated[timedelta, Field(ge=timedelta(seconds=1))] = timedelta(seconds=30)
    """How often sacct is asked."""
    overlap: Annotated[timedelta, Field(ge=timedelta(0))] = timedelta(hours=1)
    """How far each question to sacct reaches back before what is known already."""
    uncharged_states: tuple[str, ...] = ("NODE_FAIL", "BOOT_FAIL")
    """A job that Slurm ended in one of these states costs nothing."""
    discounts: tuple[Discount, ...] = ()
    away: Away = Away()

    @property
    def zone(self) -> ZoneInfo:
        """``time_zone`` itself."""
        return ZoneInfo(self.time_zone)

    def discount_at(self, account: str, moment: datetime) -> Decimal:
        """Percent that ``account`` pays less for a start that is submitted at ``moment``."""
        found = find_valid([discount for discount in self.discounts if discount.account == account], moment)
        return found.percent if found else Decimal(0)

    @field_validator("time_zone")
    @classmethod
    def _refuse_nowhere(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError(f"no such time zone: {name!r}. Write one such as Asia/Seoul") from error
        return name

    @field_validator("discounts")
    @classmethod
    def _refuse_overlaps(cls, discounts: tuple[Discount, ...]) -> tuple[Discount, ...]:
        for account in {discount.account for discount in discounts}:
            refuse_disorder([discount for discount in discounts if discount.account == account])
        return discounts

    @field_validator("database_url")
    @classmethod
    def _refuse_password(cls, url: str | None) -> str | None:
        if url is not None and re.match(r"[^:/]+://[^/@]*:[^/@]*@", url):
            raise ValueError("the site file is read by everybody: write the password into billing.password_file")
        return url
