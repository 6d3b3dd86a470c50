"""Both kinds of environment on a small real base: made, broken in every known way, mended, exported, made again."""

from __future__ import annotations

import os
import subprocess
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from tests.contract.environments.breakages import BREAKAGES, Breakage, find_packages, install_by_hand

from neuronhub.environments.bases import read_active
from neuronhub.environments.conda.transaction import install_packages
from neuronhub.environments.diagnosis import read_status
from neuronhub.environments.full import read_base_records
from neuronhub.environments.layout import Kind, Layout
from neuronhub.environments.operations import ensure_environment, repair_environment, reset_environment
from neuronhub.environments.packages import KERNEL_MODULES, UNFINISHED
from neuronhub.environments.removal import remove_tree
from neuronhub.environments.transfer import export_environment, import_environment, rebuild_environment
from neuronhub.environments.types import Action, Condition, Progress
from neuronhub.errors import ConflictingState, EnvironmentFailed, PackagesNotFound

pytestmark = pytest.mark.contract

DO: dict[Action, Callable[[Layout, Callable[[Progress], None]], object]] = {
    Action.REPAIR: repair_environment,
    Action.RESET: reset_environment,
}
KINDS: tuple[Kind, ...] = ("layered", "full")
CASES = [
    pytest.param(kind, breakage, id=f"{kind}, {breakage.name}")
    for kind in KINDS
    for breakage in BREAKAGES
    if kind in breakage.kinds
]


def ignore(_progress: Progress) -> None:
    pass


@pytest.fixture(autouse=True)
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """pip knows one package, and no index."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    write_wheel(folder, "own", "1.0")
    write_wheel(folder, "comm", "99")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def write_wheel(folder: Path, name: str, version: str) -> None:
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}/__init__.py": "def say():\n    print('own', __file__)\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": f"[console_scripts]\n{name} = {name}:say\n",
    }
    record = "".join(f"{place},,\n" for place in (*files, f"{info}/RECORD"))
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        for place, text in {**files, f"{info}/RECORD": record}.items():
            wheel.writestr(place, text)


@pytest.fixture(scope="module")
def conda(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's folder; the package cache in it serves all tests, as it serves all environments of a user."""
    return tmp_path_factory.mktemp("alice") / ".conda"


@pytest.fixture
def layouts(conda: Path, mini_bases: Path, channel: Path) -> Iterator[dict[Kind, Layout]]:
    found = {kind: Layout(conda, mini_bases, kind, (channel.as_uri(),), {}, None) for kind in KINDS}
    yield found
    remove_tree(conda / "envs")


def run(layout: Layout, *argv: str) -> str:
    command = [str(layout.prefix / "bin" / argv[0]), *argv[1:]]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout.strip()


@pytest.mark.parametrize("kind", KINDS)
def test_new_environment_is_ready(layouts: dict[Kind, Layout], kind: Kind) -> None:
    layout = layouts[kind]
    told: list[Progress] = []
    assert ensure_environment(layout, told.append)
    status = read_status(layout)
    assert (status.condition, status.kind, status.problems, status.packages) == (Condition.READY, kind, (), ())
    assert run(layout, "python", "-c", "import sys; print(sys.prefix)") == str(layout.prefix)
    assert told[-1].done == 1.0


@pytest.mark.parametrize(("kind", "breakage"), CASES)
def test_broken_environment_is_mended_by_what_is_named(
    layouts: dict[Kind, Layout], kind: Kind, breakage: Breakage
) -> None:
    layout = layouts[kind]
    base = read_active(layout.bases)
    ensure_environment(layout, ignore)
    install_by_hand(find_packages(layout, base), "own", "1.0", "own", "")
    breakage.do(layout, base)
    problem = read_status(layout).problems[0]
    assert (problem.code, problem.remedy) == (breakage.code, breakage.remedy)
    DO[problem.remedy](layout, ignore)
    status = read_status(layout)
    assert (status.condition, status.problems) == (Condition.READY, ())
    assert [package.name for package in status.packages] == (["own"] if breakage.remedy is Action.REPAIR else [])
    assert os.listdir(layout.envs) == ["notebook"]


@pytest.mark.parametrize("kind", KINDS)
def test_export_and_import_give_the_same_again(layouts: dict[Kind, Layout], kind: Kind) -> None:  # P4
    layout = layouts[kind]
    ensure_environment(layout, ignore)
    install_packages(layout, layout.prefix, ["toolz"], ignore)
    run(layout, "python", "-m", "pip", "install", "-q", "--root-user-action=ignore", "own")
    text = export_environment(layout)
    packages = read_status(layout).packages

    document = yaml.safe_load(text)
    assert document["name"] == "notebook"
    assert {"pip": ["own==1.0"]} in document["dependencies"]
    assert any(isinstance(spec, str) and spec.startswith("toolz=") for spec in document["dependencies"])
    assert any(isinstance(spec, str) and spec.startswith("python=3.") for spec in document["dependencies"])

    reset_environment(layout, ignore)
    assert read_status(layout).packages == ()
    told: list[Progress] = []
    import_environment(layout, text, told.append)
    status = read_status(layout)
    assert (status.condition, status.problems) == (Condition.READY, ())
    assert [(one.name, one.version, one.installer) for one in status.packages] == [
        (one.name, one.version, one.installer) for one in packages
    ]
    assert export_environment(layout) == text
    assert run(layout, "own") == f"own {find_packages(layout, read_active(layout.bases))}/own/__init__.py"
    assert run(layout, "python", "-c", "import toolz; print(toolz.identity('there'))") == "there"
    assert os.listdir(layout.envs) == ["notebook"]


@pytest.mark.parametrize("kind", KINDS)
def test_file_of_the_one_kind_makes_the_other(layouts: dict[Kind, Layout], kind: Kind) -> None:
    (other,) = set(KINDS) - {kind}
    ensure_environment(layouts[kind], ignore)
    install_packages(layouts[kind], layouts[kind].prefix, ["toolz"], ignore)
    import_environment(layouts[other], export_environment(layouts[kind]), ignore)
    status = read_status(layouts[other])
    assert (status.kind, status.condition, status.problems) == (other, Condition.READY, ())
    assert [package.name for package in status.packages] == ["toolz"]


def test_file_of_conda_with_builds_and_another_python(layouts: dict[Kind, Layout]) -> None:
    layout = layouts["layered"]
    told: list[Progress] = []
    text = """
name: somewhere
channels: [conda-forge]
dependencies:
  - python=3.99.1=hab00c5b_0_cpython
  - numpy
  - toolz=1.2.0=pyhd8ed1ab_0
  - pip=24.0=pyhd8ed1ab_1
  - pip:
    - own
prefix: /home/alice/miniconda3/envs/somewhere
"""
    with pytest.raises(EnvironmentFailed, match="pip"):  # the channel has another version of it
        import_environment(layout, text, ignore)
    assert read_status(layout).condition is Condition.MISSING
    import_environment(layout, text.replace("pip=24.0=pyhd8ed1ab_1", "pip"), told.append)
    assert [package.name for package in read_status(layout).packages] == ["own", "toolz"]
    assert any("3.99.1" in progress.step for progress in told)


@pytest.mark.parametrize(
    ("kind", "text", "error", "words"),
    [
        ("layered", "dependencies:\n- numpy;\n", ConflictingState, "Line 2"),
        ("layered", "dependencies:\n- no-such-package\n", PackagesNotFound, "no-such-package"),
        ("full", "dependencies:\n- no-such-package\n", PackagesNotFound, "no-such-package"),
        ("layered", "dependencies:\n- pip:\n  - no-such-package==1\n", PackagesNotFound, "no-such-package==1"),
        ("full", "dependencies:\n- pip:\n  - no-such-package==1\n", PackagesNotFound, "no-such-package==1"),
        ("layered", "dependencies:\n- pip:\n  - ./no-such-1.0-py3-none-any.whl\n", EnvironmentFailed, "no-such-1.0"),
        ("layered", "dependencies:\n- pip:\n  - --no-such-option\n", EnvironmentFailed, "no-such-option"),
        ("layered", "dependencies:\n- pip:\n  - comm==99\n", ConflictingState, "would not start: .*comm"),
    ],
)
def test_import_that_fails_leaves_the_old_one(
    layouts: dict[Kind, Layout], kind: Kind, text: str, error: type[Exception], words: str
) -> None:
    layout = layouts[kind]
    ensure_environment(layout, ignore)
    install_by_hand(find_packages(layout, read_active(layout.bases)), "own", "1.0", "own", "")
    before = os.stat(layout.prefix).st_ino
    with pytest.raises(error, match=words):
        import_environment(layout, text, ignore)
    assert os.stat(layout.prefix).st_ino == before
    assert [package.name for package in read_status(layout).packages] == ["own"]
    assert os.listdir(layout.envs) == ["notebook"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("damage", ["file gone", "record cut off", "interrupted"])
def test_packages_of_conda_are_mended(layouts: dict[Kind, Layout], kind: Kind, damage: str) -> None:
    layout = layouts[kind]
    ensure_environment(layout, ignore)
    install_packages(layout, layout.prefix, ["toolz", "idna"], ignore)
    packages = find_packages(layout, read_active(layout.bases))
    (record,) = (layout.prefix / "conda-meta").glob("idna-*.json")
    if damage == "record cut off":
        record.write_text(record.read_text(encoding="utf-8")[:50], encoding="utf-8")
        assert [problem.code for problem in read_status(layout).problems] == ["records"]
    else:
        (packages / "toolz" / "__init__.py").unlink()
    if damage == "interrupted":
        (layout.prefix / UNFINISHED).write_text('{"packages": ["toolz"], "arriving": []}', encoding="utf-8")
        assert [problem.code for problem in read_status(layout).problems] == ["unfinished"]
    repair_environment(layout, ignore)
    assert read_status(layout).problems == ()
    assert run(layout, "python", "-c", "import toolz; print(toolz.identity('there'))") == "there"
    install_packages(layout, layout.prefix, ["idna"], ignore)  # conda works


@pytest.mark.parametrize("kind", KINDS)
def test_rebuild_keeps_the_users_packages_but_not_those_that_hide_the_kernels(
    layouts: dict[Kind, Layout], kind: Kind, wheels: Path
) -> None:
    layout = layouts[kind]
    ensure_environment(layout, ignore)
    packages = find_packages(layout, read_active(layout.bases))
    for name in ("own", "traitlets"):
        install_by_hand(packages, name, "1.0", name, "")
    rebuild_environment(layout, ignore)
    assert [package.name for package in read_status(layout).packages] == ["own"]
    (wheels / "own-1.0-py3-none-any.whl").unlink()
    with pytest.raises(PackagesNotFound, match="neuronhub env reset"):
        rebuild_environment(layout, ignore)
    assert [package.name for package in read_status(layout).packages] == ["own"]


def test_editable_package_is_named_in_a_comment(layouts: dict[Kind, Layout], tmp_path: Path) -> None:
    layout = layouts["layered"]
    ensure_environment(layout, ignore)
    packages = find_packages(layout, read_active(layout.bases))
    install_by_hand(packages, "project", "1.0", "project", "")
    url = f'{{"url": "file://{tmp_path}/project", "dir_info": {{"editable": true}}}}'
    (packages / "project-1.0.dist-info" / "direct_url.json").write_text(url, encoding="utf-8")
    text = export_environment(layout)
    assert f"# Not in this file: project 1.0 (file://{tmp_path}/project)" in text
    assert "project" not in str(yaml.safe_load(text)["dependencies"])


def test_nothing_to_export(layouts: dict[Kind, Layout]) -> None:
    with pytest.raises(EnvironmentFailed, match="neuronhub env create"):
        export_environment(layouts["layered"])


def test_broken_environment_can_be_exported(layouts: dict[Kind, Layout]) -> None:
    layout = layouts["layered"]
    ensure_environment(layout, ignore)
    install_by_hand(find_packages(layout, read_active(layout.bases)), "own", "1.0", "own", "")
    (layout.prefix / "conda-meta" / "neuronhub").unlink()
    assert {"pip": ["own==1.0"]} in yaml.safe_load(export_environment(layout))["dependencies"]


def test_every_package_that_the_kernel_needs_is_known(mini_bases: Path) -> None:
    records = {record.name.normalized: record for record in read_base_records(read_active(mini_bases))}
    needed, stack = set(), ["ipykernel"]
    while stack:
        name = stack.pop()
        if name in records and name not in needed:
            needed.add(name)
            stack += [depend.split()[0] for depend in records[name].depends]
    assert needed - {"python", "tzdata"} <= set(KERNEL_MODULES)
    packages = read_active(mini_bases).site_packages
    for name in needed & set(KERNEL_MODULES):
        assert any((packages / module).exists() for module in KERNEL_MODULES[name]), name


def test_full_environment_shares_files_with_its_cache(layouts: dict[Kind, Layout]) -> None:
    layout = layouts["full"]
    ensure_environment(layout, ignore)
    place = find_packages(layout, read_active(layout.bases)) / "ipykernel" / "kernelapp.py"
    assert place.stat().st_nlink > 1
