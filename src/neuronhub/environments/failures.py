"""Turns what the operating system says of a disk into the errors that people can act on. The standard library only."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from neuronhub.environments.layout import Layout
from neuronhub.errors import ConflictingState, EnvironmentFailed, NoRoom
from neuronhub.language import translate as _

_FULL = {errno.ENOSPC, errno.EDQUOT}
_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}
_IN_USE = {errno.EBUSY, errno.EXDEV, errno.ENOTEMPTY, errno.EEXIST}


@contextmanager
def explained(layout: Layout) -> Iterator[None]:
    """Raise an OSError of the body as the kind of EnvironmentFailed that it is."""
    try:
        yield
    except OSError as error:
        raise explain(error, layout) from error


def explain(error: OSError, layout: Layout) -> EnvironmentFailed:
    """The error for a person, with what to do next."""
    path, reason = error.filename or layout.conda, error.strerror or str(error)
    if error.errno in _FULL:
        text = _("There is no room left in {conda} ({reason}). Delete what you do not need, for instance {pkgs}.")
        return NoRoom(text.format(conda=layout.conda, reason=reason, pkgs=layout.packages))
    if error.errno in _FORBIDDEN:
        text = _("{path} cannot be changed ({reason}). Look at its permissions, or ask the operators of this site.")
        return EnvironmentFailed(text.format(path=path, reason=reason))
    if error.errno in _IN_USE:
        text = _("{path} cannot be replaced ({reason}). Move what is there away, then try again.")
        return ConflictingState(text.format(path=path, reason=reason))
    text = _("{path} cannot be used ({reason}). Try again; if it stays so, ask the operators of this site.")
    return EnvironmentFailed(text.format(path=path, reason=reason))
