"""How commands show the progress of work on environments: a bar on a terminal, else a line for each step."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

from neuronhub.environments.types import Progress, Report


@contextmanager
def show_progress() -> Iterator[Report]:
    """Show on standard error what the report is told."""
    console = Console(stderr=True, highlight=False)
    if not console.is_terminal:
        yield _report_lines(console)
        return
    columns = (BarColumn(24), TaskProgressColumn(), TimeElapsedColumn(), TextColumn("{task.description}", markup=False))
    bar = Bar(*columns, console=console)
    task = bar.add_task("", total=1.0)

    def report(progress: Progress) -> None:
        bar.update(task, completed=progress.done, description=progress.step)
        bar.start()  # with the first step: where there is nothing to do, there is no bar

    try:
        yield report
    finally:
        if bar.live.is_started:
            bar.stop()


def _report_lines(console: Console) -> Report:
    told = ""

    def report(progress: Progress) -> None:
        nonlocal told
        if progress.step != told:
            told = progress.step
            console.print(f"[{progress.done:4.0%}] {told}", markup=False, soft_wrap=True)

    return report
