from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from tests.unit.environments.trees import take_snapshot

from neuronhub.environments.layout import Layout
from neuronhub.environments.lock import hold
from neuronhub.environments.types import Progress
from neuronhub.errors import EnvironmentBusy, EnvironmentFailed


@contextmanager
def held_elsewhere(layout: Layout) -> Iterator[subprocess.Popen[str]]:
    """Another process that keeps the lock until it ends."""
    code = "import fcntl, sys; f = open(sys.argv[1], 'a'); fcntl.flock(f, 2); print('held', flush=True); input()"
    argv = [sys.executable, "-c", code, str(layout.conda / ".neuronhub.lock")]
    layout.conda.mkdir(exist_ok=True)
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_somebody_else_is_waited_for_so_long(layout: Layout) -> None:
    steps: list[Progress] = []
    with (
        held_elsewhere(layout),
        pytest.raises(EnvironmentBusy, match="Another command"),
        hold(layout, steps.append, 0.3),
    ):
        pass
    assert [step.done for step in steps] == [0.0]


def test_who_is_killed_holds_nothing(layout: Layout) -> None:
    with held_elsewhere(layout) as process:
        process.kill()
        with hold(layout, wait_s=10):
            pass


def test_the_same_command_may_ask_again(layout: Layout) -> None:
    with hold(layout), hold(layout, wait_s=0):
        pass
    with hold(layout, wait_s=0):
        pass


def test_it_is_given_back_after_a_failure(layout: Layout) -> None:
    with pytest.raises(ZeroDivisionError), hold(layout):
        raise ZeroDivisionError
    with hold(layout, wait_s=0):
        pass


def test_programs_that_are_started_do_not_keep_it(layout: Layout) -> None:
    with hold(layout):
        process = subprocess.Popen(["/bin/sleep", "60"], close_fds=False)
    try:
        with hold(layout, wait_s=10):  # the program lives longer
            pass
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("kind", ["link", "pipe", "folder"])
def test_what_is_not_its_file_is_not_touched(layout: Layout, kind: str) -> None:
    layout.conda.mkdir()
    place = layout.conda / ".neuronhub.lock"
    outside = layout.conda.parent / "outside"
    if kind == "link":
        outside.write_text("x")
        place.symlink_to(outside)
    elif kind == "pipe":
        os.mkfifo(place)
    else:
        place.mkdir()
    before = take_snapshot(layout.conda.parent)
    if kind == "pipe":
        with hold(layout, wait_s=0):
            pass
    else:
        with pytest.raises(EnvironmentFailed), hold(layout, wait_s=0):
            pass
    (layout.envs).rmdir()
    assert take_snapshot(layout.conda.parent) == before
