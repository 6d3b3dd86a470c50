"""One thing to measure, in a process of its own: ``python -m bench.billing.inside WORK``, a Task as JSON on its input.

Prints what it measured as JSON. Memory is what the process grew by, at its largest.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import resource
import sqlite3
import sys
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import make_url

from bench.billing.jobs import ACCOUNTS, BEGIN, CURRENCY, GRANT_MINOR, MONTH, make_jobs, make_site
from bench.figures import take_percentile
from neuronhub.billing.collector import Collected, Collector, Patience
from neuronhub.billing.ledger import Ledger
from neuronhub.billing.period import parse_month
from neuronhub.billing.prices import make_charge
from neuronhub.billing.question import ALL, OWN, Question, Reader
from neuronhub.billing.usage import fetch_usage
from neuronhub.slurm.accounting import parse_usage
from neuronhub.slurm.usage import Usage

MEMBER = "user007"
PORTION = 10_000
SEPARATOR = "\x1f"
KIB_PER_MIB = 1024

Values = dict[str, float]


@dataclass(frozen=True)
class Task:
    """What to work on."""

    url: str
    password: str
    count: int
    """Jobs."""
    records: str
    """File with what sacct printed."""
    repeat: int = 1
    target: str = ""
    """URL of a second ledger, which has no charges."""

    def open_ledger(self, url: str) -> Ledger:
        """One of the two."""
        return Ledger(url, CURRENCY, self.password or None)

    def read_usage(self) -> tuple[Usage, ...]:
        """What accounting tells, as it is read from the command."""
        return parse_usage(Path(self.records).read_text(encoding="ascii"), SEPARATOR)

    def read_rows(self, user: str = "") -> tuple[list[str], list[tuple[Any, ...]]]:
        """Columns and rows of all charges, or of a user's, by the driver alone."""
        where = f"WHERE \"user\" = '{user}'" if user else ""
        with open_driver(self.url, self.password) as connection:
            found = connection.execute(f"SELECT * FROM charges {where} ORDER BY ended_at DESC")
            return [column[0] for column in found.description], found.fetchall()


def open_driver(url: str, password: str) -> Any:
    """A connection of the database's own driver; the block is one transaction."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        connection = sqlite3.connect(parsed.database or "")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")
        return connection
    host = str(parsed.query["host"])
    return psycopg.connect(host=host, user=parsed.username, dbname=parsed.database, password=password)


def prepare(task: Task) -> Values:
    """Ledgers in which all jobs are noted, and what accounting says of them."""
    for url in (task.url, task.target):
        ledger = task.open_ledger(url)
        ledger.ensure_schema()
        for number in range(ACCOUNTS):
            ledger.grant(f"account{number:02}", GRANT_MINOR, by="bench", note="the year's budget", at=BEGIN)
        for jobs in _take(make_jobs(task.count)):
            ledger.open_starts([job.start for job in jobs], policy="refuse")
        ledger.close()
    with Path(task.records).open("w", encoding="ascii") as records:
        records.writelines(job.render_record(SEPARATOR) + "\n" for job in make_jobs(task.count))
    return {}


def fill(task: Task) -> Values:
    """All jobs charged, in a ledger that is there."""
    site, ledger = make_site(), task.open_ledger(task.url)
    for jobs in _take(make_jobs(task.count)):
        ledger.open_starts([replace(job.start, settled=True) for job in jobs], policy="allow")
        records = "".join(job.render_record(SEPARATOR) + "\n" for job in jobs)
        starts = {job.start.job_id: job.start for job in jobs}
        usages = parse_usage(records, SEPARATOR)
        ledger.charge([make_charge(starts[usage.job_id], usage, (), site) for usage in usages])
    ledger.close()
    return {}


def _take(jobs: Iterator[Any]) -> Iterator[list[Any]]:
    while portion := list(itertools.islice(jobs, PORTION)):
        yield portion


def collect(task: Task) -> Values:
    """A turn of the collector that finds all jobs ended: from what sacct printed until all are charged and settled."""

    class Accounting:
        async def fetch_usage(self, ids: Collection[int], names: Collection[str], since: datetime) -> tuple[Usage, ...]:
            return await asyncio.to_thread(task.read_usage)

        async def fetch_jobs(self) -> tuple[()]:
            return ()

    site = make_site()
    ledger = task.open_ledger(task.url)
    collector = Collector(site, Accounting(), ledger, patience=Patience(steady_s=0))
    before_mib = read_memory()

    async def run() -> tuple[Collected, float]:
        began = time.perf_counter()
        return await collector.collect(), time.perf_counter() - began

    collected, seconds = asyncio.run(run())
    assert len(collected.charges) == len(collected.settled) == task.count, collected.unpriced[:3]
    return {"seconds": seconds, "records_per_s": task.count / seconds, "memory_mib": read_memory() - before_mib}


def insert_plain(task: Task) -> Values:
    """The same rows by the driver, in one transaction, into a ledger without them."""
    columns, rows = task.read_rows()
    place = "?" if task.target.startswith("sqlite") else "%s"
    names = ", ".join(f'"{column}"' for column in columns)
    statement = f"INSERT INTO charges ({names}) VALUES ({', '.join([place] * len(columns))})"
    before_mib = read_memory()
    began = time.perf_counter()
    with open_driver(task.target, task.password) as connection:
        connection.cursor().executemany(statement, rows)
    seconds = time.perf_counter() - began
    return {"seconds": seconds, "records_per_s": len(rows) / seconds, "memory_mib": read_memory() - before_mib}


def show(task: Task) -> Values:
    """What the usage page reads, as an operator sees all and as a member sees the own."""
    site = make_site()
    assert site.billing is not None
    billing = site.billing
    ledger = task.open_ledger(task.url)
    month = parse_month(MONTH)
    views = {
        "all": (Reader("root", operator=True), Question(month, account=ALL)),
        "own": (Reader(MEMBER, accounts=("account07",)), Question(month, account=OWN)),
    }
    values: dict[str, float] = {}
    for name, (reader, question) in views.items():
        values |= _time(name, task.repeat, partial(fetch_usage, ledger, billing, reader, question))
    shown = fetch_usage(ledger, billing, *views["all"])
    assert shown.listed == shown.total.segments == task.count
    return values


def select_plain(task: Task) -> Values:
    """The rows of the same views, by the driver."""
    return _time("all", task.repeat, task.read_rows) | _time("own", task.repeat, partial(task.read_rows, MEMBER))


def _time(name: str, repeat: int, work: Callable[[], object]) -> Values:
    work()  # the first one compiles its statements, and reads the file into memory
    milliseconds = []
    for _ in range(repeat):
        began = time.perf_counter()
        work()
        milliseconds.append((time.perf_counter() - began) * 1000)
    return {f"{name}_p{percent}_ms": take_percentile(milliseconds, percent) for percent in (50, 99)}


def read_memory() -> float:
    """The most that this process has had in memory so far, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / KIB_PER_MIB


WORKS = {work.__name__: work for work in (prepare, fill, collect, insert_plain, show, select_plain)}


def render_task(task: Task) -> str:
    """What ``main`` reads."""
    return json.dumps(asdict(task))


def parse_values(text: str) -> Values:
    """What ``main`` prints."""
    values: Values = json.loads(text)
    return values


def main() -> None:
    """Do the work that the first argument names."""
    print(json.dumps(WORKS[sys.argv[1]](Task(**json.load(sys.stdin)))))


if __name__ == "__main__":
    main()
