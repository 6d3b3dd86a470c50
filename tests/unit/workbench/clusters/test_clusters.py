"""The clusters of one server: names that are taken, what has failed, and what an earlier server has left."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from neuronhub.workbench.clusters.clusters import Clusters
from neuronhub.workbench.clusters.order import ClusterOrder, OrderRefused
from neuronhub.workbench.clusters.running import NOTE, Place, RunningCluster

ORDER = ClusterOrder("slurm", 2, 1, "jupyter")


@pytest.fixture
def clusters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Clusters:
    """Of a server with job 7; what is started only leaves its connection file."""

    def begin(self: RunningCluster) -> None:
        write(tmp_path, self.id, "7", self.order.name)

    monkeypatch.setattr(RunningCluster, "begin", begin)
    return Clusters(Place(Path("/env/bin/python"), "127.0.0.1", tmp_path, "7"))


def write(ipython: Path, cluster: str, job: str, name: str) -> Path:
    """The files of a cluster; returns the client's connection file."""
    profile = ipython / "profile_slurm"
    folder = profile / "clusters" / cluster
    folder.mkdir(parents=True)
    (folder / NOTE).write_text(json.dumps({"job": job, "name": name}))
    (profile / "security").mkdir(exist_ok=True)
    file = profile / "security" / f"ipcontroller{'-' if name else ''}{name}-client.json"
    file.write_text("{}")
    return file


async def test_a_name_is_taken_once_however_often_it_is_asked_for(clusters: Clusters) -> None:
    outcomes = await asyncio.gather(*(clusters.start(ORDER) for _ in range(3)), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [RunningCluster, OrderRefused, OrderRefused]
    await clusters.start(ClusterOrder("slurm", 2, 1, "jupyter", name="second"))


async def test_a_cluster_that_has_failed_makes_way(clusters: Clusters) -> None:
    failed = await clusters.start(ORDER)
    failed.error = "The queue is closed."
    again = await clusters.start(ORDER)
    assert clusters.get(failed.id) is None
    assert clusters.get(again.id) is again
    assert not failed.folder.exists()


async def test_what_an_earlier_server_has_left_goes_before_the_first_start(clusters: Clusters, tmp_path: Path) -> None:
    left = write(tmp_path, "0ddba115", "6", "other")
    same_name = write(tmp_path, "0ddba116", "6", "")
    started = await clusters.start(ORDER)
    assert not left.exists()
    assert same_name.exists(), "the new cluster's own"
    assert [folder.name for folder in (tmp_path / "profile_slurm" / "clusters").iterdir()] == [started.id]


async def test_the_same_cluster_stopped_twice_at_once_ends_once(clusters: Clusters) -> None:
    cluster = await clusters.start(ORDER)
    ended: list[str] = []

    class Slow:
        """ipyparallel's Cluster with one set of engines."""

        def __init__(self) -> None:
            self.controller: Any = None
            self.engines = {"set": ""}

        async def stop_engines(self, engines: str) -> None:
            await asyncio.sleep(0.01)
            ended.append(engines)
            self.engines.pop(engines)

        async def stop_controller(self) -> None:
            """There is none."""

    cluster._cluster = Slow()
    await asyncio.gather(clusters.stop(cluster), clusters.stop(cluster))
    assert ended == ["set"]
    assert clusters.get(cluster.id) is None
