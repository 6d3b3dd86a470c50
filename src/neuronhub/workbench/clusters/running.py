"""One IPython cluster from Start to Stop: its controller in the server's job, its engines, and how they are.

In the user's Jupyter server. ipyparallel is imported with the first cluster, since no start of a server needs it.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import logging
import os
import shutil
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from signal import SIGTERM
from typing import Any

from neuronhub.language import translate as _
from neuronhub.workbench.clusters.order import ClusterOrder, Kind
from neuronhub.workbench.hub import HubRefused

log = logging.getLogger("neuronhub.workbench")

CONTROLLER_ARGUMENTS = (
    "--IPController.enable_curve=True",
    # An engine is registered with its second heartbeat, every 3 s by default; as patient as that with silent ones.
    "--HeartMonitor.period=500",
    "--HeartMonitor.max_heartmonitor_misses=60",
)
CONTROLLER_END_S = 5.0
CLIENT_LIMIT_S = 30.0
LOG_LINES = 20
NOTE = "cluster.json"
"""In a cluster's folder: what is needed to clear up after a server that could not."""


class State(StrEnum):
    """In one word; pages have the sentences."""

    STARTING = "starting"
    """The controller starts, or jobs run and engines are yet to register."""
    WAITING = "waiting"
    """A job waits in the queue."""
    RUNNING = "running"
    """All engines are registered."""
    DEGRADED = "degraded"
    """Some engines have ended."""
    STOPPING = "stopping"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Place:
    """Where clusters of this server run and lie."""

    python: Path
    """Of the notebook environment: runs controllers and engines."""
    address: str
    """The node's own, on which controllers listen."""
    ipython: Path
    """``~/.ipython``"""
    job: str
    """Slurm's id of the server's own job."""

    def profile(self, name: str) -> Path:
        """Folder of an IPython profile."""
        return self.ipython / f"profile_{name}"


class RunningCluster:
    """A cluster from its order on; it stays in the list until it is stopped, also when it has failed."""

    def __init__(self, cluster_id: str, order: ClusterOrder, place: Place) -> None:
        self.id = cluster_id
        self.order = order
        self.error = ""
        self._place = place
        self._stopping = False
        self._cluster: Any = None
        self._client: Any = None
        self._ending = asyncio.Lock()
        self._starting: asyncio.Task[None] | None = None

    @property
    def folder(self) -> Path:
        """The cluster's own: engines' connection file and logs."""
        return self._place.profile(self.order.profile) / "clusters" / self.id

    def begin(self) -> None:
        """Start controller and engines; ``describe`` tells how far that is."""
        self._starting = asyncio.create_task(self._start())

    async def _start(self) -> None:
        try:
            await self._start_controller()
            await self._start_engines()
            await asyncio.to_thread(self._connect)
        except HubRefused as error:
            self.error = str(error)
        except Exception as error:  # ipyparallel and what users' profiles bring raise anything
            log.exception("cluster %s did not start", self.id)
            self.error = _("The cluster did not start: {error}").format(error=error)
        if self.error:
            try:
                await self._end_processes()
            except HubRefused as error:  # its jobs may be there: to stop it is tried again
                log.warning("engines of cluster %s may be left: %s", self.id, error)

    async def _start_controller(self) -> None:
        await asyncio.to_thread(importlib.import_module, "ipyparallel.cluster.cluster")
        from ipyparallel.cluster.cluster import Cluster

        for folder in (self._place.profile(self.order.profile) / "security", self.folder):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        note = {**asdict(self.order), "job": self._place.job}
        await asyncio.to_thread((self.folder / NOTE).write_text, json.dumps(note))
        own = self.order.kind is Kind.OWN
        settings: dict[str, Any] = {"load_profile": own, "shutdown_atexit": True, "log": log, "parent": None}
        if not own:
            settings |= {"controller_ip": self._place.address, "engine_launcher_class": self._find_launcher()}
            settings["controller_args"] = list(CONTROLLER_ARGUMENTS)
        self._cluster = Cluster(
            profile_dir=str(self._place.profile(self.order.profile)), cluster_id=self.order.name, **settings
        )
        await self._cluster.start_controller(controller_cmd=self._tie("ipyparallel.controller"))
        await self._cluster.controller.get_connection_info()

    def _tie(self, module: str) -> list[str]:
        """Command that runs a module in the user's environment for as long as this server lives."""
        tie = [sys.executable, "-I", "-m", "neuronhub.workbench.clusters.tied", str(os.getpid())]
        return [*tie, str(self._place.python), "-m", module]

    def _find_launcher(self) -> type[Any]:
        if self.order.kind is Kind.SLURM:
            from neuronhub.workbench.clusters.launcher import HubEngineSetLauncher

            return HubEngineSetLauncher
        from ipyparallel.cluster.launcher import LocalEngineSetLauncher

        launcher: type[Any] = LocalEngineSetLauncher
        return launcher

    async def _start_engines(self) -> None:
        order = self.order
        settings: dict[str, Any] = {"engine_cmd": self._tie("ipyparallel.engine")}
        if order.kind is Kind.SLURM:
            settings = {
                "cluster": self.id,
                "queue": order.queue,
                "time_limit": order.time_limit,
                "account": order.account,
                "nodes": order.nodes,
                "python": str(self._place.python),
                "folder": str(self.folder),
            }
        await self._cluster.start_engines(order.engines, **settings)

    def _connect(self) -> None:
        from ipyparallel import Client

        file = self._cluster.controller.connection_files["client"]
        client = Client(file, profile_dir=self._cluster.profile_dir, timeout=CLIENT_LIMIT_S)
        if self._stopping:  # this thread goes on though the start was cancelled
            client.close()
        else:
            self._client = client

    def describe(self, jobs: list[dict[str, Any]]) -> dict[str, Any]:
        """As JSON-able values, with the hub's word on its ``jobs``."""
        self._look(jobs)
        registered = len(self._client.ids) if self._client is not None and not self.error else 0
        state = self._find_state(jobs, registered)
        return {
            "id": self.id,
            "kind": self.order.kind.value,
            **asdict(self.order),
            "registered": registered,
            "state": state.value,
            "error": self.error,
            "jobs": jobs,
            "log_lines": self.read_log() if state in (State.FAILED, State.DEGRADED) else [],
        }

    def _look(self, jobs: list[dict[str, Any]]) -> None:
        """Notice what has ended by itself."""
        if self.error or self._stopping or self._starting is None or not self._starting.done():
            return
        if self._cluster.controller is None or not self._cluster.controller.running:
            self.error = _("The controller has ended. Stop the cluster and start it again.")
        elif jobs and all(job["ended"] for job in jobs):
            states = ", ".join(sorted({job["state"] for job in jobs}))
            self.error = _(
                "All jobs of the engines have ended ({states}). Stop the cluster and start it again."
            ).format(states=states)
        elif not jobs and not any(engines.running for engines in self._cluster.engines.values()):
            self.error = _("All engines have ended. Stop the cluster and start it again.")

    def _find_state(self, jobs: list[dict[str, Any]], registered: int) -> State:
        if self._stopping:
            return State.STOPPING
        if self.error:
            return State.FAILED
        if registered >= self.order.engines:
            return State.RUNNING
        if any(job["ended"] for job in jobs):
            return State.DEGRADED
        return State.WAITING if any(job["state"] == "PENDING" for job in jobs) else State.STARTING

    def read_log(self) -> list[str]:
        """The last lines of engines and controller."""
        lines: list[str] = []
        for file in sorted(self.folder.glob("engines-*.log")):
            with suppress(OSError):
                lines += [f"{file.stem}: {line}" for line in _read_tail(file)]
        controller = self._cluster.controller if self._cluster is not None else None
        if controller is not None and not controller.running:
            lines += [f"controller: {line}" for line in (controller.get_output() or "").splitlines()[-LOG_LINES:]]
        return lines[-2 * LOG_LINES :]

    async def stop(self) -> None:
        """End engines and controller, and remove the cluster's files. Raises HubRefused: try again."""
        self._stopping = True
        if self._starting is not None and not self._starting.done():
            self._starting.cancel()
            await asyncio.wait({self._starting})
        try:
            async with self._ending:
                await self._end_processes()
        finally:
            self._stopping = False
        remove_files(self._place.profile(self.order.profile), self.folder, self.order.name)

    async def abandon(self) -> None:
        """The server ends, and has no time to ask anybody: the hub ends jobs, the next server removes files."""
        if self._starting is not None:
            self._starting.cancel()
        if self._cluster is None:
            return
        self._cluster.shutdown_atexit = False
        local = list(self._cluster.engines.values()) if self.order.kind is not Kind.SLURM else []
        for process in (self._cluster.controller, *local):
            if process is not None and process.running:
                process.signal(SIGTERM)

    async def _end_processes(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await asyncio.to_thread(client.close)
        if self._cluster is None:
            return
        for engines in list(self._cluster.engines):
            await self._cluster.stop_engines(engines)
        controller = self._cluster.controller
        if controller is not None and controller.running:
            controller.signal(SIGTERM)
            with suppress(TimeoutError):
                await asyncio.to_thread(controller._wait_thread.join, CONTROLLER_END_S)
        if not self.error:
            await self._cluster.stop_controller()


def remove_files(profile: Path, folder: Path, name: str) -> None:
    """Remove what a cluster has left in its profile: connection files, ipyparallel's note, its own folder."""
    connection = f"ipcontroller-{name}" if name else "ipcontroller"
    for file in (f"{connection}-client.json", f"{connection}-engine.json", f"cluster-{name}.json"):
        (profile / "security" / file).unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)


def read_note(folder: Path) -> Mapping[str, Any] | None:
    """The note in a cluster's folder, or None when it is no such folder."""
    try:
        note = json.loads((folder / NOTE).read_text())
    except (OSError, ValueError):
        return None
    return note if isinstance(note, dict) and {"job", "name"} <= set(note) else None


def _read_tail(file: Path) -> list[str]:
    with file.open("rb") as stream:
        stream.seek(max(0, os.fstat(stream.fileno()).st_size - 8192))
        return stream.read().decode(errors="replace").splitlines()[-LOG_LINES:]
