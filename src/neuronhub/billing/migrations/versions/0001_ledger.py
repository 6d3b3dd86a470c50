"""The first ledger: starts, charges, credits, running, away, looks."""

from __future__ import annotations

from alembic import op
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    ForeignKey,
    Integer,
    String,
    Text,
    UniqueConstraint,
    text,
)

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

MOMENT = DateTime(timezone=True)
IDENTITY = BigInteger().with_variant(Integer(), "sqlite")
APPEND_ONLY = ("charges", "credits")


def upgrade() -> None:
    """Make everything; there was nothing."""
    op.create_table("book", Column("currency", String(3), primary_key=True))
    make_starts()
    make_charges()
    make_credits()
    make_passing()
    if op.get_bind().dialect.name == "sqlite":
        refuse_changes_sqlite()
    else:
        refuse_changes_postgresql()


def make_starts() -> None:
    """Jobs that the hub noted before it submitted them."""
    op.create_table(
        "starts",
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
        Column("noted_at", MOMENT, nullable=False),
        Column("job_id", BigInteger),
        Column("ready_at", MOMENT),
        Column("settled", Boolean, nullable=False),
    )
    op.create_index("starts_server", "starts", ["server"])
    still_open = text("NOT settled")
    op.create_index(
        "starts_open", "starts", ["account", "most_minor"], sqlite_where=still_open, postgresql_where=still_open
    )


def make_charges() -> None:
    """What ended segments cost."""
    op.create_table(
        "charges",
        Column("id", IDENTITY, primary_key=True),
        Column("charged_at", MOMENT, nullable=False),
        Column("cluster", String(64), nullable=False),
        Column("job_id", BigInteger, nullable=False),
        Column("submitted_at", MOMENT, nullable=False),
        Column("restart", Integer, nullable=False),
        Column("job_name", String(128), ForeignKey("starts.job_name"), nullable=False),
        Column("use", String(16), nullable=False),
        Column("user", String(64), nullable=False),
        Column("account", String(64), nullable=False),
        Column("queue", String(64), nullable=False),
        Column("state", String(32), nullable=False),
        Column("started_at", MOMENT),
        Column("ended_at", MOMENT, nullable=False),
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
    op.create_index("charges_ended", "charges", ["ended_at", "id"])
    op.create_index("charges_user", "charges", ["user", "ended_at"])
    op.create_index("charges_account", "charges", ["account", "ended_at", "amount_minor"])
    op.create_index("charges_job_name", "charges", ["job_name"])


def make_credits() -> None:
    """Grants, and the counter-entries of corrections."""
    op.create_table(
        "credits",
        Column("id", IDENTITY, primary_key=True),
        Column("account", String(64), nullable=False),
        Column("amount_minor", BigInteger, nullable=False),
        Column("kind", String(16), nullable=False),
        Column("by", String(64), nullable=False),
        Column("note", Text, nullable=False),
        Column("at", MOMENT, nullable=False),
        Column("charge_id", IDENTITY, ForeignKey("charges.id")),
    )
    op.create_index("credits_account", "credits", ["account", "at", "amount_minor"])
    op.create_index("credits_charge", "credits", ["charge_id"])


def make_passing() -> None:
    """What is not money: last figures of running jobs, times away, last looks at servers."""
    op.create_table(
        "running",
        Column("job_name", String(128), ForeignKey("starts.job_name"), primary_key=True),
        Column("job_id", BigInteger, nullable=False),
        Column("started_at", MOMENT, nullable=False),
        Column("elapsed_s", BigInteger, nullable=False),
        Column("units", BigInteger, nullable=False),
        Column("seen_at", MOMENT, nullable=False),
    )
    op.create_table(
        "away",
        Column("server", String(128), primary_key=True),
        Column("began_at", MOMENT, primary_key=True),
        Column("ended_at", MOMENT, nullable=False),
    )
    op.create_table(
        "looks",
        Column("server", String(128), primary_key=True),
        Column("looked_at", MOMENT, nullable=False),
        Column("traffic_at", MOMENT),
        Column("work", Text, nullable=False),
    )


def refuse_changes_sqlite() -> None:
    """Triggers that keep entries as they were written."""
    for table in APPEND_ONLY:
        for change in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_refuse_{change.lower()} BEFORE {change} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} are only ever added to: write a correction'); END"
            )


def refuse_changes_postgresql() -> None:
    """The same, and TRUNCATE, which SQLite has not."""
    op.execute(
        "CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "RAISE EXCEPTION '% are only ever added to: write a correction', TG_TABLE_NAME; END $$"
    )
    for table in APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER {table}_refuse_change BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
