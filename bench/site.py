"""The embedded site that everything is measured on: its own, in a folder of its own, ended when the bench ends."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import sys
import tempfile
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from bench.accounting import Ledger

CHECKOUT = Path(__file__).resolve().parent.parent
PORT = 18000
READY_WITHIN_S = 120.0
LOOK_S = 0.3
MOST_LOG = 2000
"""Characters of a log that are shown."""


class SiteError(Exception):
    """The embedded site, or a command inside it, did not do what was asked; the text quotes it."""


class Site:
    """A running embedded site."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.folder = state / "bench"
        """The bench's own files, at the same path inside and outside."""
        self.ledger = Ledger(self.folder / "accounting")
        self.status: dict[str, Any] = {}

    @property
    def standin_bases(self) -> Path:
        """A folder of bases whose Python is the stand-in."""
        return self.folder / "standin-bases"

    @property
    def standin(self) -> Path:
        """The program that stands in for Jupyter."""
        return self.standin_bases / "current" / "bin" / "python"

    def command(self, *words: str) -> list[str]:
        """``neuronhub demo WORDS`` on this site."""
        return [sys.executable, "-m", "neuronhub.cli", "demo", "--state", str(self.state), *words]

    async def look(self) -> bool:
        """Renew ``status``; True when the site is ready."""
        process = await asyncio.create_subprocess_exec(
            *self.command("status", "--json"), stdin=DEVNULL, stdout=PIPE, stderr=DEVNULL
        )
        output, _ = await process.communicate()
        if process.returncode == 0:
            self.status = json.loads(output)
        return bool(process.returncode == 0 and self.status["ready"])

    async def run(self, *argv: str, user: str | None = None, stdin: str = "") -> str:
        """Run a command inside, as root or as an account of the site, and return what it printed."""
        as_user = ("--user", user) if user else ()
        return await run_command(*self.command("exec", *as_user, "--", *argv), stdin=stdin)

    async def restart_hub(self) -> None:
        """End the site's hub and start it again."""
        await run_command(*self.command("restart", "hub"))
        await self.look()

    def set_bases(self, bases: str) -> None:
        """Have the jobs of the next hub run from ``current`` below ``bases``."""
        path = Path(self.status["site_file"])
        text, changed = re.subn(r'(?m)^bases = ".*"$', lambda _: f'bases = "{bases}"', path.read_text())
        if changed != 1:
            raise SiteError(f"{path} does not name the bases once")
        path.write_text(text)

    async def prepare(self) -> None:
        """Lay out the bench's files, and have the kernel count the programs that end inside."""
        programs = self.folder / "bench"
        programs.mkdir(parents=True)
        for file in (CHECKOUT / "bench").glob("*.py"):
            shutil.copy(file, programs)
        standin = self.standin
        standin.parent.mkdir(parents=True)
        shutil.copy(CHECKOUT / "bench" / "standin.py", standin)
        standin.chmod(0o755)
        await self.run("/usr/bin/python3", str(programs / "accounting.py"), str(self.ledger.path))


def read_tail(log_file: Path) -> str:
    """The end of a log."""
    return log_file.read_text(errors="replace")[-MOST_LOG:]


async def run_command(*argv: str, stdin: str = "") -> str:
    """Run a command and return what it printed; raises SiteError with its words when it fails."""
    process = await asyncio.create_subprocess_exec(*argv, stdin=PIPE, stdout=PIPE, stderr=STDOUT)
    output, _ = await process.communicate(stdin.encode())
    text = output.decode(errors="replace")
    if process.returncode != 0:
        raise SiteError(f"{' '.join(argv[-4:])}: exit status {process.returncode}\n{text.strip()[-MOST_LOG:]}")
    return text


@asynccontextmanager
async def open_site(log_file: Path) -> AsyncIterator[Site]:
    """An embedded site on a fresh folder, which is removed in the end."""
    state = Path(tempfile.mkdtemp(prefix="neuronhub-bench-", dir="/var/tmp"))
    site = Site(state)
    process: Process | None = None
    try:
        with log_file.open("wb") as log:
            command = site.command()
            process = await asyncio.create_subprocess_exec(
                *command, "--http", f"--port={PORT}", stdin=DEVNULL, stdout=log, stderr=log, cwd=CHECKOUT
            )
        await _wait_until_ready(site, process, log_file)
        await site.prepare()
        yield site
    finally:
        if process is not None and process.returncode is None:
            process.terminate()
            await process.wait()
        shutil.rmtree(state, ignore_errors=True)


async def _wait_until_ready(site: Site, process: Process, log_file: Path) -> None:
    async with asyncio.timeout(READY_WITHIN_S):
        while not await site.look():
            if process.returncode is not None:
                raise SiteError(f"The embedded site did not start:\n{read_tail(log_file)}")
            await asyncio.sleep(LOOK_S)
