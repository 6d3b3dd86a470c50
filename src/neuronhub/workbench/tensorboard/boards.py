"""The TensorBoards of one Jupyter server: started, found again, shut down. In the server's process."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import tempfile
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from secrets import token_hex

from neuronhub.language import translate as _
from neuronhub.workbench.tensorboard.serve import EXIT_MISSING

READY_WITHIN_S = 60.0
END_WITHIN_S = 3.0
LOOK_S = 0.05
MOST_WORDS = 2000
"""Characters of what a TensorBoard that failed has said last."""
LONGEST_NAME = 200
"""Characters of a folder that a sentence repeats."""
PROGRAM = Path(__file__).with_name("serve.py")


class BoardRefused(Exception):
    """What was asked for cannot be shown; the text says why and what to do."""


@dataclass(slots=True)
class Board:
    """One TensorBoard."""

    id: str
    folder: str
    """Below the workspace, with ``/``; '' is the workspace itself."""
    socket: Path
    process: Process
    words: bytearray = field(default_factory=bytearray)
    """What it printed last."""

    @property
    def running(self) -> bool:
        """It has not ended."""
        return self.process.returncode is None


def find_folder(workspace: Path, folder: str) -> tuple[str, Path]:
    """The folder's path below ``workspace`` in one spelling, and the folder; raises BoardRefused."""
    pure = PurePosixPath(folder.strip("/"))
    if ".." in pure.parts or "\0" in folder:
        raise BoardRefused(_("TensorBoard shows folders of your workspace only. Choose one in the file browser."))
    path = workspace / pure
    try:
        found = path.is_dir() and os.access(path, os.R_OK | os.X_OK)
    except OSError:  # a name too long, or a folder on the way that may not be entered
        found = False
    if not found:
        text = _("There is no folder {folder} in your workspace any more.")
        raise BoardRefused(text.format(folder=folder[:LONGEST_NAME] or "/"))
    return ("" if pure == PurePosixPath() else str(pure)), path


class Boards:
    """All of them; at most one for a folder."""

    def __init__(self, workspace: Path, python: Path, environment: Mapping[str, str], prefix: str) -> None:
        """``python`` is the environment's; ``prefix`` the address below which boards are shown, with a slash."""
        self._workspace = workspace
        self._python = python
        self._environment = dict(environment)
        self._prefix = prefix
        self._boards: dict[str, Board] = {}
        self._starts: dict[str, asyncio.Task[Board]] = {}
        self._room: Path | None = None

    def list(self) -> tuple[Board, ...]:
        """Those that run, oldest first."""
        for board in [board for board in self._boards.values() if not board.running]:
            self._forget(board)
        return tuple(self._boards.values())

    def get(self, board_id: str) -> Board | None:
        """The running one with this id."""
        return next((board for board in self.list() if board.id == board_id), None)

    def address(self, board: Board) -> str:
        """Where a browser finds it, on this server."""
        return f"{self._prefix}{board.id}/"

    async def ensure(self, folder: str) -> Board:
        """The one of ``folder``, started now if there is none. Raises BoardRefused."""
        name, path = find_folder(self._workspace, folder)
        known = next((board for board in self.list() if board.folder == name), None)
        if known is not None:
            return known
        start = self._starts.get(name)
        if start is None:
            start = self._starts[name] = asyncio.create_task(self._start(name, path))
            start.add_done_callback(lambda _task: self._starts.pop(name, None))
        return await asyncio.shield(start)  # a browser that goes away takes nobody else's with it

    async def stop(self, board: Board) -> None:
        """End it; a board that has ended is fine."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(board.process.pid, signal.SIGTERM)
        try:
            await asyncio.wait_for(board.process.wait(), END_WITHIN_S)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(board.process.pid, signal.SIGKILL)
            await board.process.wait()
        self._forget(board)

    async def close(self) -> None:
        """End all, and leave nothing behind."""
        for start in tuple(self._starts.values()):
            start.cancel()
        await asyncio.gather(*self._starts.values(), return_exceptions=True)
        await asyncio.gather(*(self.stop(board) for board in self.list()))
        if self._room is not None:
            shutil.rmtree(self._room, ignore_errors=True)
            self._room = None

    def _forget(self, board: Board) -> None:
        self._boards.pop(board.id, None)
        board.socket.unlink(missing_ok=True)

    async def _start(self, name: str, path: Path) -> Board:
        if not os.access(self._python, os.X_OK):
            raise BoardRefused(_("There is no notebook environment to run TensorBoard in. Create it in Environment."))
        if self._room is None:
            self._room = Path(tempfile.mkdtemp(prefix="neuronhub-"))  # short: a socket's path may have 107 bytes
        board_id = token_hex(8)
        socket = self._room / board_id
        process = await asyncio.create_subprocess_exec(
            self._python,
            PROGRAM,
            path,
            socket,
            f"{self._prefix}{board_id}",
            stdin=DEVNULL,
            stdout=DEVNULL,
            stderr=PIPE,
            cwd=path,
            env=self._environment,
            start_new_session=True,
        )
        board = Board(board_id, name, socket, process)
        reading = asyncio.create_task(_keep_words(board))
        try:
            await asyncio.wait_for(self._answered(board), READY_WITHIN_S)
        except (TimeoutError, asyncio.CancelledError, BoardRefused) as error:
            await self.stop(board)
            await reading
            if isinstance(error, asyncio.CancelledError):
                raise
            raise BoardRefused(explain(board)) from error
        self._boards[board.id] = board
        return board

    async def _answered(self, board: Board) -> None:
        while True:
            if not board.running:
                raise BoardRefused
            try:
                _reader, writer = await asyncio.open_unix_connection(board.socket)
            except OSError:
                await asyncio.sleep(LOOK_S)
            else:
                writer.close()
                return


def explain(board: Board) -> str:
    """Why a board did not start, in a sentence and its own last words."""
    words = board.words.decode(errors="replace").strip().splitlines()
    last = words[-1] if words else ""
    if board.process.returncode == EXIT_MISSING:
        return _(
            "TensorBoard does not run in your notebook environment: {words}. "
            "Install it in a terminal (pip install tensorboard), or repair the environment in Environment."
        ).format(words=last)
    return _("TensorBoard did not start: {words}. Try again; look at the folder's files if this repeats.").format(
        words=last or _("it did not answer in time")
    )


async def _keep_words(board: Board) -> None:
    """Keep the last of what the board prints, so that it never waits for a reader."""
    assert board.process.stderr is not None
    while chunk := await board.process.stderr.read(4096):
        board.words += chunk
        del board.words[:-MOST_WORDS]
