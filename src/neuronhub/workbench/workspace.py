"""The workspace of a user (row P3), and the home folder. Nothing here ever overwrites or deletes.

Runs in the job, as the user, before the server.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from neuronhub.protocol import EXIT_HOME, EXIT_WORKSPACE
from neuronhub.workbench.errors import StartFailed


def ensure_workspace(workspace: Path) -> bool:
    """Make ``workspace`` if it is not there, go into it, and return whether it is new. Raises StartFailed."""
    try:
        workspace.parent.mkdir(parents=True, exist_ok=True)
        try:
            workspace.mkdir(mode=0o700)
        except FileExistsError:
            made = False
        else:
            made = True
        if not os.access(workspace, os.R_OK | os.W_OK | os.X_OK):
            raise PermissionError(f"[Errno 13] you may not write there: {str(workspace)!r}")
        os.chdir(workspace)
    except OSError as error:
        raise StartFailed(
            EXIT_WORKSPACE,
            f"The workspace {workspace} cannot be used ({error.strerror or error}). "
            "Look whether the folder is yours and your quota is not used up, then start again.",
        ) from error
    return made


def ensure_home(home: Path) -> None:
    """Make sure that Jupyter can keep its own small files below ``home``: a full quota must not end in a traceback.

    Raises StartFailed when it cannot.
    """
    runtime = home / ".local" / "share" / "jupyter" / "runtime"
    try:
        runtime.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=runtime, buffering=0) as probe:
            probe.write(bytes(4096))
    except OSError as error:
        raise StartFailed(
            EXIT_HOME,
            f"Nothing can be written in the home folder {home} ({error.strerror or error}). "
            "Free some space there, from a login node, then start again.",
        ) from error
