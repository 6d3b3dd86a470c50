"""The two ways to Slurm of the contract tests: the daemons of the embedded site, and what they once printed."""

from __future__ import annotations

import asyncio
import contextlib
import re
import subprocess
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from tests.embedded import RunningSite

from neuronhub.demo.shape import HUB_USER, RESEARCHERS
from neuronhub.errors import SlurmError
from neuronhub.process import Output
from neuronhub.site import Slurm, read_site
from neuronhub.slurm.commands import Commands

Answer = TypeVar("Answer")

RECORDED = Path(__file__).parent / "recorded"
PROGRAMS = ("sinfo", "squeue", "scontrol", "sacct", "sacctmgr", "sreport", "sstat", "sbatch", "scancel")
PATIENCE_S = 40.0

_SEPARATOR = re.compile(r"\|[0-9a-f]{16}\|")
_PLACEHOLDER = "|SEPARATOR|"
_NEXT = "-- next command\n"


class RealCommands(Commands):
    """Remembers what the commands of a question printed; None for one without an end."""

    def __init__(self, settings: Slurm) -> None:
        super().__init__(settings, become=True)
        self.printed: list[Output | None] = []

    async def _run(self, program: str, argv: list[str], *, stdin: str | None = None, linger_s: float = 0.0) -> Output:
        self.printed.append(None)
        self.printed[-1] = output = await super()._run(program, argv, stdin=stdin, linger_s=linger_s)
        return output


class RecordedCommands(Commands):
    """Runs nothing: commands print what is in ``recording``, one after the other."""

    recording: list[Output]

    async def _run(self, program: str, argv: list[str], *, stdin: str | None = None, linger_s: float = 0.0) -> Output:
        output = self.recording.pop(0)
        drawn = _SEPARATOR.search(" ".join(argv))
        return Output(output.code, output.stdout.replace(_PLACEHOLDER, drawn[0] if drawn else ""), output.stderr)


class Door:
    """``site`` is None for the recorded answers; then nothing is arranged, and questions are answered from files."""

    def __init__(self, site: RunningSite | None, folder: Path, *, record: bool = False) -> None:
        self.site = site
        self.record = record
        self.real = RealCommands(make_settings(site, folder)) if site else None
        self.recorded = RecordedCommands(Slurm(), become=True)
        self.commands: Commands = self.real or self.recorded

    def inside(self, *argv: str, user: str | None = None, stdin: str = "") -> None:
        """Run a command in the site, to arrange something."""
        if self.site is not None:
            become = make_become(user) if user else ()
            command = (*make_enter(self.site), *become, *argv)
            done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=60, check=False)
            assert done.returncode == 0, f"{argv}: {done.stdout}{done.stderr}"

    @contextlib.contextmanager
    def arranged(self, do: Sequence[str], undo: Sequence[str]) -> Iterator[None]:
        """Have something arranged by ``do`` and taken back by ``undo``."""
        self.inside(*do)
        try:
            yield
        finally:
            self.inside(*undo)

    def without(self, part: str, action: str) -> contextlib.AbstractContextManager[None]:
        """The site while a part is stopped or paused."""
        return contextlib.nullcontext() if self.site is None else self.site.without(part, action)

    async def ask(
        self, name: str, question: Callable[[], Awaitable[Answer]], until: Callable[[Answer], object] = lambda _: True
    ) -> Answer:
        """Put a question to Slurm until ``until`` holds for the answer; ``name`` is the recording's."""
        if self.real is None:
            self.recorded.recording = read_recording(name)
            answer = await question()
            assert until(answer), answer
            return answer
        deadline = time.monotonic() + PATIENCE_S
        try:
            while True:
                self.real.printed.clear()
                answer = await question()
                if until(answer):
                    break
                assert time.monotonic() < deadline, answer
                await asyncio.sleep(0.3)
        except SlurmError:
            self._save(name)
            raise
        self._save(name)
        return answer

    def _save(self, name: str) -> None:
        if not self.record or self.site is None or self.real is None:
            return
        outputs = [output for output in self.real.printed if output is not None]
        assert len(outputs) == len(self.real.printed), f"{name}: a command without an end cannot be recorded"
        text = _NEXT.join(f"exit {output.code}\n{output.stderr}-- stdout\n{output.stdout}" for output in outputs)
        text = _SEPARATOR.sub(_PLACEHOLDER, text.replace(str(self.site.state_dir), "/site"))
        (RECORDED / f"{name}.txt").write_text(text)


def read_recording(name: str) -> list[Output]:
    """What the commands of one question once printed, in their order."""
    return [_parse_output(text) for text in (RECORDED / f"{name}.txt").read_text().split(_NEXT)]


def _parse_output(text: str) -> Output:
    head, stdout = text.split("-- stdout\n", 1)
    status, stderr = head.split("\n", 1)
    return Output(int(status.removeprefix("exit ")), stdout, stderr)


def make_enter(site: RunningSite) -> tuple[str, ...]:
    """What to put before a command to have it run inside the site; quicker than the site's own ``exec``."""
    return ("/usr/bin/nsenter", f"--target={site.pid}", "--mount", "--pid", "--uts", "--ipc", "--wdns=/", "--")


def make_become(user: str) -> tuple[str, ...]:
    """What to put before a command to have it run as ``user``."""
    group = user if user == HUB_USER else RESEARCHERS
    return ("/usr/bin/setpriv", f"--reuid={user}", f"--regid={group}", "--init-groups", "--")


def make_settings(site: RunningSite, folder: Path) -> Slurm:
    """The site file's settings, with programs that step into the site first and run there as the hub does."""
    enter = " ".join(("exec", *make_enter(site), *make_become(HUB_USER)))
    for program in PROGRAMS:
        _write_program(folder / program, f'{enter} /usr/bin/{program} "$@"')
    rename = f'for a; do shift; case "$a" in {folder}/*) a=/usr/bin/${{a##*/}};; esac; set -- "$@" "$a"; done'
    _write_program(folder / "sudo", f'{rename}\n{enter} /usr/bin/sudo "$@"')
    return read_site(site.site_file).slurm.model_copy(
        update={"bin_dir": folder, "sudo": folder / "sudo", "command_timeout_s": 15.0}
    )


def _write_program(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
