"""Carries out what was planned for an environment. Holds the lock of the user's environments meanwhile.

Not one stroke: packages are put in one after another. What fails is undone. What a killed run has left half done is
known from a file in the environment, and the next run puts it in order.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rattler import MatchSpec

from neuronhub.environments.building import scratch_folder
from neuronhub.environments.conda.contents import Contents, read_contents, refuse_base
from neuronhub.environments.conda.pip_copies import bring_back, drop_pip_copies
from neuronhub.environments.conda.solving import Plan, parse_specs, plan_install
from neuronhub.environments.conda.sweeping import sweep
from neuronhub.environments.failures import explained
from neuronhub.environments.installation import install_records
from neuronhub.environments.layered import can_mend_layered, mend_layered
from neuronhub.environments.layout import Layout
from neuronhub.environments.lock import hold
from neuronhub.environments.packages import UNFINISHED
from neuronhub.environments.removal import remove_tree
from neuronhub.environments.solution import Source
from neuronhub.environments.types import Progress, Report
from neuronhub.environments.user_files import read_json
from neuronhub.errors import ConflictingState, EnvironmentFailed
from neuronhub.language import translate as _

_ASIDE = ".neuronhub-aside"
"""In an environment that is being changed: what pip had put in the places of conda's packages."""
_DIST = re.compile(r"[A-Za-z0-9_.!+-]+")


def install_packages(layout: Layout, prefix: Path, specs: Sequence[str], report: Report) -> None:
    """Install ``specs`` into the environment in ``prefix``, which will be renamed to ``layout.prefix``.

    Raises EnvironmentFailed.
    """
    source = Source(layout.channels, layout.mirrors, layout.conda)
    with hold(layout, report):
        report(Progress(_("Looking for packages that fit together."), 0.0))
        plan = plan_install(read_contents(prefix), parse_specs(specs), source)
        carry_out(plan, layout, source, report, location=layout.prefix)


def carry_out(plan: Plan, layout: Layout, source: Source, report: Report, location: Path | None = None) -> None:
    """Make the environment what ``plan`` says, or leave it as it was; raises EnvironmentFailed.

    ``location`` is where its files will be seen, if that is another place.
    """
    contents = plan.contents
    refuse_base(contents.prefix)
    with hold(layout, report), explained(layout):
        _refuse_stale(contents)
        half = read_unfinished(contents.prefix)
        aside = contents.prefix / _ASIDE
        remove_tree(aside)
        write_unfinished(contents.prefix, half.joined_by(plan))
        sweep(contents.prefix, half.arriving, source.packages)
        place = location or contents.prefix
        try:
            drop_pip_copies(contents.prefix, plan.changed, aside)
            _unlink_doors(contents, plan.changed)
            _install(plan, source, place, half.names, report)
            drop_pip_copies(contents.prefix, plan.changed, aside)
        except (EnvironmentFailed, OSError):
            report(Progress(_("Putting back what was there before."), 0.95))
            sweep(contents.prefix, _list_arriving(plan), source.packages)
            _install(Plan(contents, contents.own), source, place, half.joined_by(plan).names, lambda _progress: None)
            bring_back(contents.prefix, aside)
            _finish(contents, layout, aside)
            raise
        _finish(contents, layout, aside)
    report(Progress(_("Done."), 1.0))


@dataclass(frozen=True, slots=True)
class Unfinished:
    """What a killed run may have left half done."""

    names: frozenset[str] = frozenset()
    """Of packages that came, went or changed."""
    arriving: frozenset[str] = frozenset()
    """``name-version-build`` of those that came."""

    def joined_by(self, plan: Plan) -> Unfinished:
        """This, and what may be half done while ``plan`` is carried out."""
        return Unfinished(self.names | {*plan.changed, *plan.removed}, self.arriving | _list_arriving(plan))


def read_unfinished(prefix: Path) -> Unfinished:
    """What a killed run may have left half done in ``prefix``."""
    try:
        data = read_json(prefix / UNFINISHED)
    except (OSError, ValueError):
        return Unfinished()
    texts = [frozenset(filter(_DIST.fullmatch, map(str, data.get(key) or ()))) for key in ("packages", "arriving")]
    return Unfinished(*texts)


def write_unfinished(prefix: Path, unfinished: Unfinished) -> None:
    """Remember ``unfinished`` until the run has ended."""
    beside = prefix / f"{UNFINISHED}.new"
    data = {"packages": sorted(unfinished.names), "arriving": sorted(unfinished.arriving)}
    beside.write_text(json.dumps(data) + "\n", encoding="utf-8")
    os.replace(beside, prefix / UNFINISHED)


def _list_arriving(plan: Plan) -> frozenset[str]:
    records = (plan.records[name] for name in plan.changed)
    return frozenset(f"{record.name.normalized}-{record.version}-{record.build}" for record in records)


def _finish(contents: Contents, layout: Layout, aside: Path) -> None:
    _restore_doors(contents, layout)
    remove_tree(aside)
    (contents.prefix / UNFINISHED).unlink()


def _install(plan: Plan, source: Source, location: Path, half: frozenset[str], report: Report) -> None:
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
            reinstall=half & set(plan.records) or None,
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
