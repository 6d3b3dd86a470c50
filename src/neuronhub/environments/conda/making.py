"""Makes, exports and removes environments of people's own, beside the one that is called notebook."""

from __future__ import annotations

import asyncio
import os
import re
import secrets
from collections.abc import Sequence
from pathlib import Path

from neuronhub.environments.conda.contents import read_contents, refuse_base
from neuronhub.environments.conda.places import BASE
from neuronhub.environments.conda.solving import Plan
from neuronhub.environments.environment_file import EnvironmentFile, render_environment_file
from neuronhub.environments.failures import explained
from neuronhub.environments.installation import install_records
from neuronhub.environments.layout import NAME, Layout
from neuronhub.environments.lock import hold
from neuronhub.environments.packages import read_inventory
from neuronhub.environments.pip_runs import install_requirements
from neuronhub.environments.removal import remove_tree
from neuronhub.environments.solution import Source
from neuronhub.environments.types import Progress, Report
from neuronhub.environments.user_files import list_names
from neuronhub.errors import ConflictingState
from neuronhub.language import translate as _

_NAME = re.compile(r"[^/\s:.][^/\s:]*")
_LEFTOVER = re.compile(r"\..+\.[0-9a-f]{8}\.conda-(new|gone)")
"""Of killed runs; the notebook environment's own are called otherwise."""


def choose_new_prefix(
    layout: Layout, name: str | None, path: str | None, instead: str = "neuronhub env create"
) -> Path:
    """Where an environment called ``name``, or at ``path``, will lie; raises ConflictingState where it must not.

    ``instead`` is the command for the notebook environment.
    """
    if path is None and (name is None or not _NAME.fullmatch(name) or name == BASE):
        raise ConflictingState(_("Give the environment a name, without spaces and slashes: -n NAME"))
    prefix = Path(os.path.abspath(os.path.expanduser(path))) if path else layout.envs / str(name)
    if prefix == layout.prefix:
        text = _("The environment {name} is made with: {command}")
        raise ConflictingState(text.format(name=NAME, command=instead))
    if os.path.lexists(prefix):
        text = _("{prefix} is there already. Install into it: conda install -p {prefix} PACKAGE")
        raise ConflictingState(text.format(prefix=prefix))
    return prefix


def make_environment(plan: Plan, layout: Layout, source: Source, pip: Sequence[str], report: Report) -> None:
    """Make what ``plan`` says, beside its place and renamed into it; then ``pip``'s requirements.

    Raises EnvironmentFailed.
    """
    prefix = plan.contents.prefix
    step = _("Installing {number} packages.").format(number=len(plan.records))

    def tell(done: int, of: int) -> None:
        report(Progress(step, 0.9 * done / max(of, 1)))

    with hold(layout, report), explained(layout):
        _clear_leftovers(layout)
        target = _beside(prefix, "new")
        try:
            (target / "conda-meta").mkdir(parents=True)
            (target / "conda-meta" / "history").touch()
            records = list(plan.records.values())
            if records:
                asyncio.run(install_records(records, target, source, location=prefix, spec=plan.asked, report=tell))
            os.rename(target, prefix)
        finally:
            remove_tree(target)
        if pip:
            install_requirements(prefix, pip, lambda line: report(Progress(line, 0.9)))
    report(Progress(_("Done."), 1.0))


def remove_environment(prefix: Path, layout: Layout, report: Report) -> None:
    """Delete the environment at ``prefix`` with all that is in it; raises EnvironmentFailed."""
    refuse_base(prefix)
    if prefix == layout.prefix:
        text = _("Your notebooks need this environment. Put it back to its first state: {command}")
        raise ConflictingState(text.format(command="neuronhub env reset"))
    if prefix.is_symlink() or not prefix.is_dir():
        raise ConflictingState(_("{prefix} is no folder of its own; delete it by hand.").format(prefix=prefix))
    with hold(layout, report), explained(layout):
        _clear_leftovers(layout)
        gone = _beside(prefix, "gone")
        os.rename(prefix, gone)
        report(Progress(_("Deleting {prefix}.").format(prefix=prefix), 0.1))
        if failure := remove_tree(gone):
            raise failure
    report(Progress(_("Done."), 1.0))


def export_prefix(prefix: Path, name: str, layout: Layout) -> str:
    """The text of an ``environment.yml`` of the environment at ``prefix``."""
    conda = [f"{name}={record.version}" for name, record in sorted(read_contents(prefix).own.items())]
    installed = read_inventory(prefix, "").packages
    pip = [f"{package.name}=={package.version}" for package in installed if package.installer == "pip"]
    return render_environment_file(name, EnvironmentFile(layout.channels, tuple(conda), tuple(pip)), ())


def _beside(prefix: Path, kind: str) -> Path:
    return prefix.parent / f".{prefix.name}.{secrets.token_hex(4)}.conda-{kind}"


def _clear_leftovers(layout: Layout) -> None:
    for name in list_names(layout.envs):
        if _LEFTOVER.fullmatch(name):
            remove_tree(layout.envs / name)
