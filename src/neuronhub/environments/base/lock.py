"""The lock file of a base: what was solved for a spec, so that a second build makes the same base."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from rattler import LockChannel, LockFile, LockPlatform, RepoDataRecord
from rattler.exceptions import ParseCondaLockError

from neuronhub.errors import ConflictingState
from neuronhub.language import translate as _

_ENVIRONMENT = "default"
_HEAD = "# neuronhub base build, for "


def read_locked(path: Path, fingerprint: str, platform: str) -> list[RepoDataRecord] | None:
    """Return the packages locked for what ``fingerprint`` names; None when there are none, or others were asked for.

    Raises ConflictingState when the file is no lock file of ours.
    """
    try:
        with path.open(encoding="utf-8") as file:
            head = file.readline().strip()
        if not head.startswith(_HEAD):
            raise ConflictingState(_("{path} is no lock file of neuronhub base build. Move it away.").format(path=path))
        if head != _HEAD + fingerprint:
            return None
        environment = LockFile.from_path(path).environment(_ENVIRONMENT)
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError, ParseCondaLockError) as error:
        raise ConflictingState(
            _("The lock file {path} cannot be read: {reason}. Solve anew with --update.").format(
                path=path, reason=error
            )
        ) from error
    return environment.conda_repodata_records().get(platform) if environment else None


def write_locked(
    path: Path, fingerprint: str, platform: str, channels: Sequence[str], records: Sequence[RepoDataRecord]
) -> None:
    """Write the lock file in rattler's format (as pixi and others read it), whole or not at all."""
    lock_platform = LockPlatform(platform)
    lock = LockFile([lock_platform])
    lock.set_channels(_ENVIRONMENT, [LockChannel(url) for url in channels])
    for record in records:
        lock.add_conda_package(_ENVIRONMENT, lock_platform, record)
    half_written = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        lock.to_path(half_written)
        half_written.write_text(f"{_HEAD}{fingerprint}\n{half_written.read_text(encoding='utf-8')}", encoding="utf-8")
        half_written.chmod(0o644)
        half_written.replace(path)
    except OSError as error:
        half_written.unlink(missing_ok=True)
        raise ConflictingState(
            _("The lock file {path} cannot be written: {reason}. Name another one with --lock.").format(
                path=path, reason=error.strerror
            )
        ) from error
