from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from tests.contract.environments.breakages import install_by_hand
from tests.unit.environments.handmade import make_base

from neuronhub.environments.bases import Base, read_base
from neuronhub.environments.packages import (
    FIRST_STATE,
    find_shadowing,
    find_site_packages,
    list_shadowing_paths,
    read_inventory,
)
from neuronhub.environments.types import Package


@pytest.fixture
def prefix(tmp_path: Path) -> Path:
    folder = tmp_path / "env"
    for part in ("conda-meta", "lib/python3.11/site-packages"):
        (folder / part).mkdir(parents=True)
    return folder


@pytest.fixture
def packages(prefix: Path) -> Path:
    return prefix / "lib/python3.11/site-packages"


def write_record(prefix: Path, name: str, version: str, files: dict[str, int], **more: object) -> Path:
    path = prefix / "conda-meta" / f"{name}-{version}-0.json"
    paths = [{"_path": file, "size_in_bytes": size} for file, size in files.items()]
    record = {"name": name, "version": version, "files": list(files), "paths_data": {"paths": paths}, **more}
    path.write_text(json.dumps(record), encoding="utf-8")
    return path


def test_empty_environment_has_no_packages(prefix: Path, tmp_path: Path) -> None:
    assert read_inventory(prefix, "3.11.2").packages == ()
    assert read_inventory(tmp_path / "none", "").packages == ()


def test_packages_of_pip_and_conda_by_name(prefix: Path, packages: Path) -> None:
    install_by_hand(packages, "Zeta_Two", "1.0+cu121", "zeta", "code")
    files = {"lib/python3.11/site-packages/beta-2.dist-info/METADATA": 10, "bin/beta": 32}
    write_record(prefix, "beta", "2", files)
    install_by_hand(packages, "beta", "2", "beta", "")  # its metadata belong to conda's record
    inventory = read_inventory(prefix, "3.11.2")
    assert [(one.name, one.version, one.installer) for one in inventory.packages] == [
        ("beta", "2", "conda"),
        ("Zeta_Two", "1.0+cu121", "pip"),
    ]
    assert inventory.packages[0].size_bytes == 42
    assert inventory.packages[1].size_bytes > len("code")
    assert inventory.unreadable == ()


def test_first_state_of_a_full_environment_is_not_the_users(prefix: Path) -> None:
    for name in ("numpy", "own"):
        write_record(prefix, name, "1", {})
    (prefix / FIRST_STATE).write_text("numpy-1-0\n", encoding="utf-8")
    assert [one.name for one in read_inventory(prefix, "3.11.2").packages] == ["own"]
    write_record(prefix, "numpy", "2", {})
    assert [(one.name, one.version) for one in read_inventory(prefix, "3.11.2").packages] == [
        ("numpy", "2"),
        ("own", "1"),
    ]


def test_half_removed_packages_do_not_count(packages: Path, prefix: Path) -> None:
    install_by_hand(packages, "numpy", "1", "numpy", "")
    (packages / "numpy-1.dist-info").rename(packages / "~umpy-1.dist-info")
    assert read_inventory(prefix, "3.11.2").packages == ()


@pytest.mark.parametrize(
    "change",
    [
        {"name": 3},
        {"name": "a/b"},
        {"name": "<b>"},
        {"version": ""},
        {"version": None},
        {"version": "1\n2"},
        {"files": None},
        {"files": 3},
    ],
)
def test_record_that_makes_no_sense_is_told_of(prefix: Path, change: dict[str, object]) -> None:
    path = write_record(prefix, "good", "1", {})
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}), encoding="utf-8")
    inventory = read_inventory(prefix, "3.11.2")
    assert inventory.packages == ()
    assert inventory.unreadable == (path,)


@pytest.mark.parametrize("data", [None, [], {"paths": 3}, {"paths": [3, {"size_in_bytes": "x"}]}])
def test_sizes_that_make_no_sense_are_not_counted(prefix: Path, data: object) -> None:
    write_record(prefix, "good", "1", {}, paths_data=data)
    assert read_inventory(prefix, "3.11.2").packages == (Package("good", "1", 0, "conda"),)


@pytest.mark.parametrize(
    "metadata", ["", "Name: x\n", "Version: 1\n", "\nName: x\nVersion: 1\n", "Name: a b\nVersion: 1"]
)
def test_metadata_that_make_no_sense_are_told_of(packages: Path, prefix: Path, metadata: str) -> None:
    install_by_hand(packages, "x", "1", "x", "")
    (packages / "x-1.dist-info" / "METADATA").write_text(metadata, encoding="utf-8")
    assert read_inventory(prefix, "3.11.2").unreadable == (packages / "x-1.dist-info",)


def test_sizes_in_a_record_of_pip(packages: Path, prefix: Path) -> None:
    install_by_hand(packages, "x", "1", "x", "")
    rows = ["x.py,sha256=abc,100", '"a,b.py",,20', "c.pyc,,", "d,,-5", "e,,²", "f,," + "9" * 50, "nonsense"]
    (packages / "x-1.dist-info" / "RECORD").write_text("\n".join(rows), encoding="utf-8")
    assert read_inventory(prefix, "3.11.2").packages == (Package("x", "1", 120, "pip"),)


def test_site_packages_of_the_newest_python(tmp_path: Path) -> None:
    for name in ("python3.9", "python3.11", "python3.x", "python4"):
        (tmp_path / "lib" / name).mkdir(parents=True)
    assert find_site_packages(tmp_path, "").parent.name == "python3.11"
    assert find_site_packages(tmp_path, "3.9.1").parent.name == "python3.9"


@pytest.fixture
def base(tmp_path: Path) -> Base:
    return make_base(tmp_path / "bases", "1")


def test_shadowing_is_found_and_its_removal_uncovers_the_base(prefix: Path, base: Base) -> None:
    packages = prefix / base.site_packages.relative_to(base.path)
    packages.mkdir(parents=True, exist_ok=True)
    install_by_hand(packages, "jupyter-client", "1.0", "jupyter_client", "")
    install_by_hand(packages, "numpy", "1.0", "numpy", "")
    (packages / "zmq").mkdir()  # with no metadata
    place = packages.relative_to(prefix)
    record = write_record(prefix, "tornado", "2", {f"{place}/tornado-2.dist-info/METADATA": 1})
    install_by_hand(packages, "tornado", "2", "tornado", "")
    found = find_shadowing(prefix, base)
    assert [(one.name, one.version, one.installer) for one in found] == [
        ("jupyter-client", "1.0", "pip"),
        ("pyzmq", "", "pip"),
        ("tornado", "2", "conda"),
    ]
    for path in list_shadowing_paths(prefix, base):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    assert not record.exists()
    assert find_shadowing(prefix, base) == ()
    assert [path.name for path in sorted(packages.iterdir())] == ["numpy", "numpy-1.0.dist-info"]


@pytest.mark.parametrize("name", ["tornado.py", "tornado.cpython-311-x86_64-linux-gnu.so"])
@pytest.mark.parametrize("known", [True, False])
def test_a_package_may_be_a_module_in_another_version(prefix: Path, base: Base, name: str, known: bool) -> None:
    packages = prefix / base.site_packages.relative_to(base.path)
    packages.mkdir(parents=True, exist_ok=True)
    if known:
        install_by_hand(packages, "tornado", "2", "tornado", "")
    (packages / name).touch()
    (packages / "tornado.pth").touch()
    assert [one.name for one in find_shadowing(prefix, base)] == ["tornado"]
    for path in list_shadowing_paths(prefix, base):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    assert [path.name for path in packages.iterdir()] == ["tornado.pth"]


def test_base_hides_nothing_of_itself(base: Base, prefix: Path) -> None:
    assert find_shadowing(prefix, read_base(base.path)) == ()
