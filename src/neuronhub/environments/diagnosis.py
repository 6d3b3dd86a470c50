"""Looks at a user's environment: what is there, what is wrong with it, and the one action that helps.

Runs as the user, in the command ``neuronhub env status``. Whatever lies in the environment becomes a finding: nothing
in it raises, and only the kernel's packages are run, for a limited time.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass

from neuronhub.environments.bases import Base, read_active, read_base
from neuronhub.environments.kernel_probe import probe_kernel
from neuronhub.environments.layout import Layout
from neuronhub.environments.marker import FORMAT, PLACE, Marker, read_marker
from neuronhub.environments.packages import UNFINISHED, Inventory, find_site_packages, read_inventory, select_shadowing
from neuronhub.environments.structure import find_faults
from neuronhub.environments.types import Action, Condition, Problem, Status
from neuronhub.environments.user_files import exists, read_json, show
from neuronhub.errors import BaseMissing
from neuronhub.language import translate as _

_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,127}")
_PYTHON = re.compile(r"3\.[0-9]{1,3}(\.[A-Za-z0-9.+]{1,32})?")


@dataclass(frozen=True, slots=True)
class _Scene:
    """What the findings are drawn from."""

    layout: Layout
    marker: Marker | None
    base: Base | None
    """That the environment stands on; None when it is gone, or there is no marker to name it."""
    active: Base | None
    inventory: Inventory


def read_status(layout: Layout) -> Status:
    """Return what there is to say of the environment at ``layout.prefix``; changes nothing and never waits for long."""
    marker = _find_marker(layout)
    active = _find_active(layout)
    base = _find_base(layout, marker) if marker else None
    inventory = read_inventory(layout.prefix, marker.python if marker else "")
    problems = tuple(_find_problems(_Scene(layout, marker, base, active, inventory)))
    condition = Condition.READY
    if any(problem.serious for problem in problems):
        condition = Condition.MISSING if problems[0].code == "missing" else Condition.BROKEN
    return Status(
        condition=condition,
        kind=marker.kind if marker else layout.kind,
        prefix=str(layout.prefix),
        python=marker.python if marker else "",
        base=marker.base if marker else "",
        newest_base=active.version if active else "",
        packages=inventory.packages,
        problems=problems,
    )


def _find_marker(layout: Layout) -> Marker | None:
    """The marker, unless it names what no base is or no Python: it is the user's to write."""
    marker = read_marker(layout.prefix)
    if marker is None or not _VERSION.fullmatch(marker.base) or not _PYTHON.fullmatch(marker.python):
        return None
    return marker


def _find_active(layout: Layout) -> Base | None:
    try:
        return read_active(layout.bases)
    except BaseMissing:
        return None


def _find_base(layout: Layout, marker: Marker) -> Base | None:
    """The base that ``marker`` names, looked up where the site keeps its bases."""
    try:
        return read_base(layout.bases / marker.base)
    except BaseMissing:
        return None


def _find_problems(scene: _Scene) -> Iterator[Problem]:
    """Yield the findings, those that explain others first."""
    if problem := _look_at_place(scene.layout) or _look_at_marker(scene):
        yield problem
        return
    assert scene.marker is not None
    layered = scene.marker.kind == "layered"
    if layered and scene.base is None:
        text = _("The base {version} that the environment stands on is not there any more.")
        yield Problem("base-gone", text.format(version=scene.marker.base), Action.REPAIR)
        return
    faults = tuple(find_faults(scene.layout.prefix, scene.marker.python, scene.base if layered else None))
    yield from faults
    yield from _look_at_kernel(scene, explained=bool(faults))
    yield from _find_words(scene, scene.marker)


def _look_at_place(layout: Layout) -> Problem | None:
    try:
        mode = os.lstat(layout.prefix).st_mode
    except FileNotFoundError:
        return Problem("missing", _("There is no notebook environment yet."), Action.CREATE)
    except OSError as error:
        text = _("{path} cannot be read ({reason}). Look at its permissions and those of the folders above it.")
        return Problem("unreadable", text.format(path=layout.prefix, reason=error.strerror), Action.RESET)
    if not stat.S_ISDIR(mode):
        text = _("{path} is a link or a file, not an environment. Move it away.").format(path=layout.prefix)
        return Problem("foreign", text, Action.CREATE)
    return None


def _look_at_marker(scene: _Scene) -> Problem | None:
    """What keeps the environment from being one of ours, and whole."""
    if scene.marker is not None:
        return None
    prefix = scene.layout.prefix
    try:
        made_with = read_json(prefix / PLACE).get("format")
    except (OSError, ValueError):
        made_with = None
    if type(made_with) is int and made_with > FORMAT:
        text = _("The environment was made by a newer NeuronHub than this one.")
        return Problem("newer", text, Action.RESET)
    ours = exists(prefix / PLACE) or exists(prefix / "bin" / "neuronhub")
    if not ours and exists(prefix / "conda-meta" / "history") and exists(prefix / "bin" / "python"):
        text = _("The environment at {path} was not made by NeuronHub: Jupyter cannot rely on it.")
        return Problem("foreign", text.format(path=prefix), Action.RESET)
    return Problem("half-made", _("The environment is not whole: making it was interrupted."), Action.REPAIR)


def _look_at_kernel(scene: _Scene, explained: bool) -> Iterator[Problem]:
    """Try the kernel, unless what was found already explains that it fails; tell of packages that hide the base's."""
    assert scene.marker is not None
    hiding = select_shadowing(scene.inventory, find_site_packages(scene.layout.prefix, scene.marker.python))
    names = ", ".join(f"{package.name} {package.version}".strip() for package in hiding)
    reason = None if explained else probe_kernel(scene.layout.prefix)
    if reason:
        remedy = Action.REPAIR if hiding or scene.marker.kind == "full" else Action.RESET
        yield Problem("kernel", _("The kernel Python 3 does not start: {reason}").format(reason=reason), remedy)
        if hiding:
            text = _("Packages that the kernel needs are replaced by your own: {names}.").format(names=names)
            yield Problem("shadowed", text, Action.REPAIR)
    elif hiding:
        text = _("Your own versions are used instead of those of the base: {names}.").format(names=names)
        yield Problem("shadowed", text, Action.REPAIR, serious=False)


def _find_words(scene: _Scene, marker: Marker) -> Iterator[Problem]:
    """What is only worth knowing."""
    if scene.active and scene.active.version != marker.base:
        text = _("The site has a newer base, {newest}; the environment was made on {version}.")
        problem = text.format(newest=scene.active.version, version=marker.base)
        yield Problem("base-old", problem, Action.REPAIR, serious=False)
    if exists(scene.layout.prefix / UNFINISHED):
        text = _("A conda command was interrupted: packages may be half there. Run it again.")
        yield Problem("unfinished", text, Action.REPAIR, serious=False)
    if marker.kind != scene.layout.kind:
        text = _("The site makes environments of another kind now ({kind}).").format(kind=scene.layout.kind)
        yield Problem("other-kind", text, Action.RESET, serious=False)
    for installer, remedy in ("conda", Action.REPAIR), ("pip", Action.RESET):
        unreadable = [path for path in scene.inventory.unreadable if (path.suffix == ".json") == (installer == "conda")]
        if unreadable:
            text = _("What {installer} has recorded of some packages cannot be read: {names}.")
            names = ", ".join(show(path.name) for path in unreadable[:5])
            yield Problem("records", text.format(installer=installer, names=names), remedy, serious=False)
