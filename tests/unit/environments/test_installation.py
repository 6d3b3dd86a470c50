"""The installer is a process of its own: nothing of it is left when it was stopped, and its end is told of."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path

import pytest
from rattler import RepoDataRecord
from tests.unit.environments.conda.packages import Made, make_channel

from neuronhub.environments.installation import install_records
from neuronhub.environments.removal import remove_tree
from neuronhub.environments.solution import Source, fetch_solution
from neuronhub.errors import EnvironmentFailed

PACKAGES = tuple(
    Made(f"package{number}", "1.0", files={f"{number}/{name}": "" for name in range(50)}) for number in range(60)
)
SPEC = [package.name for package in PACKAGES]


def _solve(folder: Path) -> tuple[Source, list[RepoDataRecord]]:
    source = Source((make_channel(folder / "channel", *PACKAGES),), {}, folder / "cache")
    return source, asyncio.run(fetch_solution(SPEC, source))


async def _wait_for(path: Path) -> None:
    while not path.exists():  # noqa: ASYNC110, ASYNC240 - another process makes it
        await asyncio.sleep(0.001)


async def _install(source: Source, records: list[RepoDataRecord], target: Path) -> None:
    await install_records(records, target, source, location=target, spec=SPEC, report=lambda _done, _of: None)


def test_nothing_is_written_any_more_after_a_failure(tmp_path: Path) -> None:
    source, records = _solve(tmp_path)
    target = tmp_path / "target"
    (tmp_path / "channel" / "linux-64" / PACKAGES[30].file_name).unlink()
    with pytest.raises(EnvironmentFailed, match=PACKAGES[30].file_name):
        asyncio.run(_install(source, records, target))
    assert remove_tree(target) is None
    time.sleep(0.5)
    assert not target.exists()


def test_nothing_is_written_any_more_by_one_that_was_stopped(tmp_path: Path) -> None:
    source, records = _solve(tmp_path)
    target = tmp_path / "target"

    async def stop_in_the_middle() -> None:
        installing = asyncio.create_task(_install(source, records, target))
        begun = asyncio.create_task(_wait_for(target / "conda-meta"))
        await asyncio.wait({installing, begun}, return_when=asyncio.FIRST_COMPLETED)
        installing.cancel()
        await asyncio.wait({installing})

    asyncio.run(stop_in_the_middle())
    assert remove_tree(target) is None
    time.sleep(0.5)
    assert not target.exists()


def test_an_installer_that_crashes_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, records = _solve(tmp_path)
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\ncat >/dev/null\nkill -9 $$\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", os.fspath(program))
    with pytest.raises(EnvironmentFailed, match=r"could not be installed: .* -9"):
        asyncio.run(_install(source, records, tmp_path / "target"))
