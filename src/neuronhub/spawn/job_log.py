"""How a job ended, with the last lines of its log (row P2), read as the user whose log it is. In the hub process."""

from __future__ import annotations

import logging
import re
from pathlib import Path

from neuronhub.errors import CommandSilent
from neuronhub.process import run
from neuronhub.protocol import log_file
from neuronhub.site import Site
from neuronhub.slurm.types import Job
from neuronhub.spawn.endings import LOG_LINES, Ending
from neuronhub.spawn.record import StartRecord
from neuronhub.sudo import become

log = logging.getLogger("neuronhub.spawn")

TAIL = "/usr/bin/tail"
TIME_LIMIT_S = 3.0
MOST_BYTES = 20_000
LONGEST_LINE = 500
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}


async def fetch_ending(site: Site, record: StartRecord, job: Job) -> Ending:
    """What is kept and shown of the end of ``job``, the job of ``record``."""
    path = log_file(site.places.log_dir(record.user), job.id)
    lines = await fetch_log_tail(site.slurm.sudo, record.user, path)
    return Ending.from_job(job, queue=record.queue, ready=record.url is not None, log_file=str(path), log_lines=lines)


async def fetch_log_tail(sudo: Path, user: str, path: Path) -> tuple[str, ...]:
    """The last LOG_LINES lines of ``path``, or () when it is not there or cannot be read in time.

    Read with the user's own rights, so that a link in the log's place shows nobody anything new.
    """
    argv = [*become(sudo, user), TAIL, "-c", str(MOST_BYTES), "--", str(path)]
    try:
        output = await run("tail", argv, environment=ENVIRONMENT, timeout_s=TIME_LIMIT_S)
    except CommandSilent as error:
        log.warning("the log %s could not be read: %s", path, error)
        return ()
    if output.code:
        log.info("no log %s: %s", path, output.stderr.strip()[-200:])
    return tuple(make_plain(line)[-LONGEST_LINE:] for line in output.stdout.splitlines()[-LOG_LINES:])


def make_plain(line: str) -> str:
    """``line`` without colours of the terminal, control characters and marks that turn the direction of text."""
    line = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", line).expandtabs()
    return "".join(character for character in line if character.isprintable()).rstrip()
