"""Deletes a folder that belongs to us, whatever a user has made of it. The standard library only.

Links are never followed and other file systems never entered; folders that forbid it are opened up first, files are
never changed (they may be hard links). Works by descriptors, so names of any bytes and paths of any length are fine.
"""

from __future__ import annotations

import errno
import itertools
import os
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

_DEEP = 64
"""Folders below this are lifted to the top before they are emptied: neither the stack nor descriptors run out."""
_TELL_EVERY = 500
_TAKEN = {errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR}
_OPEN = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def remove_tree(path: Path, tell: Callable[[int], None] | None = None) -> OSError | None:
    """Delete ``path``, be it a folder, a file or a link; ``tell`` hears now and then how much has gone so far.

    Returns what was in the way when not everything could be deleted, else None.
    """
    try:
        if not stat.S_ISDIR(os.lstat(path).st_mode):
            os.unlink(path)
            return None
        root = _open(os.fspath(path), None)
    except FileNotFoundError:
        return None
    except OSError as error:
        return error
    try:
        removal = _Removal(root, tell)
        while removal.empty(root, 0) and removal.lifted:
            removal.lifted = False
    finally:
        os.close(root)
    try:
        os.rmdir(path)
    except OSError as error:
        return removal.failure or error
    return None


def _open(name: str | bytes, parent: int | None) -> int:
    """Open a folder so that it can be read and emptied."""
    try:
        descriptor = os.open(name, _OPEN, dir_fd=parent)
    except PermissionError:
        os.chmod(name, stat.S_IRWXU, dir_fd=parent)
        descriptor = os.open(name, _OPEN, dir_fd=parent)
    if os.fstat(descriptor).st_mode & stat.S_IRWXU != stat.S_IRWXU:
        with suppress(PermissionError):  # somebody else's: what cannot be deleted is told of by the unlink that fails
            os.fchmod(descriptor, stat.S_IRWXU)
    return descriptor


class _Removal:
    """One deletion under way."""

    def __init__(self, root: int, tell: Callable[[int], None] | None) -> None:
        self._root = root
        self._device = os.fstat(root).st_dev
        self._tell = tell
        self._names = itertools.count()
        self._gone = self._told = 0
        self.lifted = False
        self.failure: OSError | None = None

    def empty(self, folder: int, depth: int) -> bool:
        """Delete what is in ``folder``; False when something has to stay."""
        with os.scandir(folder) as entries:
            found = [(os.fsencode(entry.name), entry.is_dir(follow_symlinks=False)) for entry in entries]
        done = True
        for name, is_folder in found:
            try:
                if not is_folder:
                    os.unlink(name, dir_fd=folder)
                elif depth >= _DEEP:
                    self._lift(name, folder)
                else:
                    self._remove_folder(name, folder, depth)
                self._gone += 1
            except OSError as error:
                self.failure = self.failure or error
                done = False
        if self._tell and self._gone - self._told >= _TELL_EVERY:
            self._told = self._gone
            self._tell(self._gone)
        return done

    def _remove_folder(self, name: bytes, parent: int, depth: int) -> None:
        descriptor = _open(name, parent)
        try:
            if os.fstat(descriptor).st_dev == self._device:
                self.empty(descriptor, depth + 1)
        finally:
            os.close(descriptor)
        os.rmdir(name, dir_fd=parent)

    def _lift(self, name: bytes, parent: int) -> None:
        os.close(_open(name, parent))  # a folder is moved only where its own entry ".." may be rewritten
        while True:
            try:
                lifted = b".neuronhub-lifted-%d" % next(self._names)
                os.rename(name, lifted, src_dir_fd=parent, dst_dir_fd=self._root)
            except OSError as error:
                if error.errno not in _TAKEN:
                    raise
            else:
                self.lifted = True
                return
