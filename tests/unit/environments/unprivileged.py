"""Runs a function in a process of its own: one without root's rights, or one that is killed on its way."""

from __future__ import annotations

import ctypes
import os
import pickle
import signal
import sys
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")

_CHANGES = {"os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.symlink", "os.link", "os.chmod", "os.truncate"}
_CAPABILITIES_V3 = 0x20080522


def without_rights(function: Callable[[], Result]) -> Result:
    """Return what ``function`` returns to a user who may do no more than any owner of files; raise what it raises."""
    readable, writable = os.pipe()
    process = os.fork()
    if process == 0:
        os.close(readable)
        _drop_capabilities()
        try:
            result: object = (True, function())
        except BaseException as error:  # noqa: BLE001 - the parent raises it
            result = (False, error)
        with os.fdopen(writable, "wb") as pipe:
            pickle.dump(result, pipe)
        os._exit(0)
    os.close(writable)
    with os.fdopen(readable, "rb") as pipe:
        data = pipe.read()
    os.waitpid(process, 0)
    succeeded, value = pickle.loads(data)
    if not succeeded:
        raise value
    return value  # type: ignore[no-any-return]


def run_until(function: Callable[[], object], changes: int) -> bool:
    """Run ``function`` in a process that is killed before it changes the disk once more than ``changes`` times.

    True when it came to its end.
    """
    process = os.fork()
    if process == 0:
        left = changes

        def count(event: str, arguments: tuple[object, ...]) -> None:
            nonlocal left
            if event in _CHANGES or (event == "open" and _writes(arguments)):
                left -= 1
                if left < 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(count)
        try:
            function()
        except BaseException:  # noqa: BLE001 - the parent fails
            os._exit(1)
        os._exit(0)
    status = os.waitpid(process, 0)[1]
    if os.WIFEXITED(status):
        assert os.WEXITSTATUS(status) == 0, "it failed by itself"
        return True
    assert os.WTERMSIG(status) == signal.SIGKILL
    return False


def _writes(arguments: tuple[object, ...]) -> bool:
    flags = arguments[2]
    return isinstance(flags, int) and bool(flags & (os.O_WRONLY | os.O_RDWR))


def _drop_capabilities() -> None:
    header = (ctypes.c_uint32 * 2)(_CAPABILITIES_V3, 0)
    none = (ctypes.c_uint32 * 6)()
    if ctypes.CDLL(None, use_errno=True).capset(header, none) != 0:
        raise OSError(ctypes.get_errno(), "capset")
