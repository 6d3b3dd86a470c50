"""The IPython clusters of one Jupyter server. In the server's process."""

from __future__ import annotations

import asyncio
import re
import secrets
from typing import Any

from neuronhub.language import translate as _
from neuronhub.workbench.clusters.order import ClusterOrder, Kind, OrderRefused, find_profiles
from neuronhub.workbench.clusters.running import Place, RunningCluster, read_note, remove_files
from neuronhub.workbench.hub import HubRefused, describe_engines

_ID = re.compile(r"[0-9a-f]{8}")


class Clusters:
    """Those started from this server's pages; those of an earlier server are cleared away."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.problem = ""
        """Why the hub's word on the jobs is missing, or ''."""
        self._running: dict[str, RunningCluster] = {}
        self._clearing: asyncio.Task[None] | None = None
        self._order = asyncio.Lock()

    async def describe(self) -> dict[str, Any]:
        """``{"profiles": [...], "clusters": [...], "problem": SENTENCE}``."""
        await self._clear_up_once()
        jobs = await self._fetch_jobs()
        return {
            "profiles": await asyncio.to_thread(find_profiles, self.place.ipython),
            "clusters": [cluster.describe(jobs.get(cluster.id, [])) for cluster in self._running.values()],
            "problem": self.problem,
        }

    async def _fetch_jobs(self) -> dict[str, list[dict[str, Any]]]:
        self.problem = ""
        if not any(cluster.order.kind is Kind.SLURM for cluster in self._running.values()):
            return {}
        try:
            answer = await asyncio.to_thread(describe_engines)
        except HubRefused as error:
            self.problem = str(error)
            return {}
        return {cluster: told["jobs"] for cluster, told in answer.items()}

    async def start(self, order: ClusterOrder) -> RunningCluster:
        """Begin a cluster; one of this name that has failed makes way. Raises OrderRefused, HubRefused."""
        async with self._order:
            await self._clear_up_once()
            for cluster in list(self._running.values()):
                if (cluster.order.profile, cluster.order.name) != (order.profile, order.name):
                    continue
                if not cluster.error:
                    raise OrderRefused(
                        _("A cluster of this profile and name is there already. Stop it, or give a name.")
                    )
                await self.stop(cluster)
            cluster = RunningCluster(secrets.token_hex(4), order, self.place)
            self._running[cluster.id] = cluster
            cluster.begin()
            return cluster

    async def _clear_up_once(self) -> None:
        if self._clearing is None:
            self._clearing = asyncio.create_task(asyncio.to_thread(self.clear_up))
        await asyncio.shield(self._clearing)

    def get(self, cluster_id: str) -> RunningCluster | None:
        """The one with this id."""
        return self._running.get(cluster_id)

    async def stop(self, cluster: RunningCluster) -> None:
        """End it and forget it; the same twice at once is fine. Raises HubRefused."""
        await cluster.stop()
        self._running.pop(cluster.id, None)

    async def close(self) -> None:
        """End controllers and local engines, which are processes of this server, and forget all."""
        await asyncio.gather(*(cluster.abandon() for cluster in self._running.values()))
        self._running.clear()

    def clear_up(self) -> None:
        """Remove the files of clusters whose server is gone: the hub has ended their engines with it."""
        for folder in self.place.ipython.glob("profile_*/clusters/*"):
            note = read_note(folder) if _ID.fullmatch(folder.name) else None
            if note is not None and note["job"] != self.place.job:
                remove_files(folder.parent.parent, folder, str(note["name"]))
