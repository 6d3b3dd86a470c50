"""Builds an environment beside the old one and puts it into its place at one stroke. The standard library only.

Whoever calls holds the lock. A run that is killed leaves the old environment or none at its place, and folders of its
own beside it, which ``clear_leftovers`` takes away: ``.new`` is unfinished, ``.old`` was set aside, ``.gone`` is being
deleted.
"""

from __future__ import annotations

import os
import re
import secrets
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from neuronhub.environments.failures import explained
from neuronhub.environments.layout import NAME, Layout
from neuronhub.environments.removal import remove_tree
from neuronhub.environments.types import Progress, Report
from neuronhub.errors import ConflictingState
from neuronhub.language import translate as _

_LEFTOVER = re.compile(re.escape(f".{NAME}.") + r"[0-9a-f]{8}\.(?P<kind>new|old|gone)")
_DELETING_FROM = 0.8
"""Share of an action after which only the old environment is left to be deleted."""
_MANY_FILES = 5000
"""Half of the deletion's share is told of by then: how many files there are is not known."""


def replace_environment(layout: Layout, fill: Callable[[Path], None], report: Report) -> None:
    """Have ``fill`` make an environment in an empty folder, put it at ``layout.prefix``, delete what was there before.

    What was there is there still when ``fill`` raises, or anything else goes wrong. Raises OSError, ConflictingState.
    """
    refuse_foreign(layout)
    with scratch_folder(layout) as new:
        fill(new)
        old = _swap(layout, new)
    if old is not None:
        report(Progress(_("Deleting the old environment."), _DELETING_FROM))
        _delete(layout, old, report)


@contextmanager
def scratch_folder(layout: Layout) -> Iterator[Path]:
    """An empty folder beside the environment; deleted afterwards, unless it was moved away."""
    folder = _beside(layout, "new")
    folder.mkdir()
    try:
        yield folder
    finally:
        remove_tree(folder)


def clear_leftovers(layout: Layout, report: Report) -> None:
    """Delete what killed runs have left; an environment that one of them had only set aside is put back."""
    for name in sorted(os.listdir(layout.envs)):
        match = _LEFTOVER.fullmatch(name)
        if match is None:
            continue
        if match["kind"] == "old" and not os.path.lexists(layout.prefix):
            os.rename(layout.envs / name, layout.prefix)
        else:
            report(Progress(_("Deleting what an interrupted command has left."), 0.0))
            remove_tree(layout.envs / name)


def refuse_foreign(layout: Layout) -> None:
    """Raise ConflictingState when what lies at the place of the environment is not ours to replace.

    Raises another EnvironmentFailed where that cannot be seen.
    """
    if os.path.islink(layout.envs):
        text = _("{path} is a link, and what it leads to is not touched. Put a folder in its place, then try again.")
        raise ConflictingState(text.format(path=layout.envs))
    with explained(layout), suppress(FileNotFoundError):
        if not stat.S_ISDIR(os.lstat(layout.prefix).st_mode):
            text = _("{path} is a link or a file, not an environment. Move it away, then try again.")
            raise ConflictingState(text.format(path=layout.prefix))
        if os.path.ismount(layout.prefix):
            text = _("{path} is a file system of its own and cannot be replaced. Ask the operators of this site.")
            raise ConflictingState(text.format(path=layout.prefix))


def _swap(layout: Layout, new: Path) -> Path | None:
    """Put ``new`` at the place of the environment; returns where the old one is now."""
    old = _beside(layout, "old")
    try:
        try:
            os.rename(layout.prefix, old)
        except FileNotFoundError:
            os.rename(new, layout.prefix)
            return None
        os.rename(new, layout.prefix)
    except BaseException:
        if old.exists() and not os.path.lexists(layout.prefix):
            os.rename(old, layout.prefix)
        raise
    return old


def _delete(layout: Layout, old: Path, report: Report) -> None:
    gone = _beside(layout, "gone")
    os.rename(old, gone)  # from now on nobody takes it for one that can be put back

    def tell(count: int) -> None:
        share = count / (count + _MANY_FILES)
        text = _("Deleting the old environment: {count} files so far.").format(count=count)
        report(Progress(text, _DELETING_FROM + (1 - _DELETING_FROM) * share))

    if failure := remove_tree(gone, tell):
        text = _("Not all of the old environment could be deleted ({path}: {reason}). The new one is whole.")
        report(Progress(text.format(path=gone, reason=failure.strerror), 1.0))


def _beside(layout: Layout, kind: str) -> Path:
    return layout.envs / f".{NAME}.{secrets.token_hex(4)}.{kind}"
