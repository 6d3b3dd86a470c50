"""Runs inside the embedded site as a researcher: from the start of a Jupyter server to its first answer, its memory.

Standard input is JSON: ``{"kind": "launcher" | "lab", "prefix": ..., "scratch": ...}``; standard output
``{"seconds": ..., "rss_mib": ..., "problem": ...}``. The standard library only.
"""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

PATIENCE_S = 120.0
LOOK_S = 0.01


def make_ticket(scratch: str) -> str:
    """A start ticket whose hub does not answer: the server runs, and goes on trying to announce itself."""
    user = os.environ["USER"]
    environment = {
        "HOME": os.environ["HOME"],
        "JUPYTERHUB_API_TOKEN": "0" * 32,
        "JUPYTERHUB_API_URL": "http://127.0.0.1:9/hub/api",
        "JUPYTERHUB_BASE_URL": "/",
        "JUPYTERHUB_CLIENT_ID": f"jupyterhub-user-{user}",
        "JUPYTERHUB_OAUTH_CALLBACK_URL": f"/user/{user}/oauth_callback",
        "JUPYTERHUB_USER": user,
    }
    ticket = {"environment": environment, "base_url": f"/user/{user}/", "workspace": f"{scratch}/workspace"}
    return json.dumps({**ticket, "examples": "", "layout": None, "args": []})


def start(kind: str, prefix: str, scratch: str, log: Path) -> tuple[subprocess.Popen[bytes], int]:
    """Start the server; its port, or 0 when the log will tell it."""
    with log.open("wb") as output:
        if kind == "launcher":
            command = [f"{prefix}/bin/python", "-I", "-m", "neuronhub.workbench.launcher"]
            environment = {"SLURMD_NODENAME": "localhost", "SLURM_JOB_ID": "1"}
            process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=output, stderr=output, env=environment)
            assert process.stdin is not None
            with process.stdin as stdin:
                stdin.write(make_ticket(scratch).encode() + b"\n")
            return process, 0
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = int(free.getsockname()[1])
        options = [f"--port={port}", "--no-browser", "--IdentityProvider.token=t", f"--ServerApp.root_dir={scratch}"]
        command = [f"{prefix}/bin/python", "-m", "jupyterlab", *options]
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output), port


def answers(port: int, path: str) -> bool:
    """True when somebody answers there, whatever the answer is."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=PATIENCE_S):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


def measure(kind: str, prefix: str, scratch: str) -> dict[str, object]:
    """Start, wait for the first answer, look at the memory, end."""
    log = Path(scratch) / f"bench-{kind}.log"
    Path(scratch, "workspace").mkdir(exist_ok=True)
    began = time.monotonic()
    process, port = start(kind, prefix, scratch, log)
    path = f"/user/{os.environ['USER']}/api" if kind == "launcher" else "/api"
    try:
        while time.monotonic() - began < PATIENCE_S and process.poll() is None:
            found = re.search(r"listening on \S+:(\d+)", log.read_text(errors="replace")) if not port else None
            port = int(found[1]) if found else port
            if port and answers(port, path):
                seconds = time.monotonic() - began
                (line,) = (x for x in Path(f"/proc/{process.pid}/status").read_text().splitlines() if "VmRSS" in x)
                return {"seconds": seconds, "rss_mib": int(line.split()[1]) / 1024, "problem": ""}
            time.sleep(LOOK_S)
        return {"seconds": 0.0, "rss_mib": 0.0, "problem": log.read_text(errors="replace")[-500:] or "no answer"}
    finally:
        process.kill()
        process.wait()


if __name__ == "__main__":
    print(json.dumps(measure(**json.load(sys.stdin))))
