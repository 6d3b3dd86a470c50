"""Files of the hub's own that nobody else may read, such as its databases. In the hub and on its command line."""

from __future__ import annotations

import os
from pathlib import Path


def ensure_private_file(path: Path) -> None:
    """Make the file with mode 0600; as root, give it to the owner of its folder (the hub's user). Raises OSError."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        if path.stat().st_mode & 0o077:
            path.chmod(0o600)
        return
    if os.geteuid() == 0:
        folder = path.parent.stat()
        os.chown(path, folder.st_uid, folder.st_gid)
