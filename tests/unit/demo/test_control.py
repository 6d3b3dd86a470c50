"""The door of a running site."""

from __future__ import annotations

import asyncio
import os
import stat
from pathlib import Path

import pytest

from neuronhub.demo.control import Answer, Door, ask, map_pids
from neuronhub.demo.errors import DemoError


async def answer(do: str, part: str) -> Answer:
    """What the site under test says."""
    if do == "fail":
        raise DemoError(f"{part} cannot.")
    return {"did": do, "part": part}


async def test_a_request_is_answered_with_the_sites_process_id(tmp_path: Path) -> None:
    path = tmp_path / "door"
    door = Door(path, answer)
    await door.open()
    assert await asyncio.to_thread(ask, path, "stop", "hub") == ({"did": "stop", "part": "hub"}, os.getpid())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    door.close()
    assert not path.exists()


async def test_what_the_site_objects_is_told(tmp_path: Path) -> None:
    door = Door(tmp_path / "door", answer)
    await door.open()
    with pytest.raises(DemoError, match="hub cannot"):
        await asyncio.to_thread(ask, tmp_path / "door", "fail", "hub")
    door.close()


async def test_nonsense_leaves_the_door_open(tmp_path: Path) -> None:
    path = tmp_path / "door"
    door = Door(path, answer)
    await door.open()
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(b"nonsense\n")
    assert await reader.read() == b""
    writer.close()
    answered, _ = await asyncio.to_thread(ask, path, "status")
    assert answered["did"] == "status"
    door.close()


def test_no_site_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(DemoError, match="No embedded site runs on"):
        ask(tmp_path / "run" / "control.socket", "status")


def test_process_ids_are_known_in_both_namespaces() -> None:
    assert map_pids(os.getpid())[os.getpid()] == os.getpid()
