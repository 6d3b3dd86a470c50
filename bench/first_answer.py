"""Runs inside the embedded site as a researcher: servers and TensorBoards from exec to the first answer, their memory.

Called as ``first_answer.py KIND PREFIX SCRATCH``; prints JSON ``{"seconds", "rss_mib", "problem"}``. KIND is
``workbench`` (ours, by the launcher), ``singleuser`` (JupyterHub's own server, without anything of ours), ``lab``
(JupyterLab alone) or ``tensorboard``. The standard library only.
"""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

PATIENCE_S = 120.0
LOOK_S = 0.01
JUPYTERHUB_VERSION = "6.1.1"
LAB = ("--ServerApp.base_url=/", "--IdentityProvider.token=t", "--ServerApp.allow_root=False")


class HubDouble(BaseHTTPRequestHandler):
    """Answers what JupyterHub's server asks before it serves: the hub's version."""

    def do_GET(self) -> None:
        """The version."""
        body = json.dumps({"version": JUPYTERHUB_VERSION}).encode()
        self.send_response(200)
        self.send_header("X-JupyterHub-Version", JUPYTERHUB_VERSION)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        """The same."""
        self.do_GET()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


def make_environment(hub: int, port: int) -> dict[str, str]:
    """What a spawner gives to its server."""
    user = os.environ["USER"]
    return {
        "HOME": os.environ["HOME"],
        "USER": user,
        "PATH": "/usr/bin:/bin",
        "JUPYTERHUB_API_TOKEN": "0" * 32,
        "JUPYTERHUB_API_URL": f"http://127.0.0.1:{hub}/hub/api",
        "JUPYTERHUB_ACTIVITY_URL": f"http://127.0.0.1:{hub}/hub/api/users/{user}/activity",
        "JUPYTERHUB_BASE_URL": "/",
        "JUPYTERHUB_CLIENT_ID": f"jupyterhub-user-{user}",
        "JUPYTERHUB_OAUTH_CALLBACK_URL": f"/user/{user}/oauth_callback",
        "JUPYTERHUB_SERVICE_PREFIX": f"/user/{user}/",
        "JUPYTERHUB_SERVICE_URL": f"http://127.0.0.1:{port}/user/{user}/",
        "JUPYTERHUB_USER": user,
    }


def start(kind: str, prefix: str, scratch: str, hub: int, port: int, log: Path) -> subprocess.Popen[bytes]:
    """Start what is measured."""
    environment = make_environment(hub, port)
    with log.open("wb") as output:
        if kind == "workbench":
            ticket: dict[str, object] = {
                "environment": environment,
                "base_url": f"/user/{os.environ['USER']}/",
                "workspace": f"{scratch}/workspace",
                "examples": "",
                "layout": None,
                "args": [],
            }
            process = subprocess.Popen(
                [f"{prefix}/bin/python", "-I", "-m", "neuronhub.workbench.launcher"],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                env={"SLURMD_NODENAME": "localhost", "SLURM_JOB_ID": "1"},
            )
            assert process.stdin is not None
            with process.stdin as stdin:
                stdin.write(json.dumps(ticket).encode() + b"\n")
            return process
        commands = {
            "singleuser": [f"{prefix}/bin/python", "-m", "jupyterhub.singleuser", f"--ServerApp.root_dir={scratch}"],
            "lab": [f"{prefix}/bin/python", "-m", "jupyterlab", "--no-browser", f"--port={port}", *LAB, scratch],
            "tensorboard": [f"{prefix}/bin/tensorboard", "--logdir", scratch, "--port", str(port)],
        }
        extra = {"JUPYTER_CONFIG_DIR": f"{scratch}/no-config"}
        return subprocess.Popen(
            commands[kind], stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment | extra, cwd=scratch
        )


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
    hub = ThreadingHTTPServer(("127.0.0.1", 0), HubDouble)
    threading.Thread(target=hub.serve_forever, daemon=True).start()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    log = Path(scratch) / f"bench-{kind}.log"
    Path(scratch, "workspace").mkdir(exist_ok=True)
    path = {"tensorboard": "/", "lab": "/api"}.get(kind, f"/user/{os.environ['USER']}/api")
    began = time.monotonic()
    process = start(kind, prefix, scratch, hub.server_port, port, log)
    try:
        while time.monotonic() - began < PATIENCE_S and process.poll() is None:
            bound = re.search(r"listening on \S+:(\d+)", log.read_text(errors="replace"))
            if answers(int(bound[1]) if bound else port, path):
                seconds = time.monotonic() - began
                (line,) = (x for x in Path(f"/proc/{process.pid}/status").read_text().splitlines() if "VmRSS" in x)
                return {"seconds": seconds, "rss_mib": int(line.split()[1]) / 1024, "problem": ""}
            time.sleep(LOOK_S)
        return {"seconds": 0.0, "rss_mib": 0.0, "problem": log.read_text(errors="replace")[-400:] or "no answer"}
    finally:
        process.kill()
        process.wait()


if __name__ == "__main__":
    print(json.dumps(measure(*sys.argv[1:])), flush=True)
    os._exit(0)
