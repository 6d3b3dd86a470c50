"""``python -I -m neuronhub.workbench.engines``: the program of an engines' job, on each node of an IPython cluster.

Runs on the compute node as the user, from the site's base, with an EnginesTicket (one line of JSON) on standard input.
It starts the engines in the user's environment and ends when the last of them has, or when Slurm says so. What it and
the engines print is in ``engines-NODE.log`` of the cluster's folder.
"""

from __future__ import annotations

import os
import pwd
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType

from neuronhub.protocol import EXIT_BAD_TICKET, EXIT_HOME, EnginesTicket
from neuronhub.workbench.environment import make_environment

CONNECTION_FILE = "ipcontroller-engine.json"
CONNECTION_WITHIN_S = 120.0
"""The controller writes its file before the job is submitted; a parallel file system may show it later."""
ENGINE_ARGUMENTS = ("--IPEngine.max_heartbeat_misses=300",)
"""An engine gives its controller up after 150 s, as by default: our controllers' hearts beat more often."""
LOOK_S = 0.2
END_WITHIN_S = 3.0
LONGEST_TICKET = 1 << 16


def main() -> int:
    """Run the engines of this node; returns the exit code for Slurm."""
    try:
        ticket = EnginesTicket.from_json(sys.stdin.buffer.readline(LONGEST_TICKET).decode())
        folder = Path(ticket.folder)
        log = os.open(folder / f"engines-{ticket.node}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    except (ValueError, TypeError):
        return EXIT_BAD_TICKET
    except OSError:
        return EXIT_HOME
    nothing = os.open(os.devnull, os.O_RDONLY)
    for number, target in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(number, target)
    job = os.environ.get("SLURM_JOB_ID", "?")
    print(f"job {job} on node {os.environ.get('SLURMD_NODENAME', '?')}: {ticket.engines} engines", flush=True)
    return run_engines(ticket, folder / CONNECTION_FILE)


def run_engines(ticket: EnginesTicket, connection: Path) -> int:
    """Start ``ticket.engines`` engines and wait for their end: 0 when all ended well or were told to."""
    deadline = time.monotonic() + CONNECTION_WITHIN_S
    while not connection.exists():
        if time.monotonic() > deadline:
            print(f"{connection} did not appear: the controller has ended, or the folder is not shared", flush=True)
            return 1
        time.sleep(LOOK_S)
    environment = make_environment(os.environ, {"PYTHONNOUSERSITE": "1"}, None)
    environment["PATH"] = f"{Path(ticket.python).parent}:{environment['PATH']}"
    command = [ticket.python, "-m", "ipyparallel.engine", f"--file={connection}", *ENGINE_ARGUMENTS]
    home = pwd.getpwuid(os.getuid()).pw_dir
    engines = [
        subprocess.Popen(command, env=environment, cwd=home if os.path.isdir(home) else "/")
        for _ in range(ticket.engines)
    ]

    def end(_number: int, _frame: FrameType | None) -> None:
        raise SystemExit(end_engines(engines))

    signal.signal(signal.SIGTERM, end)
    codes = [engine.wait() for engine in engines]
    print(f"all engines have ended: {codes}", flush=True)
    return 0 if not any(codes) else 1


def end_engines(engines: list[subprocess.Popen[bytes]]) -> int:
    """End all that still run; those that do not hear are killed."""
    for engine in engines:
        engine.terminate()
    deadline = time.monotonic() + END_WITHIN_S
    for engine in engines:
        try:
            engine.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            engine.kill()
    return 0


if __name__ == "__main__":
    sys.exit(main())
