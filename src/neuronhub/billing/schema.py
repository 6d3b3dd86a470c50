"""The tables of the ledger, as the code sees them; migrations make them. Used by the hub and by ``neuronhub billing``.

``charges`` and ``credits`` are only ever added to: triggers refuse everything else. Amounts are whole numbers of the
currency's smallest unit, prices exact decimal texts, times UTC.
"""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    false,
)

tables = MetaData()


class Moment(TypeDecorator[datetime]):
    """A UTC-aware datetime; SQLite, which knows no time zones, keeps it as text in UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse a time that could be any zone's."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value} has no time zone")
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """In UTC, whatever zone the database session is in."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if dialect.name == "sqlite" else value.astimezone(UTC)


identity = BigInteger().with_variant(Integer(), "sqlite")
"""SQLite counts up by itself only what it calls INTEGER."""

book = Table(
    "book",
    tables,
    Column("currency", String(3), primary_key=True),
)
"""One row: the currency of all amounts."""

starts = Table(
    "starts",
    tables,
    Column("job_name", String(128), primary_key=True),
    Column("use", String(16), nullable=False),
    Column("server", String(128), nullable=False),
    Column("user", String(64), nullable=False),
    Column("account", String(64), nullable=False),
    Column("queue", String(64), nullable=False),
    Column("rate_amount", Text, nullable=False),
    Column("rate_unit", String(16), nullable=False),
    Column("discount_percent", Text, nullable=False),
    Column("most_minor", BigInteger, nullable=False),
    Column("noted_at", Moment, nullable=False),
    Column("job_id", BigInteger),
    Column("ready_at", Moment),
    Column("settled", Boolean, nullable=False),
)
Index("starts_server", starts.c.server)
Index(
    "starts_open",
    starts.c.account,
    starts.c.most_minor,
    sqlite_where=starts.c.settled == false(),
    postgresql_where=starts.c.settled == false(),
)

charges = Table(
    "charges",
    tables,
    Column("id", identity, primary_key=True),
    Column("charged_at", Moment, nullable=False),
    Column("cluster", String(64), nullable=False),
    Column("job_id", BigInteger, nullable=False),
    Column("submitted_at", Moment, nullable=False),
    Column("restart", Integer, nullable=False),
    Column("job_name", String(128), ForeignKey("starts.job_name"), nullable=False),
    Column("use", String(16), nullable=False),
    Column("user", String(64), nullable=False),
    Column("account", String(64), nullable=False),
    Column("queue", String(64), nullable=False),
    Column("state", String(32), nullable=False),
    Column("started_at", Moment),
    Column("ended_at", Moment, nullable=False),
    Column("waited_s", BigInteger, nullable=False),
    Column("elapsed_s", BigInteger, nullable=False),
    Column("away_s", BigInteger, nullable=False),
    Column("charged_s", BigInteger, nullable=False),
    Column("units", BigInteger, nullable=False),
    Column("rate_amount", Text, nullable=False),
    Column("rate_unit", String(16), nullable=False),
    Column("discount_percent", Text, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("why_free", String(32), nullable=False),
    Column("nodes", BigInteger, nullable=False),
    Column("gpus", BigInteger, nullable=False),
    Column("cpus", BigInteger, nullable=False),
    Column("billing", BigInteger, nullable=False),
    UniqueConstraint("cluster", "job_id", "submitted_at", "restart", name="charges_segment"),
)
Index("charges_ended", charges.c.ended_at, charges.c.id)
Index("charges_user", charges.c.user, charges.c.ended_at)
Index("charges_account", charges.c.account, charges.c.ended_at, charges.c.amount_minor)
Index("charges_job_name", charges.c.job_name)

credits = Table(
    "credits",
    tables,
    Column("id", identity, primary_key=True),
    Column("account", String(64), nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("by", String(64), nullable=False),
    Column("note", Text, nullable=False),
    Column("at", Moment, nullable=False),
    Column("charge_id", identity, ForeignKey("charges.id")),
)
Index("credits_account", credits.c.account, credits.c.at, credits.c.amount_minor)
Index("credits_charge", credits.c.charge_id)

running = Table(
    "running",
    tables,
    Column("job_name", String(128), ForeignKey("starts.job_name"), primary_key=True),
    Column("job_id", BigInteger, nullable=False),
    Column("started_at", Moment, nullable=False),
    Column("elapsed_s", BigInteger, nullable=False),
    Column("units", BigInteger, nullable=False),
    Column("seen_at", Moment, nullable=False),
)

away = Table(
    "away",
    tables,
    Column("server", String(128), primary_key=True),
    Column("began_at", Moment, primary_key=True),
    Column("ended_at", Moment, nullable=False),
)

looks = Table(
    "looks",
    tables,
    Column("server", String(128), primary_key=True),
    Column("looked_at", Moment, nullable=False),
    Column("traffic_at", Moment),
    Column("work", Text, nullable=False),
)
