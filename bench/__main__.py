"""``python -m bench``: start an embedded site, measure, end it, write figures and pages."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path

import click

from bench.environment import describe_versions, ensure_environment
from bench.figures import Figures, Run
from bench.load import HubSaidNo, open_load
from bench.machine import describe_machine, read_priority, set_priority
from bench.pages import Book
from bench.report import STARTS
from bench.scenarios import FULL, QUICK, SCENARIOS, Scale, Session
from bench.site import CHECKOUT, Site, SiteError, open_site
from bench.subjects import BATCHSPAWNER, FLOOR, NEURONHUB, open_subject

OUTPUT = CHECKOUT / "bench" / "output"
LANGUAGES = ("en", "ko")
NAMES = (NEURONHUB, BATCHSPAWNER, FLOOR)

Plan = list[tuple[str, str]]
"""Pairs of subject and scenario, in the order in which they are measured."""


def make_plan(subjects: Sequence[str], scenarios: Sequence[str]) -> Plan:
    """What is to be measured of ``subjects`` in ``scenarios``."""
    plan = [
        (subject, name)
        for jupyter in (False, True)
        for subject in NAMES
        for name, scenario in SCENARIOS.items()
        if scenario.jupyter is jupyter and subject in scenario.subjects
    ]
    return [(subject, name) for subject, name in plan if subject in subjects and name in scenarios]


async def measure(plan: Plan, scale: Scale, site: Site) -> AsyncIterator[Figures]:
    """Measure everything in ``plan``; the scenarios of one hub follow each other on one start of it."""
    for (name, jupyter), pairs in groupby(plan, key=lambda pair: (pair[0], SCENARIOS[pair[1]].jupyter)):
        async with open_subject(site, name, OUTPUT, jupyter=jupyter) as subject, open_load(subject) as load:
            session = Session(site, subject, load, scale)
            for _, scenario in pairs:
                try:
                    yield await session.measure(scenario)
                except (HubSaidNo, TimeoutError) as error:
                    yield Figures(scenario, name, {}, (str(error) or "no answer in time",))
                    await session.close()
            await session.close()


async def run_bench(plan: Plan, scale: Scale, output: Path) -> Run:
    """Start a site, measure, end it; figures are written as they come."""
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    OUTPUT.mkdir(parents=True, exist_ok=True)
    await ensure_environment()
    figures: list[Figures] = []
    async with open_site(OUTPUT / "site.log") as site:
        versions = await describe_versions(site)
        run = Run(datetime.now(UTC).isoformat(timespec="seconds"), describe_machine(), versions, ())
        async for figure in measure(plan, scale, site):
            figures.append(figure)
            run = Run(run.taken_at, run.machine, run.versions, tuple(figures))
            write_run(run, output)
            click.echo(describe_figure(figure))
    return run


def write_pages(book: Book, run: Run, name: str, beside: Path | None) -> None:
    """Write ``run`` in each language: the document ``name``; of a part of it, beside its file of figures."""
    for language in LANGUAGES:
        page = beside.with_suffix(f".{language}.md") if beside else CHECKOUT / "docs" / language / name
        page.write_text(book.render(run, language))
        click.echo(f"{page.relative_to(CHECKOUT) if page.is_relative_to(CHECKOUT) else page}")


def write_run(run: Run, output: Path) -> None:
    """Write all figures so far."""
    output.write_text(json.dumps(run.to_json(), indent=2) + "\n")


def describe_figure(figure: Figures) -> str:
    """One line, and one for each problem."""
    values = " ".join(f"{key}={value:.6g}" for key, value in figure.values.items())
    return "\n".join([f"{figure.subject:13} {figure.scenario:17} {values}", *(f"    {p}" for p in figure.problems)])


@contextmanager
def prioritised() -> Iterator[None]:
    """The users are elsewhere in reality: they do not share processor time with the jobs."""
    before = read_priority(os.getpid())
    if before is None:
        yield
        return
    set_priority(os.getpid())
    try:
        yield
    finally:
        set_priority(os.getpid(), before)


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("--quick", is_flag=True, help="A few starts and seconds only, to see that it works; no page is written.")
@click.option("--only", multiple=True, type=click.Choice(list(SCENARIOS)), help="This scenario; may be repeated.")
@click.option("--of", "subjects", multiple=True, type=click.Choice(NAMES), help="Of this hub; may be repeated.")
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="The file for the figures (JSON).")
def main(quick: bool, only: tuple[str, ...], subjects: tuple[str, ...], output: Path | None) -> None:
    """Measure what a start costs, on an embedded site, beside batchspawner and JupyterHub alone.

    Needs root, and about 35 minutes. Figures go to bench/output/start.json, and those of a whole run to
    docs/en/measured.md and docs/ko/measured.md as well.
    """
    plan = make_plan(subjects or NAMES, only or tuple(SCENARIOS))
    whole = not (quick or only or subjects)
    output = output or OUTPUT / ("start.json" if whole else "part.json")
    try:
        with prioritised():
            run = asyncio.run(run_bench(plan, QUICK if quick else FULL, output))
    except (SiteError, asyncio.CancelledError, KeyboardInterrupt) as error:
        click.echo(f"bench: {error or 'ended before it was done'}", err=True)
        sys.exit(1)
    write_pages(STARTS, run, "measured.md", None if whole else output)


if __name__ == "__main__":
    main()
