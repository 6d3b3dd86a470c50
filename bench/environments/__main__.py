"""``python -m bench.environments``: start an embedded site, measure environments there, end it, write the pages."""

from __future__ import annotations

import asyncio
import signal
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import click

from bench.__main__ import OUTPUT, describe_figure, write_pages, write_run
from bench.environments.report import ENVIRONMENTS
from bench.environments.scenarios import NAMES, measure
from bench.environments.subjects import SUBJECTS
from bench.figures import Figures, Run
from bench.machine import describe_machine
from bench.site import SiteError, open_site, run_command


async def run_bench(subjects: tuple[str, ...], scenarios: tuple[str, ...], output: Path, *, quick: bool) -> Run:
    """Start a site, measure, end it; figures are written as they come."""
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    OUTPUT.mkdir(parents=True, exist_ok=True)
    uv = (await run_command(str(Path(sys.prefix) / "bin" / "uv"), "--version")).split()[1]
    versions = {"NeuronHub": version("neuronhub"), "py-rattler": version("py-rattler"), "uv": uv, "pip": version("pip")}
    figures: list[Figures] = []
    run = Run(datetime.now(UTC).isoformat(timespec="seconds"), describe_machine(), versions, ())
    async with open_site(OUTPUT / "site.log") as site:
        async for figure in measure(site, subjects, scenarios, quick=quick):
            figures.append(figure)
            run = Run(run.taken_at, run.machine, run.versions, tuple(figures))
            write_run(run, output)
            click.echo(describe_figure(figure))
    return run


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("--quick", is_flag=True, help="Each thing once, to see that it works; no page is written.")
@click.option("--only", multiple=True, type=click.Choice(NAMES), help="This scenario; may be repeated.")
@click.option("--of", "subjects", multiple=True, type=click.Choice(SUBJECTS), help="Of this way; may be repeated.")
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="The file for the figures (JSON).")
def main(quick: bool, only: tuple[str, ...], subjects: tuple[str, ...], output: Path | None) -> None:
    """Measure what environments cost, on an embedded site, beside uv, a copied tree, and venv with pip.

    Needs root, and about ten minutes. Figures go to bench/output/environments.json, and those of a whole run to
    docs/en/measured-environments.md and docs/ko/measured-environments.md as well.
    """
    whole = not (quick or only or subjects)
    output = output or OUTPUT / ("environments.json" if whole else "part.json")
    try:
        run = asyncio.run(run_bench(subjects or SUBJECTS, only or NAMES, output, quick=quick))
    except (SiteError, asyncio.CancelledError, KeyboardInterrupt) as error:
        click.echo(f"bench: {error or 'ended before it was done'}", err=True)
        sys.exit(1)
    write_pages(ENVIRONMENTS, run, "measured-environments.md", None if whole else output)


if __name__ == "__main__":
    main()
