"""A local conda channel made of wheels, for sites that reach no conda channel and for the embedded site.

Runs in ``neuronhub base channel``. Incremental: what a channel has been given once is neither fetched nor made again.
"""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from rattler.index import index_fs

from neuronhub.environments.channel.check import find_missing
from neuronhub.environments.channel.fetch import (
    Pin,
    choose_wheels,
    fetch_wheels,
    list_wheels,
    read_requirements,
)
from neuronhub.environments.channel.plan import Planned, make_plan
from neuronhub.environments.channel.python import describe_python, list_parts
from neuronhub.environments.channel.store import (
    Job,
    explained,
    hold_channel,
    number_record,
    read_inventory,
    write_inventory,
    write_packages,
)
from neuronhub.environments.channel.target import Target, read_target
from neuronhub.environments.channel.wheels import Wheel, read_wheel
from neuronhub.environments.types import Progress, Report
from neuronhub.errors import PackagesNotFound
from neuronhub.language import translate as _
from neuronhub.language import translate_n

_FETCHED = ".wheels"
_FETCH, _MAKE = 0.25, 0.95
"""Shares of the work that are done once wheels are at hand, and once packages are made."""


@dataclass(frozen=True, slots=True)
class Order:
    """What a channel is to be made of."""

    out: Path
    requirements: tuple[Path, ...] = ()
    """Locked requirements files; none: every wheel of the wheelhouse."""
    wheelhouse: Path | None = None
    """Folder where wheels are looked for before the package index is asked."""
    use_index: bool = True
    python: Path = Path("/usr/bin/python3")
    without: frozenset[str] = frozenset()
    """Packages that no package of the channel asks for, in normal form."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What has been done."""

    made: int
    kept: int
    python: str
    size_bytes: int
    """Of all packages of the channel."""
    missing: tuple[str, ...]
    """Dependencies that no package of the channel fulfils, each a sentence."""


@dataclass(slots=True)
class _Supply:
    """Where wheels come from: those that are known, and those that lie on the disk."""

    order: Order
    target: Target
    report: Report
    made: list[Wheel]
    """Those that the channel has packages of already; they may be gone from the disk."""
    wheels: dict[str, Wheel] = field(default_factory=dict)
    """sha256 -> a wheel on the disk."""
    paths: dict[str, Path] = field(default_factory=dict)
    """sha256 -> where it lies."""

    @property
    def known(self) -> list[Wheel]:
        """All wheels of which it is known what they say."""
        return [*self.wheels.values(), *self.made]

    def add_folder(self, folder: Path) -> None:
        """Take in the wheels of ``folder``."""
        for path in list_wheels(folder, self.target):
            wheel = read_wheel(path)
            self.wheels[wheel.sha256] = wheel
            self.paths[wheel.sha256] = path

    def fetch(self, pins: list[Pin]) -> None:
        """Fetch what ``pins`` mean from the package index."""
        if not pins:
            return
        if not self.order.use_index:
            text = _("No wheel for this Python and platform of: {packages}. Put them into the wheelhouse.")
            raise PackagesNotFound(text.format(packages=", ".join(sorted(pin.name for pin in pins))))
        number = len(pins)
        step = translate_n("Fetching {number} wheel.", "Fetching {number} wheels.", number).format(number=number)
        folder = self.order.out / _FETCHED
        folder.mkdir(exist_ok=True)
        for begun, _line in enumerate(fetch_wheels(pins, self.target, folder), start=1):
            self.report(Progress(step, _FETCH * min(1.0, begun / number)))
        self.add_folder(folder)


def make_channel(order: Order, report: Report) -> Summary:
    """Make the channel, or bring it up to date; packages that were there before stay.

    Raises PackagesNotFound, ConflictingState, NoRoom, EnvironmentBusy.
    """
    with explained(order.out), hold_channel(order.out):
        report(Progress(_("Looking for wheels."), 0.0))
        target = read_target(order.python)
        made = read_inventory(order.out)
        plan, jobs = _prepare(_Supply(order, target, report, made))
        step = translate_n("Making {number} package.", "Making {number} packages.", len(jobs)).format(number=len(jobs))
        write_packages(order.out, jobs, lambda done: report(Progress(step, _FETCH + (_MAKE - _FETCH) * done)))
        write_inventory(order.out, [*made, *(planned.wheel for planned in plan if planned.wheel)])
        report(Progress(_("Writing the index of the channel."), _MAKE))
        asyncio.run(index_fs(order.out, write_shards=False))
        shutil.rmtree(order.out / _FETCHED, ignore_errors=True)
        missing = find_missing(order.out, {(planned.record.name, planned.record.version) for planned in plan})
        report(Progress(_("The channel is ready."), 1.0))
    size = sum(path.stat().st_size for path in order.out.glob("*/*.conda"))
    return Summary(len(jobs), len(plan) + 1 - len(jobs), target.version, size, missing)


def _prepare(supply: _Supply) -> tuple[list[Planned], list[Job]]:
    """(what the channel is to have beside Python, what has to be written for that), with all wheels at hand."""
    order, target = supply.order, supply.target
    if order.wheelhouse:
        supply.add_folder(order.wheelhouse)
    pins = list(dict.fromkeys(pin for path in order.requirements for pin in read_requirements(path, target)))
    if order.requirements:
        supply.fetch(choose_wheels(pins, supply.known, target)[1])
        wheels = choose_wheels(pins, supply.known, target)[0]
    else:
        wheels = list(supply.wheels.values())
    plan = make_plan(wheels, supply.made, target, order.without)
    numbered = [(*number_record(order.out, planned.record), planned.wheel) for planned in plan]
    absent = {wheel.sha256 for _record, there, wheel in numbered if wheel and not there} - supply.paths.keys()
    supply.fetch([pin for pin in pins if pin.hashes & absent])
    jobs = [
        Job(record, supply.paths[wheel.sha256] if wheel else None, target)
        for record, there, wheel in numbered
        if not there
    ]
    python, there = number_record(order.out, describe_python(target, list_parts(target)))
    return plan, jobs if there else [*jobs, Job(python, None, target)]
