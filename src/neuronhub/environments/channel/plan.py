"""Which conda packages come of a set of wheels. Pure. Runs in ``neuronhub base channel``."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass

from packaging.requirements import InvalidRequirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet

from neuronhub.environments.channel.archive import Record
from neuronhub.environments.channel.specs import (
    Dependencies,
    render_dependencies,
    render_extra_name,
    render_local,
    render_one_python,
    render_python,
    render_version,
)
from neuronhub.environments.channel.target import PLATFORM, Target
from neuronhub.environments.channel.wheels import Wheel
from neuronhub.errors import ConflictingState
from neuronhub.language import translate as _

FORMAT = 1
"""Of what is made of a wheel; another number makes every package anew, beside the old ones."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A package that the channel is to have."""

    record: Record
    """Its build string lacks the number; see ``number`` in channel."""
    wheel: Wheel | None
    """What its files come from; None: it has none, it stands for an extra."""


def make_plan(
    wheels: Iterable[Wheel], known: Iterable[Wheel], target: Target, without: frozenset[str]
) -> list[Planned]:
    """The packages of ``wheels``, and those of the extras that they ask for, of ``known`` wheels too.

    Raises ConflictingState for a wheel that is not for ``target`` or says nonsense.
    """
    chosen = list(dict.fromkeys(wheels))
    of_name: dict[str, list[Wheel]] = {}
    for wheel in dict.fromkeys([*chosen, *known]):
        of_name.setdefault(wheel.name, []).append(wheel)
    plan = []
    wanted: set[tuple[str, str]] = set()
    for wheel in chosen:
        found = _read_dependencies(wheel, target, without)
        wanted |= found.extras
        plan.append(Planned(_describe_wheel(wheel, found, target), wheel))
    done: set[tuple[str, str]] = set()
    while wanted - done:
        name, extra = min(wanted - done)
        done.add((name, extra))
        for wheel in of_name.get(name, []):
            found = _read_dependencies(wheel, target, without, extra)
            wanted |= found.extras
            plan.append(Planned(_describe_extra(wheel, extra, found, target), None))
    return plan


def _read_dependencies(wheel: Wheel, target: Target, without: frozenset[str], extra: str = "") -> Dependencies:
    try:
        return render_dependencies(wheel.requires, target.environment, without, extra)
    except InvalidRequirement as error:
        text = _("{wheel} asks for something that makes no sense ({error}). Use another version of it.")
        raise ConflictingState(text.format(wheel=wheel.file_name, error=error)) from error


def _describe_wheel(wheel: Wheel, found: Dependencies, target: Target) -> Record:
    _refuse_misfit(wheel, target)
    any_python = wheel.is_pure and not found.of_one_python
    python = render_python(wheel.requires_python) if any_python else render_one_python(target.minor)
    return _describe(
        Record(
            name=wheel.name,
            version=render_version(wheel.version),
            build=render_local(wheel.version) + ("py" if any_python else f"py{target.digits}"),
            build_number=0,
            subdir="noarch" if wheel.is_pure else PLATFORM,
            noarch="python" if wheel.is_pure else None,
            depends=(python, *found.specs),
            summary=wheel.summary,
            license=wheel.license,
        ),
        wheel.sha256,
    )


def _refuse_misfit(wheel: Wheel, target: Target) -> None:
    try:
        fits = SpecifierSet(wheel.requires_python).contains(target.version, prereleases=True)
    except InvalidSpecifier:  # pip takes it for no demand, too
        fits = True
    if not fits or target.rank(wheel.tags) is None:
        text = _("{wheel} is not for Python {python} on this platform. Choose a wheel of it that is.")
        raise ConflictingState(text.format(wheel=wheel.file_name, python=target.version))


def _describe_extra(wheel: Wheel, extra: str, found: Dependencies, target: Target) -> Record:
    version = render_version(wheel.version)
    local = render_local(wheel.version)
    itself = f"{wheel.name} =={version} {local}*" if local else f"{wheel.name} =={version}"
    python = (render_one_python(target.minor),) if found.of_one_python else ()
    return _describe(
        Record(
            name=render_extra_name(wheel.name, extra),
            version=version,
            build=local + (f"py{target.digits}" if python else "py"),
            build_number=0,
            subdir="noarch",
            noarch="generic",
            depends=(itself, *python, *found.specs),
            summary=f"{wheel.name} with what its extra {extra!r} asks for",
        ),
        wheel.sha256,
    )


def _describe(record: Record, source: str) -> Record:
    """``record`` with a build string that tells all other contents apart."""
    identity = [FORMAT, source, record.name, record.version, record.subdir, record.noarch, record.depends]
    digest = hashlib.sha256(json.dumps(identity).encode()).hexdigest()[:8]
    return record.with_build(f"{record.build}h{digest}")
