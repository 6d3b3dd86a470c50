"""Carries out what was planned for an environment. Holds the lock of the user's environments meanwhile.

Not one stroke: packages are put in one after another. What a killed run has left half done is known from a file in
the environment, and the next run installs it anew.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from rattler import MatchSpec

from neuronhub.environments.building import scratch_folder
from neuronhub.environments.conda.contents import Contents, read_contents, refuse_base
from neuronhub.environments.conda.pip_copies import drop_pip_copies
from neuronhub.environments.conda.solving import Plan, parse_specs, plan_install
from neuronhub.environments.failures import explained
from neuronhub.environments.layered import can_mend_layered, mend_layered
from neuronhub.environments.layout import Layout
from neuronhub.environments.lock import hold
from neuronhub.environments.packages import UNFINISHED
from neuronhub.environments.solution import Source, install_records
from neuronhub.environments.types import Progress, Report
from neuronhub.environments.user_files import read_json
from neuronhub.errors import ConflictingState
from neuronhub.language import translate as _


def install_packages(layout: Layout, prefix: Path, specs: Sequence[str], report: Report) -> None:
    """Install ``specs`` into the environment in ``prefix``, which will be renamed to ``layout.prefix``.

    Raises EnvironmentFailed.
    """
    source = Source(layout.channels, layout.mirrors, layout.conda)
    report(Progress(_("Looking for packages that fit together."), 0.0))
    plan = plan_install(read_contents(prefix), parse_specs(specs), source)
    carry_out(plan, layout, source, report, location=layout.prefix)


def carry_out(plan: Plan, layout: Layout, source: Source, report: Report, location: Path | None = None) -> None:
    """Make the environment what ``plan`` says; raises EnvironmentFailed.

    ``location`` is where its files will be seen, if that is another place.
    """
    contents = plan.contents
    refuse_base(contents.prefix)
    with hold(layout, report), explained(layout):
        _refuse_stale(contents)
        half = read_unfinished(contents.prefix)
        _write_unfinished(contents.prefix, half | set(plan.changed) | set(plan.removed))
        drop_pip_copies(contents.prefix, plan.changed)
        _unlink_doors(contents, plan.changed)
        _install(plan, source, location or contents.prefix, half, report)
        drop_pip_copies(contents.prefix, plan.changed)
        _restore_doors(contents, layout)
        (contents.prefix / UNFINISHED).unlink()
    report(Progress(_("Done."), 1.0))


def read_unfinished(prefix: Path) -> set[str]:
    """Names of packages that a killed run may have left half done in ``prefix``."""
    try:
        names = read_json(prefix / UNFINISHED)["packages"]
    except (OSError, ValueError, KeyError):
        return set()
    return {name for name in names if isinstance(name, str)} if isinstance(names, list) else set()


def _write_unfinished(prefix: Path, names: Iterable[str]) -> None:
    beside = prefix / f"{UNFINISHED}.new"
    beside.write_text(json.dumps({"packages": sorted(names)}) + "\n", encoding="utf-8")
    os.replace(beside, prefix / UNFINISHED)


def _install(plan: Plan, source: Source, location: Path, half: set[str], report: Report) -> None:
    contents = plan.contents
    step = _("Installing {number} packages.").format(number=len(plan.changed))

    def tell(done: int, of: int) -> None:
        report(Progress(step, 0.95 * done / max(of, 1)))

    kept = [text for name, record in contents.own.items() if name in plan.records for text in record.requested_specs]
    asked_names = {str(MatchSpec(text).name.normalized) for text in plan.asked}
    kept = [text for text in kept if str(MatchSpec(text).name.normalized) not in asked_names]
    records = dict(plan.records)
    python = contents.below.get("python")
    if python is not None:
        records["python"] = python  # noarch packages have to be told for which Python
    asyncio.run(
        install_records(
            list(records.values()),
            contents.prefix,
            source,
            location=location,
            spec=[*plan.asked, *kept],
            report=tell,
            reinstall=frozenset(half & set(plan.records)) or None,
            ignored=frozenset({"python"}) if python is not None else frozenset(),
        )
    )


def _refuse_stale(contents: Contents) -> None:
    """Raise ConflictingState when another command has changed the environment since it was read."""
    present = read_contents(contents.prefix).own
    if {name: str(record) for name, record in present.items()} != {n: str(r) for n, r in contents.own.items()}:
        text = _("Another command has changed {prefix} meanwhile. Run this one again.")
        raise ConflictingState(text.format(prefix=contents.prefix))


def _unlink_doors(contents: Contents, names: Iterable[str]) -> None:
    """Take the links to programs of the base away that the packages ``names`` bring themselves.

    Commands would otherwise be written through such a link, into the base.
    """
    for name in names:
        for file in contents.below[name].files if name in contents.below else ():
            place = contents.prefix / file
            if file.parts[0] == "bin" and place.is_symlink():
                place.unlink()


def _restore_doors(contents: Contents, layout: Layout) -> None:
    """Give the base's commands the places back that removed packages have left."""
    if contents.base is None or contents.prefix != layout.prefix or not can_mend_layered(layout, contents.base):
        return
    with scratch_folder(layout) as scratch:
        mend_layered(layout, contents.base, scratch, lambda _progress: None)
