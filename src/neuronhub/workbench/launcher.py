"""``python -I -m neuronhub.workbench.launcher``: the one program of a Jupyter job, from start ticket to server.

Runs on the compute node as the user, started by the job script with a StartTicket (one line of JSON) on standard
input. What it prints is the job's log. Jupyter is imported last, when nothing cheap can fail any more.
"""

from __future__ import annotations

import gc
import os
import sys
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

from neuronhub.protocol import EXIT_BAD_TICKET, StartTicket
from neuronhub.workbench.address import bind_listener
from neuronhub.workbench.environment import make_environment
from neuronhub.workbench.errors import StartFailed
from neuronhub.workbench.workspace import ensure_home, ensure_workspace

LARGEST_TICKET = 1 << 20
NEEDED = ("JUPYTERHUB_API_TOKEN", "JUPYTERHUB_API_URL")


def main() -> int:
    """Start and run the server; returns the exit code for Slurm."""
    try:
        launch(read_ticket())
    except StartFailed as failure:
        say(str(failure))
        return failure.exit_code
    return 0


def read_ticket() -> StartTicket:
    """Read the ticket from standard input, and leave nothing there for the server. Raises StartFailed."""
    line = sys.stdin.buffer.readline(LARGEST_TICKET)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    try:
        ticket = StartTicket.from_json(line.decode())
        missing = [name for name in NEEDED if not ticket.environment.get(name)]
        if missing:
            raise ValueError(f"{' and '.join(missing)} missing")
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        # Not the error's text: it may quote the ticket, which holds the token.
        raise StartFailed(
            EXIT_BAD_TICKET,
            f"The start ticket cannot be read ({type(error).__name__}). Start again from the hub; "
            "if this repeats, the hub and the base environment are of different versions.",
        ) from None
    return ticket


def launch(ticket: StartTicket) -> None:
    """Take the steps of a start in the order in which they can fail, then serve until told to stop."""
    job = dict(os.environ)
    node = job.get("SLURMD_NODENAME", "")
    say(f"job {job.get('SLURM_JOB_ID', '?')} on node {node or '?'}")
    os.environ.clear()
    os.environ.update(make_environment(job, ticket.environment))

    ensure_home(Path(os.environ["HOME"]))
    copied = ensure_workspace(Path(ticket.workspace), Path(ticket.examples) if ticket.examples else None)
    say(f"workspace {ticket.workspace}" + (f", new, with {', '.join(copied)}" if copied else ""))

    hub = urlsplit(ticket.environment["JUPYTERHUB_API_URL"])
    listener = bind_listener(node, hub.hostname or "", hub.port or 80)
    address, port = listener.getsockname()[:2]
    host = f"[{address}]" if ":" in address else address
    say(f"listening on {host}:{port}")
    os.environ["JUPYTERHUB_SERVICE_URL"] = f"http://{host}:{port}{ticket.base_url}"
    os.environ["JUPYTERHUB_SERVICE_PREFIX"] = ticket.base_url
    os.environ["JUPYTERHUB_ROOT_DIR"] = ticket.workspace
    os.environ.setdefault("JUPYTERHUB_DEFAULT_URL", "/tree")

    gc.disable()  # of what a start imports nothing becomes garbage; looking for it takes a tenth of the time
    from neuronhub.workbench.server import run_server  # last, since it is what a start waits for

    run_server(listener, ticket.args, say)
    say("ended")


def say(text: str) -> None:
    """Print one line to the job's log, in the shape of Jupyter's own lines."""
    now = datetime.now().isoformat(" ", "milliseconds")
    print(f"[N {now} NeuronHub] {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
