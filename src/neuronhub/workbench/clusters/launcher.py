"""ipyparallel's launcher for engines that the hub submits to Slurm as jobs of their user, one for each node.

In the user's Jupyter server, and in kernels that load a cluster from its file (``ipyparallel.Cluster.from_file``).
"""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import Any

from ipyparallel.cluster.launcher import EngineLauncher, NotRunning
from traitlets import Integer, Unicode

from neuronhub.protocol import EnginesOrder
from neuronhub.workbench.hub import describe_engines, end_engines, order_engines

CONNECTION_FILE = "ipcontroller-engine.json"
"""In a cluster's folder; as the engines' program expects it."""


class HubEngineSetLauncher(EngineLauncher):  # type: ignore[misc]
    """One set of engines on nodes of a queue."""

    cluster = Unicode(help="Eight hexadecimal digits by which the hub knows the cluster").tag(to_dict=True)
    queue = Unicode(help="Queue of the jobs").tag(to_dict=True)
    time_limit = Unicode("", help="In Slurm's notation; empty is the queue's default").tag(to_dict=True)
    account = Unicode("", help="Slurm account that pays; empty is the server's own").tag(to_dict=True)
    nodes = Integer(1, help="The engines are spread evenly over so many nodes").tag(to_dict=True)
    python = Unicode(help="Python of the environment that the engines run in").tag(to_dict=True)
    folder = Unicode(help="The cluster's own folder, the same on all nodes").tag(to_dict=True)

    def find_args(self) -> list[str]:
        """What runs on a node, for ipyparallel's log."""
        return [self.python, "-m", "ipyparallel.engine"]

    async def start(self, n: int = 1) -> Any:
        """Have ``n`` engines submitted. Raises HubRefused."""
        self.n = n
        folder = Path(self.folder)
        beside = folder / f".{CONNECTION_FILE}"
        await asyncio.to_thread(shutil.copy, self.connection_files["engine"], beside)
        beside.chmod(0o600)
        beside.replace(folder / CONNECTION_FILE)
        order = EnginesOrder(
            cluster=self.cluster,
            queue=self.queue,
            time_limit=self.time_limit,
            nodes=self.nodes,
            engines=n,
            python=self.python,
            folder=self.folder,
            account=self.account,
        )
        return self.notify_start(await asyncio.to_thread(order_engines, order))

    async def stop(self) -> Any:
        """Have the jobs cancelled. Raises HubRefused."""
        await asyncio.to_thread(end_engines, self.cluster)
        return self.notify_stop({"exit_code": 0})

    def poll(self) -> int | None:
        """None while a job of the set may still run or wait, else its exit code. Raises HubRefused."""
        jobs = describe_engines().get(self.cluster, {}).get("jobs", [])
        if not all(job["ended"] for job in jobs):
            return None
        code = max((job["exit_code"] for job in jobs), default=0)
        self.notify_stop({"exit_code": code})
        return int(code)

    @classmethod
    def from_dict(cls, d: dict[str, Any], **kwargs: Any) -> HubEngineSetLauncher:
        """The set that ``to_dict`` told of. Raises NotRunning when the hub knows of no job of it any more."""
        launcher: HubEngineSetLauncher = super().from_dict(d, **kwargs)
        jobs = describe_engines().get(launcher.cluster, {}).get("jobs", [])
        if all(job["ended"] for job in jobs):
            raise NotRunning(f"cluster {launcher.cluster} has no engines any more")
        return launcher
