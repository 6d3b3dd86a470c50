"""TensorBoards on unix sockets, run by the Python of an environment."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from neuronhub.workbench.tensorboard.boards import Board, BoardRefused, Boards

PREFIX = "/user/alice/neuronhub/tensorboard/"
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "PYTHONNOUSERSITE": "1"}


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    (tmp_path / "logs" / "train").mkdir(parents=True)
    return tmp_path


@pytest.fixture
async def boards(base: Path, workspace: Path) -> AsyncIterator[Boards]:
    boards = Boards(workspace, base / "bin" / "python", ENVIRONMENT, PREFIX)
    yield boards
    await boards.close()


async def fetch(board: Board, path: str) -> bytes:
    """The status line of what the board answers."""
    reader, writer = await asyncio.open_unix_connection(board.socket)
    writer.write(f"GET {PREFIX}{board.id}{path} HTTP/1.0\r\n\r\n".encode())
    line = await reader.readline()
    writer.close()
    await writer.wait_closed()
    return line


def find_tcp_ports(pid: int) -> list[str]:
    """Lines of /proc/net/tcp* of sockets that ``pid`` listens on."""
    mine = {os.readlink(link) for link in Path(f"/proc/{pid}/fd").iterdir() if link.exists() or link.is_symlink()}
    lines = [line for name in ("tcp", "tcp6") for line in Path(f"/proc/{pid}/net/{name}").read_text().splitlines()[1:]]
    return [line for line in lines if line.split()[3] == "0A" and f"socket:[{line.split()[9]}]" in mine]


def run(*argv: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(argv, capture_output=True, text=True, check=False)


def outlives(pid: str, path: str, seconds: float) -> bool:
    """Whether the board ``pid`` still runs or answers after ``seconds``."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with socket.socket(socket.AF_UNIX) as client:
            if client.connect_ex(path) != 0 and not Path(f"/proc/{pid}").exists():
                return False
        time.sleep(0.05)
    return True


def test_refused_folders_are_told(workspace: Path, base: Path) -> None:
    boards = Boards(workspace, base / "bin" / "python", ENVIRONMENT, PREFIX)
    for folder, word in (
        ("../secret", "workspace only"),
        ("logs/../../x", "workspace only"),
        ("gone", "no folder gone"),
        ("x" * 5000, "no folder xxx"),
        ("\ud800", "no folder"),
    ):
        with pytest.raises(BoardRefused, match=word):
            asyncio.run(boards.ensure(folder))


async def test_X3_a_board_answers_its_owner_and_nobody_else(boards: Boards) -> None:
    board = await boards.ensure("logs")
    assert (await fetch(board, "/")).split()[1] == b"200"
    assert (await fetch(board, "/data/plugins_listing")).split()[1] == b"200"
    assert stat.S_IMODE(board.socket.stat().st_mode) == 0o600
    assert stat.S_IMODE(board.socket.parent.stat().st_mode) == 0o700
    assert find_tcp_ports(board.process.pid) == []
    connect = f"import socket; socket.socket(socket.AF_UNIX).connect({str(board.socket)!r})"
    board.socket.parent.chmod(0o755)  # the socket's own mode must be enough
    stranger = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "/usr/bin/python3", "-c", connect]
    done = await asyncio.to_thread(run, *stranger)
    assert "PermissionError" in done.stderr


async def test_N2_one_board_for_a_folder_also_when_asked_five_times_at_once(boards: Boards) -> None:
    found = await asyncio.gather(*(boards.ensure(folder) for folder in ("logs", "logs/", "/logs", "./logs", "logs")))
    assert len({board.id for board in found}) == 1
    other = await boards.ensure("")
    assert [board.folder for board in boards.list()] == ["logs", ""]
    await boards.stop(other)
    assert [board.folder for board in boards.list()] == ["logs"]
    assert not other.running
    assert not other.socket.exists()


async def test_a_board_that_died_is_gone_and_can_be_had_again(boards: Boards) -> None:
    board = await boards.ensure("logs")
    os.kill(board.process.pid, signal.SIGKILL)
    await board.process.wait()
    assert boards.list() == ()
    assert (await boards.ensure("logs")).id != board.id


async def test_closing_leaves_nothing(base: Path, workspace: Path) -> None:
    boards = Boards(workspace, base / "bin" / "python", ENVIRONMENT, PREFIX)
    board = await boards.ensure("logs")
    await boards.close()
    assert not board.running
    assert not board.socket.parent.exists()


async def test_an_environment_without_tensorboard_is_told_what_to_install(workspace: Path) -> None:
    boards = Boards(workspace, Path("/usr/bin/python3"), ENVIRONMENT, PREFIX)
    with pytest.raises(BoardRefused, match="pip install tensorboard"):
        await boards.ensure("logs")
    await boards.close()


async def test_no_environment_is_told(workspace: Path) -> None:
    boards = Boards(workspace, workspace / "bin" / "python", ENVIRONMENT, PREFIX)
    with pytest.raises(BoardRefused, match="no notebook environment"):
        await boards.ensure("logs")


def test_a_board_ends_with_the_server_that_started_it(base: Path, workspace: Path) -> None:
    python = str(base / "bin" / "python")
    program = (
        "import asyncio, os, sys\n"
        "from pathlib import Path\n"
        "from neuronhub.workbench.tensorboard.boards import Boards\n"
        "async def main():\n"
        f"    boards = Boards(Path({str(workspace)!r}), Path({python!r}), {ENVIRONMENT!r}, '/x/')\n"
        "    board = await boards.ensure('logs')\n"
        "    print(board.process.pid, board.socket, flush=True)\n"
        "    os.kill(os.getpid(), 9)\n"
        "asyncio.run(main())\n"
    )
    done = run(sys.executable, "-c", program)
    pid, path = done.stdout.split()
    assert not outlives(pid, path, 10)
