"""What a page may ask for, and what is cleared away after a server that could not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from neuronhub.workbench.clusters.clusters import Clusters
from neuronhub.workbench.clusters.order import ClusterOrder, Kind, OrderRefused, find_profiles, parse_order
from neuronhub.workbench.clusters.running import Place

PROFILES = ["slurm", "local", "mpi"]
ASKED = {"profile": "slurm", "engines": 4, "nodes": 2, "queue": "gpu", "time_limit": "1:00:00", "name": "second"} | {
    "account": "lab-a"
}


def make_cluster_files(ipython: Path, digits: str, job: str, name: str = "") -> tuple[Path, list[Path]]:
    """The cluster's folder, and the files that ipyparallel has left beside it."""
    profile = ipython / "profile_slurm"
    folder = profile / "clusters" / digits
    folder.mkdir(parents=True)
    (profile / "security").mkdir(exist_ok=True)
    (folder / "cluster.json").write_text(json.dumps({"job": job, "name": name}))
    connection = f"ipcontroller-{name}" if name else "ipcontroller"
    names = (f"{connection}-client.json", f"{connection}-engine.json", f"cluster-{name}.json")
    files = [profile / "security" / file for file in names]
    for file in files:
        file.write_text("{}")
    return folder, files


def test_X4_engines_nodes_and_queue_are_read() -> None:
    order = parse_order(ASKED, PROFILES)
    assert order == ClusterOrder("slurm", 4, 2, "gpu", "1:00:00", "second", "lab-a")
    assert [ClusterOrder(profile, 1).kind for profile in PROFILES] == [Kind.SLURM, Kind.LOCAL, Kind.OWN]
    assert parse_order({"profile": "local", "engines": 2}, PROFILES).nodes == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"engines": 0}, "1 to 4096 engines"),
        ({"engines": 10**9}, "1 to 4096 engines"),
        ({"engines": "4"}, "“engines”"),
        ({"engines": True}, "“engines”"),
        ({"nodes": 5}, "1 to 4 nodes"),
        ({"nodes": 0}, "1 to 4 nodes"),
        ({"queue": ""}, "Choose a queue"),
        ({"profile": "../x"}, "no profile"),
        ({"name": "a/b"}, "letters, digits"),
        ({"name": "x" * 33}, "letters, digits"),
        ({"shell": "rm"}, "asked for by"),
    ],
)
def test_anything_else_is_refused_with_what_to_ask_for(change: dict[str, Any], words: str) -> None:
    with pytest.raises(OrderRefused, match=words):
        parse_order(ASKED | change, PROFILES)
    with pytest.raises(OrderRefused, match="asked for by"):
        parse_order([ASKED], PROFILES)


def test_profiles_of_the_user_come_after_ours(tmp_path: Path) -> None:
    for name in ("mpi", "slurm", "default"):
        (tmp_path / f"profile_{name}").mkdir()
    for name in ("mpi", "slurm"):
        (tmp_path / f"profile_{name}" / "ipcluster_config.py").touch()
    assert find_profiles(tmp_path) == ["slurm", "local", "mpi"]
    assert find_profiles(tmp_path / "missing") == ["slurm", "local"]


def test_what_an_earlier_server_has_left_is_cleared_away(tmp_path: Path) -> None:
    stale, stale_files = make_cluster_files(tmp_path, "00000001", job="41")
    named, named_files = make_cluster_files(tmp_path, "00000002", job="41", name="second")
    mine, my_files = make_cluster_files(tmp_path, "00000003", job="42", name="third")
    strange = tmp_path / "profile_slurm" / "clusters" / "results"
    strange.mkdir()
    (strange / "cluster.json").write_text(json.dumps({"job": "41", "name": ""}))
    Clusters(Place(Path("/x/python"), "127.0.2.1", tmp_path, "42")).clear_up()
    assert not any(path.exists() for path in (stale, named, *stale_files, *named_files))
    assert all(path.exists() for path in (mine, strange, *my_files))


def test_a_broken_note_is_nobodys(tmp_path: Path) -> None:
    folder, files = make_cluster_files(tmp_path, "00000001", job="41")
    for text in ("", "[]", '{"job": "41"}', "\0"):
        (folder / "cluster.json").write_text(text)
        Clusters(Place(Path("/x/python"), "127.0.2.1", tmp_path, "42")).clear_up()
    assert folder.exists()
    assert all(file.exists() for file in files)
