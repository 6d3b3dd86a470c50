"""``python -m bench.workbench``: start an embedded site, measure the workbench there, end it, write the pages."""

from __future__ import annotations

import asyncio
import signal
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import click

from bench.__main__ import OUTPUT, describe_figure, write_pages, write_run
from bench.figures import Figures, Run
from bench.machine import describe_machine
from bench.site import SiteError, open_site
from bench.workbench.report import WORKBENCH
from bench.workbench.scenarios import NAMES, measure


async def run_bench(scenarios: tuple[str, ...], output: Path, *, quick: bool) -> Run:
    """Start a site, measure, end it; figures are written as they come."""
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    OUTPUT.mkdir(parents=True, exist_ok=True)
    versions = {"NeuronHub": version("neuronhub"), "JupyterHub": version("jupyterhub")}
    figures: list[Figures] = []
    run = Run(datetime.now(UTC).isoformat(timespec="seconds"), describe_machine(), versions, ())
    async with open_site(OUTPUT / "site.log") as site:
        async for figure in measure(site, scenarios, quick=quick):
            figures.append(figure)
            run = Run(run.taken_at, run.machine, run.versions, tuple(figures))
            write_run(run, output)
            click.echo(describe_figure(figure))
    return run


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("--quick", is_flag=True, help="Each thing once, to see that it works; no page is written.")
@click.option("--only", multiple=True, type=click.Choice(NAMES), help="This scenario; may be repeated.")
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="The file for the figures (JSON).")
def main(quick: bool, only: tuple[str, ...], output: Path | None) -> None:
    """Measure what engines, TensorBoards and servers cost, on an embedded site, beside the plain ones.

    Needs root, and about five minutes. Figures go to bench/output/workbench.json, and those of a whole run to
    docs/en/measured-workbench.md and docs/ko/measured-workbench.md as well.
    """
    whole = not (quick or only)
    output = output or OUTPUT / ("workbench.json" if whole else "part.json")
    try:
        run = asyncio.run(run_bench(only or NAMES, output, quick=quick))
    except (SiteError, asyncio.CancelledError, KeyboardInterrupt) as error:
        click.echo(f"bench: {error or 'ended before it was done'}", err=True)
        sys.exit(1)
    write_pages(WORKBENCH, run, "measured-workbench.md", None if whole else output)


if __name__ == "__main__":
    main()
