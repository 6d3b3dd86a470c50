"""The workspace of a user (row P3) and the examples in a new one (row X1). Nothing here ever overwrites or deletes.

Runs in the job, as the user, before the server.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from neuronhub.protocol import EXIT_HOME, EXIT_WORKSPACE
from neuronhub.workbench.errors import StartFailed


def ensure_workspace(workspace: Path, examples: Path | None) -> tuple[str, ...]:
    """Make ``workspace`` if it is not there, and return the names of the examples put into it.

    Only a workspace that this call has made receives examples. Raises StartFailed when it cannot be used.
    """
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
    return _copy_examples(examples, workspace) if made and examples else ()


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


def _copy_examples(examples: Path, workspace: Path) -> tuple[str, ...]:
    """Copy the notebooks and what lies beside them; a missing example never stops a start."""
    copied = []
    try:
        for source in sorted(examples.iterdir()):
            if source.is_file() and not source.name.startswith("."):
                shutil.copyfile(source, workspace / source.name)
                copied.append(source.name)
    except OSError as error:
        print(f"The examples in {examples} could not all be copied: {error}", flush=True)
    return tuple(copied)
