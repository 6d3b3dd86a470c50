"""The batch script of a Jupyter server: fixed text around quoted places and one line of JSON. Pure."""

from __future__ import annotations

from pathlib import Path
from shlex import quote

from neuronhub.protocol import EXIT_BASE_MISSING, EXIT_LOG_FOLDER, StartTicket

_SCRIPT = """\
#!/bin/sh
log={log_dir}/"$SLURM_JOB_ID".log
(umask 077 && mkdir -p -- {log_dir} && echo "job $SLURM_JOB_ID on $SLURMD_NODENAME" >>"$log") || exit {exit_log}
exec >>"$log" 2>&1
base=$(cd -P -- {base} 2>/dev/null && pwd -P) || base={base}
if ! [ -x "$base/bin/python" ]; then
    echo "The site's Jupyter environment is missing on $SLURMD_NODENAME: $base/bin/python"
    exit {exit_base}
fi
exec "$base/bin/python" -I -m neuronhub.workbench.launcher <<'TICKET'
{ticket}
TICKET
"""


def render_job_script(ticket: StartTicket, log_dir: Path, base: Path) -> str:
    """Return the script that sbatch reads on standard input.

    The log is opened by the script and not by Slurm, because Slurm fails a job without a word when the folder is
    missing. The server runs from the real folder of the base, not through the link to the active one, so that it keeps
    its base when the site activates another. Nothing here is free text of a user: places come from the site file and a
    checked account ID, and the ticket is one line of ASCII JSON in a quoted here-document, which the shell does not
    look into.
    """
    line = ticket.to_json()
    if "\n" in line or not line.isascii():
        raise ValueError("a start ticket must be one line of ASCII")
    return _SCRIPT.format(
        log_dir=quote(str(log_dir)),
        base=quote(str(base)),
        ticket=line,
        exit_log=EXIT_LOG_FOLDER,
        exit_base=EXIT_BASE_MISSING,
    )
