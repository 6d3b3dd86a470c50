"""The layered environment on a real base: pip and Python see it as it should be, and disks that fail break nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.contract.environments.breakages import find_packages, install_by_hand
from tests.unit.environments.trees import list_beside, take_snapshot
from tests.unit.environments.wheels import make_wheel

from neuronhub.environments.bases import read_active
from neuronhub.environments.diagnosis import read_status
from neuronhub.environments.layout import Layout
from neuronhub.environments.operations import ensure_environment, repair_environment, reset_environment
from neuronhub.environments.types import Condition, Progress

pytestmark = pytest.mark.contract

CHECKOUT = Path(__file__).parents[3]
KERNEL = "share/jupyter/kernels/python3/kernel.json"


def ignore(_progress: Progress) -> None:
    pass


@pytest.fixture
def layout(tmp_path: Path, mini_bases: Path) -> Layout:
    (tmp_path / "alice").mkdir()
    return Layout(tmp_path / "alice" / ".conda", mini_bases, "layered", ("none",), {}, None)


@pytest.fixture
def made(layout: Layout) -> Layout:
    ensure_environment(layout, ignore)
    return layout


def run(layout: Layout, command: str, *words: str | Path) -> str:
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(layout.conda.parent), "PIP_NO_INDEX": "1"}
    argv = [layout.prefix / "bin" / command, *words]
    done = subprocess.run(argv, env=environment, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def list_own(layout: Layout) -> dict[str, str]:
    return {package.name: package.version for package in read_status(layout).packages}


def test_a_new_one_is_ready(made: Layout) -> None:
    status = read_status(made)
    assert (status.condition, status.problems, status.packages) == (Condition.READY, (), ())


@pytest.mark.parametrize("pip", [("pip",), ("pip3",), ("python", "-m", "pip")])
def test_pip_does_all_on_top_of_the_base_and_nothing_in_it(made: Layout, tmp_path: Path, pip: tuple[str, ...]) -> None:
    base = read_active(made.bases)
    before = take_snapshot(base.path)
    files = {f"ipykernel-99.0.data/data/{KERNEL}": "{}", "ipykernel-99.0.data/data/share/new/file": ""}
    wheels = [
        make_wheel(tmp_path, "own", entry_points="[console_scripts]\nown=sys:exit\n"),
        make_wheel(tmp_path, "packaging", "99.0"),
        make_wheel(tmp_path, "ipykernel", "99.0", files=files, entry_points="[console_scripts]\npip9=sys:exit\n"),
    ]
    run(made, *pip, "install", "--no-deps", *wheels)
    listed = {package["name"]: package["version"] for package in json.loads(run(made, *pip, "list", "--format=json"))}
    assert (listed["own"], listed["packaging"], listed["ipykernel"]) == ("1.0", "99.0", "99.0")
    assert "numpy" in listed
    assert list_own(made) == {"own": "1.0", "packaging": "99.0", "ipykernel": "99.0"}
    assert run(made, "python", "-c", "import packaging, own; print(packaging.__version__)") == "99.0"
    run(made, "own")

    run(made, *pip, "uninstall", "-y", "own", "packaging", "ipykernel", "numpy")
    assert list_own(made) == {}
    code = "import packaging, ipykernel, numpy; print(packaging.__version__ != '99.0')"
    assert run(made, "python", "-c", code) == "True"
    assert take_snapshot(base.path) == before


def test_repair_takes_a_broken_kernel_away_and_keeps_the_rest(made: Layout, tmp_path: Path) -> None:
    run(made, "pip", "install", "--no-deps", make_wheel(tmp_path, "own"))
    install_by_hand(find_packages(made, read_active(made.bases)), "tornado", "2.0", "tornado", "raise ImportError\n")
    assert read_status(made).condition is Condition.BROKEN
    repair_environment(made, ignore)
    status = read_status(made)
    assert (status.condition, status.problems) == (Condition.READY, ())
    assert list_own(made) == {"own": "1.0"}


def test_repair_makes_anew_what_has_got_a_python_of_its_own(
    made: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_wheel(tmp_path, "own")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    run(made, "pip", "install", "--find-links", tmp_path, "own")
    python = find_packages(made, read_active(made.bases)).parent / "os.py"
    python.touch()
    repair_environment(made, ignore)
    assert list_own(made) == {"own": "1.0"}
    assert not python.exists()
    run(made, "python", "-c", "import own")


def test_python_knows_where_things_belong(made: Layout) -> None:
    base = read_active(made.bases)
    code = "import sysconfig, json; print(json.dumps(sysconfig.get_paths()))"
    paths = json.loads(run(made, "python", "-c", code))
    assert {name: Path(paths[name]) for name in ("purelib", "platlib", "scripts", "data")} == {
        "purelib": made.prefix / base.site_packages.relative_to(base.path),
        "platlib": made.prefix / base.site_packages.relative_to(base.path),
        "scripts": made.prefix / "bin",
        "data": made.prefix,
    }
    assert Path(paths["include"]).is_relative_to(base.path)


def test_the_checkouts_own_base_needs_few_inodes(tmp_path: Path) -> None:
    (tmp_path / "alice").mkdir()
    layout = Layout(tmp_path / "alice" / ".conda", CHECKOUT / ".bases", "layered", ("none",), {}, None)
    ensure_environment(layout, ignore)
    assert sum(len(folders) + len(files) for _place, folders, files in os.walk(layout.conda)) < 300


def run_on_small_disk(layout: Layout, options: str, code: str) -> str:
    """Run ``code`` where the user's place is a file system of its own, which only it sees."""
    place = layout.conda.parent
    script = 'mount -t tmpfs -o "$1" tmpfs "$2" && exec "$3" -c "$4" "$5"'
    argv = ["unshare", "--mount", "sh", "-c", script, "sh", options, str(place), sys.executable]
    prelude = (
        "import sys, os; from pathlib import Path; from neuronhub.environments.operations import *\n"
        "from neuronhub.environments.layout import Layout; from neuronhub.errors import *\n"
        "from tests.unit.environments.trees import *\n"
        "layout = Layout.from_json(eval(sys.argv[1])); ignore = lambda progress: None\n"
    )
    done = subprocess.run(
        [*argv, prelude + code, repr(layout.to_json())], cwd=CHECKOUT, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("spare", [0, 1, 5, 20])
def test_a_full_disk_leaves_the_old_one(layout: Layout, spare: int) -> None:
    code = f"""
ensure_environment(layout, ignore)
before = take_snapshot(layout.conda)
made = sum(len(folders) + len(files) for _, folders, files in os.walk(layout.prefix))
os.system(f"mount -o remount,nr_inodes={{made + 6 + {spare}}} {{layout.conda.parent}}")
try:
    reset_environment(layout, ignore)
except NoRoom as error:
    print(error)
assert take_snapshot(layout.conda) == before
"""
    assert "There is no room left" in run_on_small_disk(layout, "nr_inodes=1000", code)


def test_a_full_disk_gives_none_to_a_new_user(layout: Layout) -> None:
    code = """
try:
    ensure_environment(layout, ignore)
except NoRoom as error:
    print(error)
assert not layout.prefix.exists() and list_beside(layout) == []
"""
    assert "There is no room left" in run_on_small_disk(layout, "nr_inodes=12", code)


def test_a_file_system_at_its_place_is_refused(layout: Layout) -> None:
    code = """
layout.prefix.mkdir(parents=True)
os.system(f"mount -t tmpfs tmpfs {layout.prefix}")
(layout.prefix / "data").touch()
for operation in (reset_environment, repair_environment):
    try:
        operation(layout, ignore)
    except ConflictingState as error:
        print(error)
assert (layout.prefix / "data").exists()
"""
    assert run_on_small_disk(layout, "size=1m", code).count("file system of its own") == 2


def test_a_file_system_inside_it_is_not_entered(layout: Layout) -> None:
    code = """
ensure_environment(layout, ignore)
inside = layout.prefix / "inside"
inside.mkdir()
os.system(f"mount -t tmpfs tmpfs {inside}")
(inside / "data").touch()
shown = layout.conda.parent / "shown"
shown.mkdir()
os.system(f"mount --bind {inside} {shown}")
reset_environment(layout, ignore)
assert (shown / "data").exists()
print(sorted(os.listdir(layout.prefix)))
"""
    assert "inside" not in run_on_small_disk(layout, "size=9m", code)


def test_reset_leaves_nothing_beside_it(made: Layout) -> None:
    reset_environment(made, ignore)
    assert list_beside(made) == []
