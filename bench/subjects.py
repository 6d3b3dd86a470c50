"""The hubs that are measured, one at a time on the same Slurm: NeuronHub's, batchspawner's, and JupyterHub alone."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import signal
import time
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import asdict
from pathlib import Path

import aiohttp

from bench.environment import copy_environment
from bench.load import Subject
from bench.machine import find_descendants, set_priority
from bench.plain_hub import ADDRESS, Settings
from bench.site import Site, SiteError, read_tail
from neuronhub.demo.installation import NODE, PROXY
from neuronhub.demo.ports import claim_ports

NEURONHUB, BATCHSPAWNER, FLOOR = "neuronhub", "batchspawner", "floor"
QUEUE = "jupyter"
BASES = "/apps/jupyter/bases"
OPTIONS = {"queue": QUEUE, "time_limit": 30}
ACCOUNT, UID = "bench-hub", 19003
"""The plain hubs' own user inside."""
READY_WITHIN_S = 60.0
STOP_WITHIN_S = 30.0
LOOK_S = 0.05


def open_subject(site: Site, name: str, log_dir: Path, *, jupyter: bool) -> AbstractAsyncContextManager[Subject]:
    """Start the hub called ``name``, whose servers are Jupyter or its stand-in; it ends with the context."""
    if name == NEURONHUB:
        return open_neuronhub(site, jupyter=jupyter)
    return open_plain_hub(site, name, log_dir, jupyter=jupyter)


@asynccontextmanager
async def open_neuronhub(site: Site, *, jupyter: bool) -> AsyncIterator[Subject]:
    """The embedded site's own hub, begun anew."""
    site.set_bases(BASES if jupyter else str(site.standin_bases))
    await site.restart_hub()
    status = site.status
    yield Subject(
        name=NEURONHUB,
        public_url=status["url"].rstrip("/"),
        health_url=status["hub_api_url"].removesuffix("/api") + "/health",
        token=status["admin_token"],
        pid=status["parts"]["hub"],
        options=OPTIONS,
    )


@asynccontextmanager
async def open_plain_hub(site: Site, name: str, log_dir: Path, *, jupyter: bool) -> AsyncIterator[Subject]:
    """A JupyterHub of its own user, with a proxy of its own, in the embedded site."""
    copy_environment(site)
    await ensure_account(site)
    ports = claim_ports(20000)  # held for as long as ``ports`` lives
    settings = make_settings(site, name, ports.block, jupyter=jupyter)
    settings_file = write_settings(site, settings)
    program = site.folder / "bench"
    log_file = log_dir / f"{name}-{'jupyter' if jupyter else 'standin'}.log"
    processes = []
    with log_file.open("wb") as log:
        if name == FLOOR:
            processes.append(await _start(site, log.fileno(), settings.standin, "fixed", ADDRESS, str(ports.block + 3)))
        python = str(site.folder / "environment" / "bin" / "python")
        hub = await _start(site, log.fileno(), python, str(program / "plain_hub.py"), str(settings_file))
        processes.append(hub)
    subject = Subject(
        name=name,
        public_url=f"http://{ADDRESS}:{settings.public_port}",
        health_url=f"http://{ADDRESS}:{settings.hub_port}/hub/health",
        token=settings.token,
        pid=0,
        options={},
    )
    try:
        await _wait_until_ready(subject, hub, log_file)
        hub_pid = find_descendants(hub.pid)[0]
        for pid in (hub_pid, *find_descendants(hub_pid)):
            set_priority(pid)
        yield Subject(**(asdict(subject) | {"pid": hub_pid}))
    finally:
        for process in reversed(processes):
            await _end(process)


def make_settings(site: Site, name: str, first_port: int, *, jupyter: bool) -> Settings:
    """Settings of one plain hub; it may use the four ports from ``first_port`` on."""
    return Settings(
        spawner=name,
        jupyter=jupyter,
        folder=str(site.folder / f"{name}-{'jupyter' if jupyter else 'standin'}"),
        public_port=first_port,
        hub_port=first_port + 1,
        proxy_api_port=first_port + 2,
        standin_port=first_port + 3,
        token=secrets.token_hex(32),
        proxy_command=["/usr/bin/env", "NODE_ENV=production", NODE, PROXY, "--log-level=warn"],
        standin=str(site.standin),
        base=f"{BASES}/current",
        packages=str(site.folder / "packages"),
    )


def write_settings(site: Site, settings: Settings) -> Path:
    """Make the hub's folder, with its settings, which hold its token; only the hub's user may look."""
    folder = Path(settings.folder)
    folder.mkdir(mode=0o700)
    file = folder / "settings.json"
    file.write_text(json.dumps(asdict(settings)))
    for path in (folder, file):
        os.chown(path, UID, UID)
    return file


async def ensure_account(site: Site) -> None:
    """Make the plain hubs' user inside, and let it do by sudo what batchspawner does so."""
    if ACCOUNT in await site.run("/bin/cat", "/etc/passwd"):
        return
    lines = {
        "passwd": f"{ACCOUNT}:x:{UID}:{UID}::/nonexistent:/usr/sbin/nologin",
        "shadow": f"{ACCOUNT}:*:19000:0:99999:7:::",
    }
    for file, line in lines.items():
        await site.run("/usr/bin/tee", "-a", f"/etc/{file}", stdin=line + "\n")
    commands = "/usr/bin/sbatch, /usr/bin/squeue, /usr/bin/scancel"
    rules = (
        f"Defaults:{ACCOUNT} !requiretty, !use_pty, !pam_session, !syslog\n"
        f"{ACCOUNT} ALL=(%researchers) NOPASSWD:SETENV: {commands}\n"
    )
    await site.run("/usr/bin/tee", "/etc/sudoers.d/bench", stdin=rules)
    await site.run("/bin/chmod", "0440", "/etc/sudoers.d/bench")


async def _start(site: Site, log: int, *argv: str) -> Process:
    """Start a process of the plain hubs' user inside, in a session of its own."""
    as_user = ("/usr/bin/setpriv", f"--reuid={ACCOUNT}", f"--regid={UID}", "--clear-groups", "--")
    command = site.command("exec", "--", *as_user, *argv)
    return await asyncio.create_subprocess_exec(*command, stdin=DEVNULL, stdout=log, stderr=log, start_new_session=True)


async def _wait_until_ready(subject: Subject, hub: Process, log_file: Path) -> None:
    deadline = time.monotonic() + READY_WITHIN_S
    problem = "no answer"
    async with aiohttp.ClientSession() as session:
        while True:
            try:
                async with session.get(f"{subject.public_url}/hub/health") as answer:
                    if answer.status == 200:
                        return
                    problem = f"status {answer.status}"
            except aiohttp.ClientError as error:
                problem = str(error)
            if hub.returncode is not None or time.monotonic() > deadline:
                raise SiteError(f"{subject.name} did not start ({problem}):\n{read_tail(log_file)}")
            await asyncio.sleep(LOOK_S)


async def _end(process: Process) -> None:
    """End what runs inside below ``process``, which is only nsenter."""
    if process.returncode is not None:
        return
    inner = find_descendants(process.pid)[:1]
    for pid in inner:
        os.kill(pid, signal.SIGTERM)
    try:
        await asyncio.wait_for(process.wait(), STOP_WITHIN_S)
    except TimeoutError:
        for pid in inner:
            os.kill(pid, signal.SIGKILL)
        process.kill()
        await process.wait()
