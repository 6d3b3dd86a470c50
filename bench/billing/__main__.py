"""``python -m bench.billing``: charge and show 100,000 jobs on both databases, and write the pages."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import click

from bench.__main__ import OUTPUT, describe_figure, write_pages, write_run
from bench.billing.report import BILLING
from bench.billing.scenarios import NAMES, measure
from bench.figures import Figures, Run
from bench.machine import describe_machine
from bench.postgresql import PostgreSQLMissing, find_programs
from bench.site import SiteError


async def run_bench(scenarios: tuple[str, ...], output: Path, *, quick: bool) -> Run:
    """Measure; figures are written as they come."""
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    OUTPUT.mkdir(parents=True, exist_ok=True)
    versions = {
        "NeuronHub": version("neuronhub"),
        "SQLAlchemy": version("sqlalchemy"),
        "SQLite": sqlite3.sqlite_version,
        "PostgreSQL": find_programs().parent.name,
    }
    figures: list[Figures] = []
    run = Run(datetime.now(UTC).isoformat(timespec="seconds"), describe_machine(), versions, ())
    async for figure in measure(scenarios, OUTPUT / "site.log", quick=quick):
        figures.append(figure)
        run = Run(run.taken_at, run.machine, run.versions, tuple(figures))
        write_run(run, output)
        click.echo(describe_figure(figure))
    return run


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("--quick", is_flag=True, help="Few jobs, to see that it works; no page is written.")
@click.option("--only", multiple=True, type=click.Choice(NAMES), help="This scenario; may be repeated.")
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="The file for the figures (JSON).")
def main(quick: bool, only: tuple[str, ...], output: Path | None) -> None:
    """Measure what charging and showing 100,000 jobs costs on SQLite and PostgreSQL, beside plain SQL.

    Needs root, and about five minutes. Figures go to bench/output/billing.json, and those of a whole run to
    docs/en/measured-billing.md and docs/ko/measured-billing.md as well.
    """
    whole = not (quick or only)
    output = output or OUTPUT / ("billing.json" if whole else "part.json")
    try:
        run = asyncio.run(run_bench(only or NAMES, output, quick=quick))
    except (SiteError, PostgreSQLMissing, asyncio.CancelledError, KeyboardInterrupt) as error:
        click.echo(f"bench: {error or 'ended before it was done'}", err=True)
        sys.exit(1)
    write_pages(BILLING, run, "measured-billing.md", None if whole else output)


if __name__ == "__main__":
    main()
