"""One at a time: the lock on a user's environments.

flock(2) on a file below ``<conda>``: it ends with its process, and holds across the nodes of a Lustre that is mounted
with ``flock``. The standard library only.
"""

from __future__ import annotations

import errno
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from neuronhub.environments.failures import explained
from neuronhub.environments.layout import Layout
from neuronhub.environments.types import Progress, Report
from neuronhub.errors import EnvironmentBusy, EnvironmentFailed
from neuronhub.language import translate as _

WAIT_S = 600.0
"""How long others may take, unless the caller says otherwise."""
_POLL_S = 0.1
_UNSUPPORTED = {errno.ENOSYS, errno.ENOTSUP, errno.ENOLCK, errno.EINVAL}

_held: ContextVar[frozenset[Path]] = ContextVar("neuronhub-environments-held", default=frozenset())


@contextmanager
def hold(layout: Layout, report: Report | None = None, wait_s: float = WAIT_S) -> Iterator[None]:
    """Hold the lock for the body; the body may ask for it again.

    Raises EnvironmentBusy when another process keeps it for longer than ``wait_s``, EnvironmentFailed when it cannot
    be had at all. Makes ``<conda>`` if need be, but not the user's folder above it.
    """
    place = layout.conda / ".neuronhub.lock"
    held = _held.get()
    if place in held:
        yield
        return
    ensure_conda(layout)
    with explained(layout):
        descriptor = os.open(place, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK, 0o666)
    try:
        _acquire(descriptor, layout, report, time.monotonic() + wait_s)
        token = _held.set(held | {place})
        try:
            yield
        finally:
            _held.reset(token)
    finally:
        os.close(descriptor)


def ensure_conda(layout: Layout) -> None:
    """Make ``<conda>`` and ``envs`` below it, where they are missing."""
    if not os.path.isdir(layout.conda.parent):
        text = _("The folder {folder} is not there: the operators of this site have to make it first.")
        raise EnvironmentFailed(text.format(folder=layout.conda.parent))
    with explained(layout):
        layout.conda.mkdir(exist_ok=True)
        layout.envs.mkdir(exist_ok=True)


def _acquire(descriptor: int, layout: Layout, report: Report | None, deadline: float) -> None:
    told = False
    while not _try(descriptor, layout):
        if time.monotonic() >= deadline:
            text = _("Another command works on the environments in {conda}. Try again when it has ended.")
            raise EnvironmentBusy(text.format(conda=layout.conda))
        if report and not told:
            report(Progress(_("Waiting for another command that works on this environment."), 0.0))
            told = True
        time.sleep(_POLL_S)


def _try(descriptor: int, layout: Layout) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in _UNSUPPORTED:
            raise
        text = _("The disk of {conda} gives no locks. The operators of this site have to mount it with flock.")
        raise EnvironmentFailed(text.format(conda=layout.conda)) from error
    return True
