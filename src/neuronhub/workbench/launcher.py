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

from neuronhub import language
from neuronhub.environments.layout import Layout
from neuronhub.protocol import EXIT_BAD_TICKET, StartTicket
from neuronhub.workbench.address import bind_listener
from neuronhub.workbench.environment import make_environment
from neuronhub.workbench.errors import StartFailed
from neuronhub.workbench.examples import ensure_examples
from neuronhub.workbench.notebook import Notebook
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
        if ticket.layout is not None:
            Layout.from_json(ticket.layout)
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
    layout = Layout.from_json(ticket.layout) if ticket.layout else None
    say(f"job {job.get('SLURM_JOB_ID', '?')} on node {node or '?'}")
    os.environ.clear()
    os.environ.update(make_environment(job, ticket.environment, layout))
    language.current.set(os.environ.get("NEURONHUB_LANGUAGE", language.LANGUAGES[0]))

    home, workspace = Path(os.environ["HOME"]), Path(ticket.workspace)
    ensure_home(home)
    made = ensure_workspace(workspace)
    say(f"workspace {workspace}" + (", new" if made else ""))
    if ticket.examples:
        for line in ensure_examples(Path(ticket.examples), workspace, home, fill=made):
            say(line)

    hub = urlsplit(ticket.environment["JUPYTERHUB_API_URL"])
    listener = bind_listener(node, hub.hostname or "", hub.port or 80)
    address, port = listener.getsockname()[:2]
    host = f"[{address}]" if ":" in address else address
    say(f"listening on {host}:{port}")
    os.environ["JUPYTERHUB_SERVICE_URL"] = f"http://{host}:{port}{ticket.base_url}"
    os.environ["JUPYTERHUB_SERVICE_PREFIX"] = ticket.base_url
    os.environ["JUPYTERHUB_ROOT_DIR"] = ticket.workspace
    os.environ.setdefault("JUPYTERHUB_DEFAULT_URL", "/tree")

    trouble = make_notebook_environment(layout, address) if layout and ticket.make_environment else None

    gc.disable()  # of what a start imports nothing becomes garbage; looking for it takes a tenth of the time
    from neuronhub.workbench.server import run_server  # last, since it is what a start waits for

    run_server(listener, Notebook(layout, trouble) if layout else None, ticket.args, say)
    say("ended")


def make_notebook_environment(layout: Layout, address: str) -> str | None:
    """Make the user's environment when there is none; return None, or why there is none still: a sentence.

    One that is there is left alone whatever it looks like: the browser offers to mend it.
    """
    if os.path.lexists(layout.prefix):
        return None
    import asyncio

    from neuronhub.workbench.preparation import HubAddress, prepare_environment

    say(f"there is no environment {layout.prefix}: making it")
    hub = HubAddress(os.environ["JUPYTERHUB_API_URL"], os.environ["JUPYTERHUB_API_TOKEN"], address)
    trouble = asyncio.run(prepare_environment(layout, hub, say))
    say(trouble or "the environment is made")
    return trouble


def say(text: str) -> None:
    """Print one line to the job's log, in the shape of Jupyter's own lines."""
    now = datetime.now().isoformat(" ", "milliseconds")
    print(f"[N {now} NeuronHub] {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
