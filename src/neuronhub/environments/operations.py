"""What can be done to a user's environment: make it, mend it, put it back to its first state.

Run as the user, by the command ``neuronhub env`` and by the launcher of a Jupyter job; the latter before Jupyter is
imported, so only the standard library is. All of it one at a time (``hold``), and what was there before is there still
when something goes wrong.
"""

from __future__ import annotations

import os
from pathlib import Path

from neuronhub.environments.bases import Base, read_active
from neuronhub.environments.building import clear_leftovers, refuse_foreign, replace_environment, scratch_folder
from neuronhub.environments.failures import explained
from neuronhub.environments.layered import can_mend_layered, make_layered, mend_layered, open_layered
from neuronhub.environments.layout import Layout
from neuronhub.environments.lock import hold
from neuronhub.environments.marker import read_marker
from neuronhub.environments.packages import list_shadowing_paths
from neuronhub.environments.removal import remove_tree
from neuronhub.environments.types import Progress, Report
from neuronhub.language import translate as _

__all__ = ["ensure_environment", "hold", "make_environment", "repair_environment", "reset_environment"]


def ensure_environment(layout: Layout, report: Report) -> bool:
    """Make the environment if there is none; True when it was made now.

    A sound one costs a few system calls. One that is not sound is left alone: mending it is the user's decision.
    Raises EnvironmentFailed.
    """
    if os.path.lexists(layout.prefix):
        return False
    with hold(layout, report), explained(layout):
        refuse_foreign(layout)
        clear_leftovers(layout, report)
        if os.path.lexists(layout.prefix):
            return False
        _build(layout, report)
    return True


def reset_environment(layout: Layout, report: Report) -> None:
    """Put the environment back to its first state, on the active base; the user's own packages go.

    Nothing outside ``layout.prefix`` is changed. Raises EnvironmentFailed.
    """
    with hold(layout, report), explained(layout):
        refuse_foreign(layout)
        clear_leftovers(layout, report)
        _build(layout, report)


def repair_environment(layout: Layout, report: Report) -> None:
    """Mend what is wrong with the environment, put it on the active base, and keep the user's own packages.

    Makes it when there is none. Raises EnvironmentFailed.
    """
    with hold(layout, report), explained(layout):
        refuse_foreign(layout)
        clear_leftovers(layout, report)
        marker = read_marker(layout.prefix)
        if not os.path.lexists(layout.prefix):
            _build(layout, report)
        elif (marker.kind if marker else layout.kind) == "full":
            _repair_full(layout, report)
        else:
            _repair_layered(layout, report)
    report(Progress(_("The environment is ready."), 1.0))


def make_environment(layout: Layout, base: Base, target: Path, report: Report) -> None:
    """Fill the empty folder ``target``, to be renamed to ``layout.prefix``, with an environment of the site's kind."""
    if layout.kind == "layered":
        make_layered(layout, base, target, report)
        return
    from neuronhub.environments.full import make_full  # needs more than the standard library

    make_full(layout, base, target, report)


def _build(layout: Layout, report: Report) -> None:
    base = read_active(layout.bases)
    replace_environment(layout, lambda target: make_environment(layout, base, target, report), report)
    report(Progress(_("The environment is ready."), 1.0))


def _repair_full(layout: Layout, report: Report) -> None:
    from neuronhub.environments.full import repair_full  # needs more than the standard library

    repair_full(layout, report)


def _repair_layered(layout: Layout, report: Report) -> None:
    base = read_active(layout.bases)
    open_layered(layout, base)
    if not can_mend_layered(layout, base):
        _rebuild(layout, report)
        return
    for path in list_shadowing_paths(layout.prefix, base):
        report(Progress(_("Taking {name} away: it hides what the kernel needs.").format(name=path.name), 0.1))
        if failure := remove_tree(path):
            raise failure
    with scratch_folder(layout) as scratch:
        mend_layered(layout, base, scratch, report)
    from neuronhub.environments.additions import mend_additions  # needs more than the standard library

    mend_additions(layout, base, report)


def _rebuild(layout: Layout, report: Report) -> None:
    """Make the environment anew, with the packages that the user had added to the old one."""
    from neuronhub.environments.transfer import rebuild_environment  # needs more than the standard library

    rebuild_environment(layout, report)
