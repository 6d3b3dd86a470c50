"""The embedded site's own process: prepares the files, starts the parts, answers the door, ends everything.

Runs inside, as root, as ``python -m neuronhub.demo.inside OPTIONS`` (JSON).
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console

from neuronhub import language
from neuronhub.demo import report
from neuronhub.demo.commands import run_command
from neuronhub.demo.control import Answer, Door
from neuronhub.demo.errors import DemoError, PartFailed
from neuronhub.demo.files import write_files
from neuronhub.demo.parts import STOP_ORDER, plan_parts
from neuronhub.demo.ports import Ports, claim_ports
from neuronhub.demo.shape import NODES
from neuronhub.demo.state import Secret, StateFolder, ensure_secrets
from neuronhub.demo.supervisor import Supervisor
from neuronhub.errors import NeuronHubError

_PART_ACTIONS = ("start", "stop", "kill", "restart", "pause", "resume")


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line asked for."""

    state: str
    port: int
    tls: bool
    without: tuple[str, ...] = ()
    language: str = "en"
    command: str = "neuronhub demo"

    def to_json(self) -> str:
        """One line of JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Options:
        """The opposite of to_json."""
        values = json.loads(text)
        return cls(**(values | {"without": tuple(values["without"])}))


class EmbeddedSite:
    """One running embedded site."""

    def __init__(self, options: Options, console: Console) -> None:
        self._state = StateFolder(Path(options.state))
        self._console = console
        self._ports: Ports = claim_ports(options.port)
        scheme = "https" if options.tls else "http"
        self._url = f"{scheme}://127.0.0.1:{self._ports.public}/"
        self._command = options.command
        self._secrets: dict[str, Secret] = ensure_secrets(self._state)
        self._ready = False
        write_files(self._state, self._ports, self._url)
        parts = plan_parts(self._state, self._ports, self._secrets, tls=options.tls)
        unknown = set(options.without) - {part.name for part in parts}
        if unknown:
            raise DemoError(f"--without: there is no part {', '.join(sorted(unknown))}.")
        self._supervisor = Supervisor(
            [part for part in parts if part.name not in options.without],
            self._state.log,
            lambda name, seconds: report.show_part(console, name, seconds),
        )
        self._door = Door(self._state.control_socket, self._answer)

    async def run(self) -> None:
        """Start everything, run until asked to end, end everything; raises PartFailed when a part ends by itself."""
        asked = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, asked.set)
        began = time.monotonic()
        await self._door.open()
        asking = asyncio.create_task(asked.wait())
        starting = asyncio.create_task(self._start())
        failure = self._supervisor.failure
        try:
            await asyncio.wait((asking, starting, failure), return_when=asyncio.FIRST_COMPLETED)
            if starting.done() and not asked.is_set():
                starting.result()
                self._ready = True
                report.show_ready(
                    self._console, self._state, self._url, self._secrets, self._command, time.monotonic() - began
                )
                await asyncio.wait((asking, failure), return_when=asyncio.FIRST_COMPLETED)
            if failure.done():
                raise failure.result()
        except PartFailed as part:
            report.show_failure(self._console, part)
            raise
        finally:
            self._ready = False
            starting.cancel()
            await asyncio.gather(starting, return_exceptions=True)
            self._door.close()
            report.show_ending(self._console)
            await self._stop()

    async def _start(self) -> None:
        try:
            await self._supervisor.start_all()
            await self._wait_for_nodes()
        except* (NeuronHubError, OSError) as errors:
            first: BaseException = errors
            while isinstance(first, BaseExceptionGroup):
                first = first.exceptions[0]
            raise first from None

    async def _wait_for_nodes(self) -> None:
        """Until every node that runs has made itself known to the controller."""
        if any(f"slurmd-{node.name}" in self._supervisor.waiting for node in NODES):
            return
        deadline = time.monotonic() + 30
        while True:
            states = await run_command("/usr/bin/sinfo", "-N", "-h", "-o", "%T")
            if not any("unk" in state or "down" in state or state.endswith("*") for state in states.split()):
                return
            if time.monotonic() > deadline:
                raise DemoError(f"Some nodes did not register with slurmctld: {states.split()}.")
            await asyncio.sleep(0.1)

    async def _stop(self) -> None:
        """The hub first, then the jobs, then the rest."""
        hub, *rest = STOP_ORDER
        await self._supervisor.stop_all_in(hub)
        if "slurmctld" in self._supervisor.pids:
            await self._end_jobs()
        await self._supervisor.stop_all(rest)

    async def _end_jobs(self) -> None:
        """Cancel every job and give them a moment: what is ended cleanly need not be sorted out at the next start."""
        deadline = time.monotonic() + 4
        try:
            jobs = (await run_command("/usr/bin/squeue", "-h", "-o", "%i", within_s=2)).split()
            if jobs:
                await run_command("/usr/bin/scancel", *jobs, within_s=2)
            while jobs and time.monotonic() < deadline:
                await asyncio.sleep(0.2)
                jobs = (await run_command("/usr/bin/squeue", "-h", "-o", "%i", within_s=2)).split()
        except DemoError as error:
            self._console.print(f"Slurm did not end its jobs: {error}", markup=False, soft_wrap=True)

    async def _answer(self, do: str, part: str) -> Answer:
        if do == "status":
            return self._describe()
        if do not in _PART_ACTIONS:
            raise DemoError(f"The embedded site cannot {do}.")
        await self._act(do, part)
        return {"ok": True}

    async def _act(self, do: str, part: str) -> None:
        supervisor = self._supervisor
        if do == "pause":
            supervisor.send(part, signal.SIGSTOP)
        elif do == "resume":
            supervisor.send(part, signal.SIGCONT)
        if do in ("stop", "restart"):
            await supervisor.stop(part)
        elif do == "kill":
            await supervisor.stop(part, signal.SIGKILL)
        if do in ("start", "restart"):
            await supervisor.start(part)

    def _describe(self) -> Answer:
        state = self._state
        return {
            "ready": self._ready,
            "url": self._url,
            "state_dir": str(state.path),
            "slurm_conf": str(state.slurm / "slurm.conf"),
            "site_file": str(state.site_file),
            "ca_file": str(state.tls / "ca.pem"),
            "log_dir": str(state.log),
            "hub_api_url": f"http://127.0.0.1:{self._ports.hub_api}/hub/api",
            "proxy_api_url": f"http://127.0.0.1:{self._ports.proxy_api}",
            "ldap_url": f"ldaps://127.0.0.1:{self._ports.ldaps}",
            "admin_token": state.secret_file("admin-token").read_text(),
            "accounts": [
                {"id": id_, "password": secret.password, "otp_secret": secret.otp_secret}
                for id_, secret in self._secrets.items()
            ],
            "parts": self._supervisor.pids,
        }


def main(argv: Sequence[str]) -> int:
    """Run the site that ``argv`` describes; the exit status is the command's."""
    os.umask(0o022)
    console = Console(highlight=False)

    options = Options.from_json(argv[1])
    language.current.set(options.language)

    async def run() -> None:
        await EmbeddedSite(options, console).run()

    try:
        asyncio.run(run())
    except PartFailed:
        return 1  # shown already
    except (NeuronHubError, OSError) as error:
        console.print(f"neuronhub: {error}", style="red", markup=False, soft_wrap=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
