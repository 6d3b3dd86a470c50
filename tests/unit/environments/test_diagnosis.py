from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from tests.contract.environments.breakages import BREAKAGES, Breakage, find_packages, install_by_hand
from tests.unit.environments.handmade import activate, make_base, make_layout

from neuronhub.environments.bases import Base
from neuronhub.environments.diagnosis import read_status
from neuronhub.environments.layout import Layout
from neuronhub.environments.marker import PLACE
from neuronhub.environments.operations import ensure_environment
from neuronhub.environments.types import Action, Condition, Problem, Progress, Status

FOR_LAYERED = [pytest.param(breakage, id=breakage.name) for breakage in BREAKAGES if "layered" in breakage.kinds]


def ignore(_progress: Progress) -> None:
    pass


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return make_layout(tmp_path)


@pytest.fixture
def base(layout: Layout) -> Base:
    return make_base(layout.bases, "1")


@pytest.fixture
def made(layout: Layout, base: Base) -> Layout:
    ensure_environment(layout, ignore)
    return layout


def the_problem(status: Status) -> Problem:
    (problem,) = status.problems
    return problem


def test_nothing_is_missing(layout: Layout, base: Base) -> None:
    status = read_status(layout)
    assert status.condition is Condition.MISSING
    assert the_problem(status).remedy is Action.CREATE
    assert (status.kind, status.base, status.newest_base) == ("layered", "", "1")


def test_new_environment_is_ready(made: Layout, base: Base) -> None:
    status = read_status(made)
    assert (status.condition, status.problems, status.packages) == (Condition.READY, (), ())
    assert (status.kind, status.python, status.base, status.prefix) == ("layered", base.python, "1", str(made.prefix))


@pytest.mark.parametrize("breakage", FOR_LAYERED)
def test_breakages_are_found(made: Layout, base: Base, breakage: Breakage) -> None:
    breakage.do(made, base)
    status = read_status(made)
    assert status.condition is Condition.BROKEN
    assert (status.problems[0].code, status.problems[0].remedy) == (breakage.code, breakage.remedy)
    assert all(problem.text.strip() for problem in status.problems)


def test_base_that_is_gone(made: Layout) -> None:
    make_base(made.bases, "2")
    (made.bases / "1").rename(made.bases / "old")
    status = read_status(made)
    assert (status.condition, status.base, status.newest_base) == (Condition.BROKEN, "1", "2")
    assert (the_problem(status).code, the_problem(status).remedy) == ("base-gone", Action.REPAIR)


def test_newer_base_is_only_a_word(made: Layout) -> None:
    make_base(made.bases, "2")
    status = read_status(made)
    assert status.condition is Condition.READY
    assert (the_problem(status).code, the_problem(status).serious) == ("base-old", False)
    activate(made.bases, "1")
    assert read_status(made).problems == ()


def test_site_without_active_base(made: Layout) -> None:
    (made.bases / "current").unlink()
    status = read_status(made)
    assert (status.condition, status.newest_base) == (Condition.READY, "")


def test_kernel_package_that_works_is_only_a_word(made: Layout, base: Base) -> None:
    install_by_hand(find_packages(made, base), "traitlets", "5.0", "traitlets", "")
    status = read_status(made)
    assert status.condition is Condition.READY
    assert (the_problem(status).code, the_problem(status).serious) == ("shadowed", False)
    assert "traitlets 5.0" in the_problem(status).text


def test_broken_kernel_package_is_named(made: Layout, base: Base) -> None:
    install_by_hand(find_packages(made, base), "tornado", "2.0", "tornado", "raise ImportError('too old')")
    kernel, shadowed = read_status(made).problems
    assert "too old" in kernel.text
    assert (shadowed.code, shadowed.serious) == ("shadowed", True)
    assert "tornado 2.0" in shadowed.text


def test_environment_of_another_program(layout: Layout, base: Base) -> None:
    for folder in ("bin", "conda-meta"):
        (layout.prefix / folder).mkdir(parents=True)
    (layout.prefix / "conda-meta" / "history").touch()
    (layout.prefix / "bin" / "python").symlink_to("/bin/true")
    assert (the_problem(read_status(layout)).code, the_problem(read_status(layout)).remedy) == ("foreign", Action.RESET)


@pytest.mark.parametrize("kind", ["file", "link", "loop"])
def test_something_else_at_its_place(layout: Layout, base: Base, kind: str) -> None:
    layout.envs.mkdir(parents=True)
    if kind == "file":
        layout.prefix.touch()
    else:
        layout.prefix.symlink_to("/" if kind == "link" else "notebook")
    problem = the_problem(read_status(layout))
    assert problem.code == "foreign"
    assert str(layout.prefix) in problem.text


def test_folder_above_that_is_a_file(layout: Layout, base: Base) -> None:
    layout.conda.touch()
    assert the_problem(read_status(layout)).code == "unreadable"


def test_other_kind_than_the_site_makes_now(made: Layout) -> None:
    full = Layout(made.conda, made.bases, "full", made.channels, {}, None)
    status = read_status(full)
    assert (status.kind, status.condition) == ("layered", Condition.READY)
    assert (the_problem(status).code, the_problem(status).remedy) == ("other-kind", Action.RESET)


@pytest.mark.parametrize(
    "change",
    [
        {"base": "../../etc"},
        {"base": "1\0"},
        {"base": "\ud800"},
        {"python": "3.11/../../.."},
        {"python": "3.\0"},
        {"base_path": "\0"},
        {"python": 3.11},
        {"format": "1"},
        {"kind": ["layered"]},
    ],
)
def test_marker_is_the_users_to_write(made: Layout, change: dict[str, object]) -> None:
    marker = json.loads((made.prefix / PLACE).read_text())
    (made.prefix / PLACE).write_text(json.dumps({**marker, **change}))
    assert read_status(made).condition in (Condition.READY, Condition.BROKEN)
    assert json.dumps(read_status(made).to_json())


@pytest.mark.parametrize(
    "place", [str(PLACE), "pyvenv.cfg", "bin/ipython", "conda-meta/x-1-0.json", "hostile.dist-info"]
)
@pytest.mark.parametrize("kind", ["pipe", "endless", "loop", "folder", "binary", "deep"])
def test_hostile_files_neither_stop_nor_end_it(made: Layout, base: Base, place: str, kind: str) -> None:
    path = made.prefix / place
    if place.endswith(".dist-info"):
        path = find_packages(made, base) / place / "METADATA"
        path.parent.mkdir()
    path.unlink(missing_ok=True)
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "binary":
        path.write_bytes(os.urandom(5000))
    elif kind == "deep":
        path.write_text("[" * 200_000)
    else:
        path.symlink_to("/dev/zero" if kind == "endless" else path.name)
    status = read_status(made)
    assert bool(status.problems) == (place != "bin/ipython")  # a command that the kernel does not need
    assert json.loads(json.dumps(status.to_json()))


def test_names_of_any_bytes(made: Layout, base: Base) -> None:
    packages = os.fsencode(find_packages(made, base))
    os.mkdir(packages + b"/\xff\n\x1b[31m.dist-info")
    problem = the_problem(read_status(made))
    assert problem.code == "records"
    assert problem.text.isprintable()
    assert problem.text.encode()
