"""The folder of the bases as operators change it: one command at a time, the active version, versions that go.

Runs in ``neuronhub base``.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from neuronhub.environments.bases import Base, list_bases, read_active, read_base
from neuronhub.environments.layout import CURRENT
from neuronhub.environments.removal import remove_tree
from neuronhub.errors import BaseMissing, ConflictingState, EnvironmentBusy, EnvironmentFailed
from neuronhub.language import translate as _

CACHE = ".cache"
"""Folder among the bases with the packages that were fetched for them, unless another one is named."""
_LOCK = ".lock"
_HALF = (".new", ".old")


@contextmanager
def hold_bases(bases: Path) -> Iterator[None]:
    """Keep other commands from changing ``bases`` meanwhile; what killed ones have left there is removed first.

    Makes the folder. Raises EnvironmentBusy when another command is at it, EnvironmentFailed when it cannot be changed.
    """
    try:
        if not bases.is_dir():
            bases.mkdir(parents=True)
            bases.chmod(0o755)  # whatever the umask
        descriptor = os.open(bases / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise EnvironmentFailed(
            _("The bases in {bases} cannot be changed: {reason}. Run the command as their owner.").format(
                bases=bases, reason=error.strerror
            )
        ) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _remove_halves(bases)
        yield
    except BlockingIOError as error:
        text = _("Another command works on the bases in {bases}. Try again when it has ended.")
        raise EnvironmentBusy(text.format(bases=bases)) from error
    finally:
        os.close(descriptor)


def _remove_halves(bases: Path) -> None:
    for entry in bases.iterdir():
        if entry.name.startswith(".") and entry.name.endswith(_HALF):
            _delete(entry)


def _delete(path: Path) -> None:
    if failure := remove_tree(path):
        text = _("{path} cannot be deleted: {reason}. Look at its permissions, then run the command again.")
        raise EnvironmentFailed(text.format(path=path, reason=failure.strerror))


def activate_base(bases: Path, version: str) -> Base:
    """Have new servers and environments use ``version``, in one step; running ones keep theirs.

    Raises BaseMissing when there is no such version, or half of one.
    """
    base = find_base(bases, version)
    link = bases / CURRENT
    if link.exists() and not link.is_symlink():
        text = _("{link} is in the way: it has to be a link. Move it away.")
        raise ConflictingState(text.format(link=link))
    new = bases / f".{CURRENT}.new"
    new.unlink(missing_ok=True)
    new.symlink_to(version)
    new.replace(link)
    return base


def find_base(bases: Path, version: str) -> Base:
    """Return the version called so; raises BaseMissing."""
    if version not in {base.version for base in list_bases(bases)}:
        have = ", ".join(base.version for base in list_bases(bases)) or "-"
        text = _("There is no base {version} in {bases}. There are: {have}.")
        raise BaseMissing(text.format(version=version, bases=bases, have=have))
    return read_base(bases / version)


def find_active(bases: Path) -> Base | None:
    """Return the active base; None when there is none."""
    try:
        return read_active(bases)
    except BaseMissing:
        return None


def choose_superfluous(bases: Path, keep: int) -> tuple[Base, ...]:
    """Return the versions that are not active, without the ``keep`` newest of them."""
    active = find_active(bases)
    others = [base for base in list_bases(bases) if active is None or not base.path.samefile(active.path)]
    return tuple(others[: max(len(others) - keep, 0)])


def remove_base(base: Base) -> None:
    """Delete a version: out of sight first, so that half of one is never taken for a base."""
    old = base.path.with_name(f".{base.version}.old")
    base.path.rename(old)
    _delete(old)


def measure_base(base: Base) -> tuple[int, int]:
    """Return the number of conda packages in the base, and its bytes on disk (shared with its like, or not)."""
    seen: set[int] = set()
    size_bytes = 0
    for parent, _folders, files in os.walk(base.path):
        for name in files:
            status = os.lstat(os.path.join(parent, name))
            if status.st_ino not in seen:
                seen.add(status.st_ino)
                size_bytes += status.st_blocks * 512
    return len(list((base.path / "conda-meta").glob("*.json"))), size_bytes
