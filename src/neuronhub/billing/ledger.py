"""The ledger: starts, charges, credits, and what is known of jobs that run. Used by the hub and ``neuronhub billing``.

Synchronous and thread-safe: the hub calls it by asyncio.to_thread. Every method is one transaction, and raises
LedgerUnavailable when the database does not answer; then nothing was written.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from neuronhub.billing import absences, budgets, charges, starts, totals
from neuronhub.billing.database import Database
from neuronhub.billing.types import Balance, Charge, Credit, Filter, Interval, Look, Running, Start, Total, Waits
from neuronhub.errors import EntryRefused, LedgerUnavailable
from neuronhub.language import translate as _
from neuronhub.site import Site

EVERYTHING = Filter()


class Ledger:
    """The ledger at ``url``, in ``currency``; call ``ensure_schema`` before anything else."""

    def __init__(self, url: str, currency: str, password: str | None = None) -> None:
        self.currency = currency
        self._database = Database(url, password)

    def ensure_schema(self) -> None:
        """Make the tables, or bring them to this version; raises LedgerUnavailable when they are of a later one."""
        self._database.ensure_schema(self.currency)

    def is_current(self) -> bool:
        """Are the tables there and of this version? Makes nothing; raises LedgerUnavailable if they are ahead of it."""
        return self._database.is_current()

    def close(self) -> None:
        """Let go of the database."""
        self._database.close()

    def open_starts(self, opened: Sequence[Start], *, policy: str) -> None:
        """Note jobs that are about to be submitted, all or none; what is noted already stays as it is.

        Raises BudgetExceeded when ``policy`` is ``refuse`` and they can cost more than their account has available.
        """
        with self._database.write({start.account for start in opened}) as connection:
            if policy == "refuse":
                budgets.refuse_overspending(connection, opened)
            starts.insert_starts(connection, opened)

    def note_job(self, job_name: str, job_id: int) -> None:
        """Slurm has given ``job_id`` to the job; a name that was never noted changes nothing."""
        with self._database.write() as connection:
            starts.note_job(connection, job_name, job_id)

    def note_ready(self, job_name: str, at: datetime) -> None:
        """Its Jupyter server answered; only the first time counts."""
        with self._database.write() as connection:
            starts.note_ready(connection, job_name, at)

    def close_starts(self, job_names: Collection[str]) -> None:
        """Nothing more will come of these, or they were never submitted: what was held back for them is free again."""
        with self._database.write() as connection:
            starts.settle(connection, job_names)

    def reopen_starts(self, job_names: Collection[str]) -> None:
        """These run again after they were settled."""
        with self._database.write() as connection:
            starts.reopen(connection, job_names)

    def fetch_open(self) -> list[Start]:
        """Starts that are not settled, the oldest first."""
        with self._database.read() as connection:
            return starts.fetch_open(connection)

    def fetch_starts(self, since: datetime, until: datetime) -> list[Start]:
        """Starts noted from ``since`` until before ``until``, settled ones too, the oldest first."""
        with self._database.read() as connection:
            return starts.fetch_starts(connection, since, until)

    def find_start(self, job_name: str) -> Start | None:
        """The start of that name."""
        with self._database.read() as connection:
            return starts.find_start(connection, job_name)

    def fetch_group(self, server: str) -> list[Start]:
        """A server's start and those of its engines, settled ones too, the oldest first."""
        with self._database.read() as connection:
            return starts.fetch_group(connection, server)

    def note_running(self, seen: Sequence[Running]) -> None:
        """Keep the latest figures of segments that have not ended."""
        with self._database.write() as connection:
            starts.note_running(connection, seen)

    def fetch_running(self, where: Filter = EVERYTHING, *, servers: Collection[str] | None = None) -> list[Running]:
        """Last figures of what runs (of ``servers`` and their engines); times of ``where`` are not looked at."""
        with self._database.read() as connection:
            return starts.fetch_running(connection, where, servers)

    def charge(self, offered: Sequence[Charge], *, settled: Collection[str] = ()) -> list[Charge]:
        """Write charges and settle the starts ``settled``, all or nothing; a segment that is there is passed over.

        Returns those newly written, with their ids. Raises EntryRefused for a job that was never noted.
        """
        with self._database.write(charging=True) as connection:
            written = charges.insert_charges(connection, offered, datetime.now(UTC))
            starts.settle(connection, settled)
            return written

    def find_charge(self, charge_id: int) -> Charge | None:
        """The charge of that id."""
        with self._database.read() as connection:
            return charges.find_charge(connection, charge_id)

    def fetch_charges(
        self,
        where: Filter,
        *,
        limit: int | None = None,
        skip: int = 0,
        after: int | None = None,
        newest_first: bool = False,
    ) -> list[Charge]:
        """Charges in the order of their ends; at most ``limit``, those that follow the charge of id ``after``.

        ``skip`` is for numbered pages; for many of them ``after`` is quicker, and misses none that comes in between.
        """
        with self._database.read() as connection:
            return charges.fetch_charges(
                connection, where, limit=limit, skip=skip, after=after, newest_first=newest_first
            )

    def sum_by_day(self, where: Filter, zone: ZoneInfo) -> list[Total]:
        """By the day of ``zone`` on which segments ended, and by queue; ``where`` says since and until when."""
        with self._database.read() as connection:
            return totals.sum_by_day(connection, where, zone)

    def sum_by_queue(self, where: Filter) -> list[Total]:
        """Charges summed up by queue."""
        with self._database.read() as connection:
            return totals.sum_by(connection, where, "queue")

    def sum_by_user(self, where: Filter) -> list[Total]:
        """Charges summed up by user."""
        with self._database.read() as connection:
            return totals.sum_by(connection, where, "user")

    def sum_by_member(self, where: Filter) -> list[Total]:
        """Charges summed up by user and account: both sums in one look."""
        with self._database.read() as connection:
            return totals.sum_by_member(connection, where)

    def fetch_waits(self, where: Filter) -> list[Waits]:
        """From submit to begin, by queue: of segments that have begun and ended."""
        with self._database.read() as connection:
            return totals.fetch_waits(connection, where)

    def grant(self, account: str, amount_minor: int, *, by: str, note: str, at: datetime) -> Credit:
        """Add to the budget of ``account``; raises EntryRefused for an absurd amount, account or note."""
        with self._database.write({account}) as connection:
            return budgets.insert_grant(connection, account, amount_minor, self.currency, by=by, note=note, at=at)

    def correct(self, charge_id: int, amount_minor: int, *, by: str, note: str, at: datetime) -> Credit:
        """Give back some of a charge; below zero: take back what was given so.

        Raises EntryRefused for an unknown charge, an empty note, or more than the charge in all.
        """
        charge = self.find_charge(charge_id)
        if charge is None:
            raise EntryRefused(
                _("There is no charge {number}. Look it up: neuronhub billing charges.").format(number=charge_id)
            )
        with self._database.write({charge.account}) as connection:
            return budgets.insert_correction(connection, charge, amount_minor, self.currency, by=by, note=note, at=at)

    def balances(self, accounts: Collection[str] | None) -> dict[str, Balance]:
        """Account -> its budget: of all ``accounts``, or (None) of those that occur in the ledger."""
        with self._database.read() as connection:
            return budgets.fetch_balances(connection, accounts)

    def fetch_left(self, account: str, moment: datetime) -> int:
        """What was left of an account's budget at ``moment``, by all that is known now: a statement opens with it."""
        with self._database.read() as connection:
            return budgets.fetch_left(connection, account, moment)

    def fetch_credits(
        self, account: str | None = None, since: datetime | None = None, until: datetime | None = None
    ) -> list[Credit]:
        """Grants to ``account`` (None: to all) and corrections, from ``since`` until before ``until``, in order."""
        with self._database.read() as connection:
            return budgets.fetch_credits(connection, account, since, until)

    def note_looks(self, seen: Sequence[Look]) -> None:
        """Keep each of ``seen`` in place of the look at its server before."""
        with self._database.write() as connection:
            absences.note_looks(connection, seen)

    def fetch_looks(self, servers: Collection[str]) -> dict[str, Look]:
        """Server -> the last look at it, of those that were looked at."""
        with self._database.read() as connection:
            return absences.fetch_looks(connection, servers)

    def extend_away(self, server: str, began_at: datetime, ended_at: datetime) -> Interval:
        """Note a time away, as one with those that it touches; returns the whole of it. May be repeated."""
        with self._database.write() as connection:
            return absences.extend_away(connection, server, began_at, ended_at)

    def fetch_away(self, servers: Collection[str]) -> dict[str, list[Interval]]:
        """Server -> its times away in order, of those that were ever away."""
        with self._database.read() as connection:
            return absences.fetch_away(connection, servers)


def open_ledger(site: Site) -> Ledger:
    """The ledger of ``site``; raises LedgerUnavailable when its password cannot be read."""
    password_file = site.billing.password_file if site.billing else None
    return Ledger(site.ledger_url, site.currency, _read_password(password_file) if password_file else None)


def _read_password(path: Path) -> str:
    try:
        if path.stat().st_mode & 0o007:
            raise LedgerUnavailable(
                _("{file}: everybody may read this password. Run: chmod 600 {file}").format(file=path)
            )
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise LedgerUnavailable(
            _("billing.password_file {file}: cannot be read ({reason}).").format(file=path, reason=error)
        ) from error
