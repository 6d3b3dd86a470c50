"""Shells of a researcher, on a login node and in a page of Jupyter: what a person types there and what is seen."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Self

from playwright.sync_api import Page, WebSocket, expect

LIMIT_S = 60
LOOK_EVERY_MS = 20
ROWS, COLUMNS = 50, 160
PROMPT = re.compile(r"\$ \Z")
"""What a shell that waits for a command ends with."""
_BEGUN = "\x1b[?2004l\r"
"""What bash prints before it runs a command: an end to pasting."""
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07]*\x07|\x1b[=>]")


class Shell(ABC):
    """A bash that somebody sits at."""

    def __init__(self) -> None:
        self._raw = ""
        self.prompt = ""
        """The last line that was seen: the shell waits for a command."""

    def run(self, line: str, *answers: tuple[str, str]) -> str:
        """Type a command; returns what it printed until the next prompt.

        ``answers``: questions that are waited for, and what is typed then.
        """
        self._raw = ""
        self._type(line)
        self._see(re.compile(re.escape(_BEGUN)), raw=True)
        self._raw = self._raw.partition(_BEGUN)[2]
        for question, answer in answers:
            self._see(re.compile(re.escape(question) + r".*\Z", re.DOTALL))
            self._type(answer)
            self._see(re.compile(re.escape(answer) + r"\n"))
        return self._see_prompt()

    def code(self) -> int:
        """Exit code of the last command."""
        return int(self.run("echo $?"))

    @abstractmethod
    def _type(self, line: str) -> None:
        """Type a line and press Enter."""

    @abstractmethod
    def _receive(self, within_s: float) -> str:
        """What has come since, or '' when nothing comes in time."""

    def _see_prompt(self) -> str:
        seen, _newline, self.prompt = self._see(PROMPT).rpartition("\n")
        return seen

    def _see(self, pattern: re.Pattern[str], *, raw: bool = False) -> str:
        """Wait until what has come since the last command matches; ``raw``: with the terminal's own signs."""
        deadline = time.monotonic() + LIMIT_S
        while not pattern.search(seen := self._raw if raw else _render(self._raw)):
            received = self._receive(deadline - time.monotonic())
            assert received, f"{pattern.pattern!r} is not seen within {LIMIT_S} s:\n{seen}"
            self._raw += received
        return seen


def _render(raw: str) -> str:
    return _ESCAPES.sub("", raw).replace("\r\n", "\n")


class LoginShell(Shell):
    """``neuronhub demo login ID`` on a terminal of its own."""

    def __init__(self, state: Path, account: str) -> None:
        super().__init__()
        self._end, terminal = pty.openpty()
        fcntl.ioctl(self._end, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        environment = {name: value for name, value in os.environ.items() if not name.startswith("NEURONHUB_")}
        self._process = subprocess.Popen(
            (sys.executable, "-m", "neuronhub.cli", "demo", "--state", str(state), "login", account),
            env={**environment, "TERM": "xterm", "LC_ALL": "C.UTF-8"},
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(terminal)
        self._see_prompt()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        """The shell ends as when somebody closes the window."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGHUP)
        os.close(self._end)
        self._process.wait(LIMIT_S)

    def _type(self, line: str) -> None:
        os.write(self._end, f"{line}\n".encode())

    def _receive(self, within_s: float) -> str:
        ready, _, _ = select.select([self._end], [], [], max(within_s, 0))
        return os.read(self._end, 65536).decode(errors="replace") if ready else ""


class PageShell(Shell):
    """The terminal that a page of Jupyter shows; what is seen is read where the page reads it."""

    def __init__(self, page: Page) -> None:
        """``page`` is about to show its terminal."""
        super().__init__()
        self.page = page
        """Where it is shown."""
        self._received: list[str] = []
        page.on("websocket", self._listen)
        expect(page.locator(".jp-Terminal-body .xterm-screen")).to_be_visible()
        self._see_prompt()
        page.locator(".jp-Terminal-body .xterm-screen").click()

    def _listen(self, socket: WebSocket) -> None:
        if "/terminals/websocket/" in socket.url:
            socket.on("framereceived", self._take)

    def _take(self, payload: bytes | str) -> None:
        kind, *words = json.loads(payload)
        if kind == "stdout":
            self._received.append(words[0])

    def _type(self, line: str) -> None:
        self.page.keyboard.insert_text(line)
        self.page.keyboard.press("Enter")

    def _receive(self, within_s: float) -> str:
        deadline = time.monotonic() + within_s
        while not self._received and time.monotonic() < deadline:
            self.page.wait_for_timeout(LOOK_EVERY_MS)
        received, self._received = "".join(self._received), []
        return received
