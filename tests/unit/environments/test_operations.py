from __future__ import annotations

import errno
import json
import os
import shutil
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.contract.environments.breakages import BREAKAGES, Breakage, find_packages, install_by_hand
from tests.unit.environments.handmade import make_base
from tests.unit.environments.trees import list_beside, make_workspace, take_snapshot
from tests.unit.environments.unprivileged import run_until, without_rights

import neuronhub
from neuronhub.environments import entries
from neuronhub.environments.bases import Base
from neuronhub.environments.diagnosis import read_status
from neuronhub.environments.layout import Layout
from neuronhub.environments.lock import hold
from neuronhub.environments.marker import PLACE, is_sound, read_marker
from neuronhub.environments.operations import ensure_environment, repair_environment, reset_environment
from neuronhub.environments.types import Action, Condition, Progress, Report
from neuronhub.errors import BaseMissing, ConflictingState, EnvironmentFailed, NoRoom

Operation = Callable[[Layout, Report], object]
FOR_LAYERED = [breakage for breakage in BREAKAGES if "layered" in breakage.kinds]
MENDED = [breakage for breakage in FOR_LAYERED if breakage.remedy is Action.REPAIR]


def ignore(_progress: Progress) -> None:
    pass


def of(breakages: list[Breakage]) -> list[object]:
    return [pytest.param(breakage, id=breakage.name) for breakage in breakages]


def take_state(layout: Layout) -> dict[bytes, object]:
    """The environment without what differs each time it is made."""
    return {
        name: value[:1] + value[3:] if isinstance(value, tuple) and len(value) == 4 else value
        for name, value in take_snapshot(layout.prefix).items()
        if name != os.fsencode(PLACE)
    }


@pytest.fixture
def first_state(made: Layout) -> dict[bytes, object]:
    return take_state(made)


@pytest.fixture
def workspace(layout: Layout) -> Path:
    """Everything that a user has beside the environment, also below ``.conda``."""
    for folder in (layout.conda.parent / "workspace", layout.envs / "other", layout.packages):
        folder.mkdir(parents=True)
        make_workspace(folder)
    (layout.envs / ".notebook.old").mkdir()
    (layout.envs / ".notebook.12345678.new.mine").touch()
    return layout.conda.parent


def install_own(layout: Layout, base: Base) -> Path:
    packages = find_packages(layout, base)
    install_by_hand(packages, "own", "1.0", "own", "print('own')\n")
    return packages / "own" / "__init__.py"


# Made


def test_made_once(layout: Layout, base: Base) -> None:
    steps: list[Progress] = []
    assert ensure_environment(layout, steps.append)
    assert is_sound(layout.prefix)
    assert steps[-1].done == 1.0
    assert [step.done for step in steps] == sorted(step.done for step in steps)
    before = take_snapshot(layout.conda)
    assert not ensure_environment(layout, ignore)
    assert take_snapshot(layout.conda) == before


def test_made_although_the_working_folder_is_gone(layout: Layout, base: Base, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = layout.conda.parent / "gone"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    elsewhere.rmdir()
    assert ensure_environment(layout, ignore)
    monkeypatch.chdir("/")


@pytest.mark.parametrize("breakage", of(FOR_LAYERED))
def test_a_broken_one_is_left_to_its_user(made: Layout, base: Base, breakage: Breakage) -> None:
    breakage.do(made, base)
    before = take_snapshot(made.conda)
    assert not ensure_environment(made, ignore)
    assert take_snapshot(made.conda) == before


def test_no_base_is_no_environment(layout: Layout) -> None:
    with pytest.raises(BaseMissing):
        ensure_environment(layout, ignore)
    assert not layout.prefix.exists()
    assert list_beside(layout) == []


def test_whose_place_is_missing_is_sent_to_the_operators(layout: Layout, base: Base) -> None:
    layout.conda.parent.rmdir()
    with pytest.raises(EnvironmentFailed, match="operators"):
        ensure_environment(layout, ignore)
    assert not layout.conda.parent.exists()


def test_others_may_see_what_the_umask_says(layout: Layout, base: Base) -> None:
    before = os.umask(0o077)
    try:
        ensure_environment(layout, ignore)
    finally:
        os.umask(before)
    modes = {stat.S_IMODE(os.lstat(path).st_mode) for path in layout.prefix.rglob("*") if not path.is_symlink()}
    assert modes == {0o600, 0o700}


def test_only_the_standard_library_is_needed() -> None:
    source = Path(neuronhub.__file__).parents[1]
    code = "import sys; sys.path.insert(0, sys.argv[1]); import neuronhub.environments.operations"
    subprocess.run([sys.executable, "-I", "-S", "-c", code, str(source)], check=True)


# Reset


@pytest.mark.parametrize("breakage", of(FOR_LAYERED))
def test_reset_mends_everything_and_touches_nothing_else(
    made: Layout, base: Base, first_state: dict[bytes, object], workspace: Path, breakage: Breakage
) -> None:
    make_workspace(made.prefix / "bin")
    install_own(made, base)
    breakage.do(made, base)
    before = take_snapshot(workspace, leave_out=made.prefix)
    reset_environment(made, ignore)
    assert take_state(made) == first_state
    assert take_snapshot(workspace, leave_out=made.prefix) == before
    assert read_status(made).condition is Condition.READY


def test_reset_goes_to_the_active_base(made: Layout, base: Base) -> None:
    make_base(made.bases, "2")
    reset_environment(made, ignore)
    assert read_status(made).base == "2"


def test_reset_makes_one_where_there_is_none(layout: Layout, base: Base) -> None:
    reset_environment(layout, ignore)
    assert is_sound(layout.prefix)


def test_reset_goes_through_what_owners_have_closed(made: Layout, base: Base) -> None:
    def reset() -> None:
        (made.prefix / "bin").chmod(0)
        made.prefix.chmod(0)
        reset_environment(made, ignore)

    without_rights(reset)
    assert read_status(made).condition is Condition.READY
    assert list_beside(made) == []


def test_what_cannot_be_deleted_is_told_and_tried_again(made: Layout, base: Base) -> None:
    theirs = made.prefix / "theirs"
    theirs.mkdir()
    (theirs / "file").touch()
    os.chown(theirs, 1, 1)
    os.chown(theirs / "file", 1, 1)

    def reset() -> list[Progress]:
        steps: list[Progress] = []
        reset_environment(made, steps.append)
        return steps

    assert any("could be deleted" in step.step for step in without_rights(reset))
    assert is_sound(made.prefix)
    assert len(list_beside(made)) == 1
    reset_environment(made, ignore)
    assert list_beside(made) == []


# What is not ours


@pytest.mark.parametrize("operation", [reset_environment, repair_environment])
def test_a_link_at_its_place_is_refused(layout: Layout, base: Base, operation: Operation) -> None:
    elsewhere = layout.conda.parent / "elsewhere"
    elsewhere.mkdir()
    make_workspace(elsewhere)
    layout.envs.mkdir(parents=True)
    layout.prefix.symlink_to(elsewhere)
    before = take_snapshot(layout.conda.parent)
    with pytest.raises(ConflictingState, match="link"):
        operation(layout, ignore)
    assert not ensure_environment(layout, ignore)
    (layout.conda / ".neuronhub.lock").unlink()
    assert take_snapshot(layout.conda.parent) == before


@pytest.mark.parametrize("operation", [reset_environment, repair_environment])
def test_a_file_at_its_place_is_refused(layout: Layout, base: Base, operation: Operation) -> None:
    layout.envs.mkdir(parents=True)
    layout.prefix.write_text("mine")
    with pytest.raises(ConflictingState):
        operation(layout, ignore)
    assert layout.prefix.read_text() == "mine"


@pytest.mark.parametrize("operation", [ensure_environment, reset_environment, repair_environment])
def test_a_link_in_place_of_all_environments_is_refused(layout: Layout, base: Base, operation: Operation) -> None:
    elsewhere = layout.conda.parent / "elsewhere"
    elsewhere.mkdir()
    layout.conda.mkdir()
    layout.envs.symlink_to(elsewhere)
    with pytest.raises(ConflictingState, match="link"):
        operation(layout, ignore)
    assert list(elsewhere.iterdir()) == []


def test_a_file_too_large_to_be_read_is_mended(made: Layout) -> None:
    os.truncate(made.prefix / "pyvenv.cfg", 1 << 40)
    repair_environment(made, ignore)
    assert (made.prefix / "pyvenv.cfg").stat().st_size < 4096


def test_what_may_not_be_written_is_told(layout: Layout, base: Base) -> None:
    layout.conda.parent.chmod(0o500)
    with pytest.raises(EnvironmentFailed, match="permissions"):
        without_rights(lambda: ensure_environment(layout, ignore))


@pytest.mark.parametrize("operation", [ensure_environment, reset_environment, repair_environment])
@pytest.mark.parametrize("closed", ["conda", "envs"])
def test_what_may_not_be_read_is_told(made: Layout, operation: Operation, closed: str) -> None:
    getattr(made, closed).chmod(0)
    try:
        with pytest.raises(EnvironmentFailed, match="permissions"):
            without_rights(lambda: operation(made, ignore))
    finally:
        getattr(made, closed).chmod(0o700)
    assert is_sound(made.prefix)


# Repair


@pytest.mark.parametrize("breakage", of(MENDED))
def test_repair_mends_and_keeps_what_users_installed(
    made: Layout, base: Base, workspace: Path, breakage: Breakage
) -> None:
    own = install_own(made, base)
    kept = own.read_bytes()
    before = take_snapshot(workspace, leave_out=made.prefix)
    without_rights(lambda: breakage.do(made, base))
    without_rights(lambda: repair_environment(made, ignore))
    status = read_status(made)
    assert (status.condition, status.problems) == (Condition.READY, ())
    assert [package.name for package in status.packages] == ["own"]
    assert own.read_bytes() == kept
    assert take_snapshot(workspace, leave_out=made.prefix) == before


def test_repair_of_a_sound_one_changes_nothing(made: Layout, base: Base, first_state: dict[bytes, object]) -> None:
    install_own(made, base)
    before = take_snapshot(made.prefix)
    repair_environment(made, ignore)
    after = take_snapshot(made.prefix)
    marker = os.fsencode(PLACE)
    assert {**after, marker: None} == {**before, marker: None}


def test_repair_puts_it_on_the_active_base(made: Layout, base: Base) -> None:
    own = install_own(made, base)
    shutil.rmtree(base.path)
    new = make_base(made.bases, "2")
    assert read_status(made).problems[0].code == "base-gone"
    repair_environment(made, ignore)
    status = read_status(made)
    assert (status.condition, status.base, status.problems) == (Condition.READY, "2", ())
    assert (made.prefix / "bin" / "python").resolve() == (new.path / "bin" / new.site_packages.parent.name).resolve()
    assert own.exists()


def test_repair_leaves_commands_of_the_user_alone(made: Layout, base: Base) -> None:
    packages = find_packages(made, base)
    install_by_hand(packages, "own", "1.0", "own", "")
    with (packages / "own-1.0.dist-info" / "RECORD").open("a") as record:
        record.write("../../../bin/ipython,,\n")
    command = made.prefix / "bin" / "ipython"
    command.write_text(f"#!{made.prefix}/bin/python\nprint('mine')\n")
    repair_environment(made, ignore)
    assert "mine" in command.read_text()
    command.write_text("#!/gone/bin/python\nprint('mine')\n")
    repair_environment(made, ignore)
    assert "from IPython import start" in command.read_text()


def test_repair_makes_one_where_there_is_none(layout: Layout, base: Base) -> None:
    repair_environment(layout, ignore)
    assert is_sound(layout.prefix)


# Killed, interrupted, no room


@pytest.mark.parametrize("operation", [reset_environment, ensure_environment])
def test_killed_anywhere_leaves_one_or_none(
    made: Layout, base: Base, first_state: dict[bytes, object], operation: Operation
) -> None:
    changes, ended = 0, False
    while not ended:
        if operation is ensure_environment:
            shutil.rmtree(made.conda)
        else:
            reset_environment(made, ignore)
            install_own(made, base)
        old = take_state(made) if made.prefix.exists() else None
        ended = run_until(lambda: operation(made, ignore), changes)
        if os.path.lexists(made.prefix):
            assert is_sound(made.prefix)
            assert take_state(made) in (old, first_state)
        elif made.envs.exists() and old:
            assert any(name.endswith(".old") for name in os.listdir(made.envs))
        ensure_environment(made, ignore)
        assert take_state(made) in (old, first_state)
        reset_environment(made, ignore)
        assert take_state(made) == first_state
        assert list_beside(made) == []
        changes += 1
    assert changes > 20


def test_repair_killed_anywhere_can_be_repaired(made: Layout, base: Base) -> None:
    changes, ended = 0, False
    while not ended:
        reset_environment(made, ignore)
        own = install_own(made, base)
        shutil.rmtree(made.prefix / "bin")
        (made.prefix / "pyvenv.cfg").unlink()
        ended = run_until(lambda: repair_environment(made, ignore), changes)
        assert own.exists()
        repair_environment(made, ignore)
        assert read_status(made).problems == ()
        assert list_beside(made) == []
        changes += 1
    assert changes > 5


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit, MemoryError])
def test_interrupted_is_as_before(
    made: Layout, base: Base, monkeypatch: pytest.MonkeyPatch, stop: type[BaseException]
) -> None:
    install_own(made, base)
    before = take_snapshot(made.prefix)
    break_writes(monkeypatch, stop(), after=5)
    with pytest.raises(stop):
        reset_environment(made, ignore)
    assert take_snapshot(made.prefix) == before
    assert list_beside(made) == []


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_no_room_is_told_and_nothing_is_broken(
    made: Layout, base: Base, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    install_own(made, base)
    before = take_snapshot(made.prefix)
    break_writes(monkeypatch, OSError(number, os.strerror(number)), after=5)
    with pytest.raises(NoRoom, match="Delete what you do not need"):
        reset_environment(made, ignore)
    assert take_snapshot(made.prefix) == before
    assert list_beside(made) == []


def test_interrupted_between_the_two_renames_is_as_before(
    made: Layout, base: Base, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = take_snapshot(made.prefix)
    rename, calls = os.rename, []

    def interrupt(source: Path, target: Path) -> None:
        calls.append(target)
        rename(source, target)
        if len(calls) == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(os, "rename", interrupt)
    with pytest.raises(KeyboardInterrupt):
        reset_environment(made, ignore)
    assert take_snapshot(made.prefix) == before
    assert list_beside(made) == []


def break_writes(monkeypatch: pytest.MonkeyPatch, error: BaseException, after: int) -> None:
    write, left = entries._write, [after]

    def fail(entry: entries.Entry, path: Path) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise error
        write(entry, path)

    monkeypatch.setattr(entries, "_write", fail)


# Twice at once


def test_the_second_of_two_waits_and_finds_it_done(layout: Layout, base: Base) -> None:
    waiting, made_by_second = threading.Event(), []

    def report(progress: Progress) -> None:
        if "Waiting" in progress.step:
            waiting.set()

    def second() -> None:
        made_by_second.append(ensure_environment(layout, report))

    with hold(layout):
        thread = threading.Thread(target=second)
        thread.start()
        assert waiting.wait(10)
        assert ensure_environment(layout, ignore)
        marker = read_marker(layout.prefix)
    thread.join(10)
    assert made_by_second == [False]
    assert read_marker(layout.prefix) == marker


def test_an_environment_that_was_only_set_aside_comes_back(made: Layout, base: Base) -> None:
    own = install_own(made, base)
    made.prefix.rename(made.envs / ".notebook.0123abcd.old")
    (made.envs / ".notebook.0123abcd.new").mkdir()
    assert not ensure_environment(made, ignore)
    assert own.exists()
    assert list_beside(made) == []


def test_a_marker_of_another_kind_is_none(made: Layout) -> None:
    marker = json.loads((made.prefix / PLACE).read_text())
    for wrong in ({"format": 2}, {"kind": "other"}, {"base": 1}, {"python": None}):
        (made.prefix / PLACE).write_text(json.dumps({**marker, **wrong}))
        assert read_marker(made.prefix) is None
