"""Exports the notebook environment to a file, and makes it again from such a file (row P4).

Runs in commands, as the user. The file is conda's own ``environment.yml``.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from rattler import MatchSpec
from rattler.exceptions import InvalidMatchSpecError

from neuronhub.environments.bases import Base, read_active
from neuronhub.environments.building import clear_leftovers, refuse_foreign, replace_environment
from neuronhub.environments.conda.transaction import install_packages
from neuronhub.environments.environment_file import (
    EnvironmentFile,
    conda_name,
    parse_environment_file,
    render_environment_file,
)
from neuronhub.environments.failures import explained
from neuronhub.environments.full import read_base_records
from neuronhub.environments.kernel_probe import probe_kernel
from neuronhub.environments.layout import NAME, Layout
from neuronhub.environments.lock import hold
from neuronhub.environments.marker import read_marker
from neuronhub.environments.operations import make_environment
from neuronhub.environments.origins import read_origin
from neuronhub.environments.packages import KERNEL_MODULES, Installed, read_inventory
from neuronhub.environments.pip_runs import install_requirements
from neuronhub.environments.relocation import relocate_commands
from neuronhub.environments.types import Progress, Report
from neuronhub.environments.user_files import list_names, read_json, show
from neuronhub.errors import ConflictingState, EnvironmentFailed, PackagesNotFound
from neuronhub.language import translate as _

_MADE, _CONDA, _PIP = 0.4, 0.6, 0.75
"""Shares of an import at which the new environment, conda's packages and pip's are in."""


def export_environment(layout: Layout) -> str:
    """Return the environment as the text of an ``environment.yml``; raises EnvironmentFailed when there is none.

    Of a layered environment it has the user's own packages, of a full one all.
    """
    if not os.path.isdir(layout.prefix):
        text = _("There is no notebook environment in {path}. Make one: neuronhub env create")
        raise EnvironmentFailed(text.format(path=layout.prefix))
    marker = read_marker(layout.prefix)
    inventory = read_inventory(layout.prefix, marker.python if marker else "")
    wanted, left_out = _describe(layout, inventory.installed)
    left_out += [f"{show(path.name)}?" for path in inventory.unreadable]
    conda = list(wanted.conda)
    comments = [_("Not in this file: {package}. Install it by hand.").format(package=package) for package in left_out]
    if marker and marker.kind == "full":
        conda = list(_list_records(layout.prefix))
    elif marker:
        text = _("Packages on top of NeuronHub's base {version}, which has the others (Python {python}).")
        comments.insert(0, text.format(version=marker.base, python=marker.python))
        conda = [f"python={marker.python}", *(spec for spec in conda if conda_name(spec) != "python")]
    if wanted.pip and not any(conda_name(spec) == "pip" for spec in conda):
        conda.append("pip")  # conda warns where it is missing
    return render_environment_file(NAME, replace(wanted, conda=tuple(conda)), comments)


def import_environment(layout: Layout, text: str, report: Report) -> None:
    """Make the environment anew from ``text``, what an export has given; the old one is replaced when all is there.

    The site decides on Python and the channels. Raises ConflictingState naming the wrong line, or another
    EnvironmentFailed; the old environment is untouched then.
    """
    _replace(layout, parse_environment_file(text), report)


def rebuild_environment(layout: Layout, report: Report) -> None:
    """Make the environment anew on the active base, with the user's own packages but those that hide the kernel's.

    Raises EnvironmentFailed; the old environment is untouched then.
    """
    marker = read_marker(layout.prefix)
    inventory = read_inventory(layout.prefix, marker.python if marker else "")
    wanted, left_out = _describe(layout, [one for one in inventory.installed if one.name not in KERNEL_MODULES])
    for package in left_out:
        text = _("This package has to be installed again by hand: {package}.").format(package=package)
        report(Progress(text, 0.0))
    try:
        _replace(layout, wanted, report)
    except (PackagesNotFound, ConflictingState) as error:
        text = _("{reason}\nTo give your own packages up: neuronhub env reset")
        raise type(error)(text.format(reason=error)) from error


def _describe(layout: Layout, installed: Sequence[Installed]) -> tuple[EnvironmentFile, list[str]]:
    """What ``installed`` is asked for by; and what of it no file can ask for, with the place that it came from."""
    conda = [f"{one.package.name}={one.package.version}" for one in installed if one.package.installer == "conda"]
    pip: list[str] = []
    left_out: list[str] = []
    for one in installed:
        if one.package.installer == "pip":
            origin = read_origin(one)
            if origin.requirement:
                pip.append(origin.requirement)
            else:
                left_out.append(f"{one.package.name} {one.package.version} ({origin.place})")
    return EnvironmentFile(_list_channels(layout, installed), tuple(conda), tuple(pip)), left_out


def _list_channels(layout: Layout, installed: Iterable[Installed]) -> tuple[str, ...]:
    """The site's channels, and others that conda's packages among ``installed`` have come from."""
    channels = list(layout.channels)
    for one in installed:
        if one.package.installer != "conda":
            continue
        channel = read_json(one.record).get("channel")
        if not isinstance(channel, str) or not channel.isprintable():
            continue
        if not any(f"/{channel.rstrip('/')}".endswith(f"/{known.rstrip('/')}") for known in channels):
            channels.append(channel)
    return tuple(channels)


def _list_records(prefix: Path) -> Iterator[str]:
    """Every conda package in ``prefix``, by the name of its record."""
    for name in list_names(prefix / "conda-meta"):
        parts = name.removesuffix(".json").rsplit("-", 2)
        if name.endswith(".json") and len(parts) == 3:
            yield f"{parts[0]}={parts[1]}"


def _replace(layout: Layout, wanted: EnvironmentFile, report: Report) -> None:
    with hold(layout, report), explained(layout):
        refuse_foreign(layout)
        clear_leftovers(layout, report)
        base = read_active(layout.bases)
        replace_environment(layout, lambda target: _fill(layout, base, wanted, target, report), report)
    report(Progress(_("The environment is ready."), 1.0))


def _fill(layout: Layout, base: Base, wanted: EnvironmentFile, target: Path, report: Report) -> None:
    """Make an environment with all that is ``wanted`` in the empty folder ``target``."""
    make_environment(layout, base, target, _part(report, 0.0, _MADE))
    specs = _choose_specs(wanted.conda, base, report)
    if specs:
        install_packages(layout, target, specs, _part(report, _MADE, _CONDA))
    if wanted.pip:
        report(Progress(_("Installing {number} packages with pip.").format(number=len(wanted.pip)), _CONDA))
        install_requirements(target, wanted.pip, lambda line: report(Progress(line, _CONDA)))
    if reason := probe_kernel(target):
        text = _(
            "With these packages the kernel would not start: {reason}. Leave those out that the kernel itself needs."
        )
        raise ConflictingState(text.format(reason=reason.rstrip(".")))
    relocate_commands(target, layout.prefix)
    report(Progress(_("All packages are in."), _PIP))


def _choose_specs(specs: Iterable[str], base: Base, report: Report) -> tuple[str, ...]:
    """Those of ``specs`` that ``base`` does not satisfy; its Python stays, whatever they say."""
    records = {record.name.normalized: record for record in read_base_records(base)}
    chosen = []
    for spec in specs:
        record = records.get(conda_name(spec))
        try:
            satisfied = record is not None and MatchSpec(spec).matches(record)
        except InvalidMatchSpecError as error:
            text = _("conda does not understand {spec}: {reason}. Correct this line.")
            raise ConflictingState(text.format(spec=spec, reason=show(str(error)))) from error
        if satisfied:
            continue
        if conda_name(spec) == "python":
            text = _("The file asks for {spec}; the environment gets Python {version} of the site's base.")
            report(Progress(text.format(spec=spec, version=base.python), _MADE))
            continue
        chosen.append(spec)
    return tuple(chosen)


def _part(report: Report, begin: float, end: float) -> Report:
    """A report for a part of the action, between two of its shares."""
    return lambda progress: report(Progress(progress.step, begin + (end - begin) * progress.done))
