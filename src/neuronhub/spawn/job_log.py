"""The last lines of a job's log (row P2), read as the user whose log it is. In the hub process."""

from __future__ import annotations

import asyncio
import getpass
import logging
from pathlib import Path

from neuronhub.spawn.endings import LOG_LINES

log = logging.getLogger("neuronhub.spawn")

TAIL = "/usr/bin/tail"
TIME_LIMIT_S = 3.0
MOST_BYTES = 64 * 1024


async def fetch_log_tail(sudo: Path, user: str, path: Path) -> tuple[str, ...]:
    """The last LOG_LINES lines of ``path``, or () when it is not there or cannot be read in time.

    Read with the user's own rights, so that a link in the log's place shows nobody anything new.
    """
    argv = [TAIL, "-n", str(LOG_LINES), "--", str(path)]
    if getpass.getuser() != user:
        argv = [str(sudo), "-n", "-u", user, "--", *argv]
    process = await asyncio.create_subprocess_exec(
        *argv,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C"},
    )
    assert process.stdout is not None
    try:
        text = await asyncio.wait_for(process.stdout.read(MOST_BYTES), TIME_LIMIT_S)
        await asyncio.wait_for(process.wait(), TIME_LIMIT_S)
    except TimeoutError:
        log.warning("the log %s could not be read within %s s", path, TIME_LIMIT_S)
        process.kill()
        await process.wait()
        return ()
    return tuple(line.rstrip()[:500] for line in text.decode(errors="replace").splitlines()[-LOG_LINES:])
