"""The embedded site as tests see it: one running ``neuronhub demo``, and what can be asked of it."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import pyotp

from neuronhub.demo.cli import render_entry
from neuronhub.demo.control import ask
from neuronhub.demo.errors import DemoError
from neuronhub.demo.state import StateFolder

COMMAND = (sys.executable, "-m", "neuronhub.cli", "demo")
OTP_STEP_S = 30


@dataclass(frozen=True)
class Account:
    """Somebody who may sign in."""

    id: str
    password: str
    otp_secret: str


@dataclass
class RunningSite:
    """One running embedded site. All times are limits; nothing here waits longer."""

    url: str
    state_dir: Path
    slurm_conf: Path
    site_file: Path
    ca_file: Path
    log_dir: Path
    hub_api_url: str
    proxy_api_url: str
    ldap_url: str
    admin_token: str = field(repr=False)
    pid: int
    """The site's process 1, as seen outside."""
    accounts: dict[str, Account] = field(repr=False)
    _spent: dict[str, int] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, state_dir: Path) -> RunningSite:
        """The site that runs on ``state_dir``."""
        status = fetch_status(state_dir)
        values: dict[str, Any] = {entry.name: status[entry.name] for entry in fields(cls) if entry.name in status}
        for name in ("state_dir", "slurm_conf", "site_file", "ca_file", "log_dir"):
            values[name] = Path(values[name])
        values["accounts"] = {entry["id"]: Account(**entry) for entry in status["accounts"]}
        return cls(**values)

    def otp(self, account: str) -> str:
        """A code that this site has not been shown yet; waits for the next one (30 s at most) when it has to.

        The site takes the codes of one step before and after the present one too, each once and in rising order.
        """
        while True:
            now = int(time.time()) // OTP_STEP_S
            step = max(now, self._spent.get(account, 0) + 1)
            if step <= now + 1:
                break
            time.sleep(0.2)
        self._spent[account] = step
        return pyotp.TOTP(self.accounts[account].otp_secret).at(step * OTP_STEP_S)

    def run_inside(
        self, argv: Sequence[str], user: str | None = None, *, check: bool = True, stdin: str = "", within_s: float = 60
    ) -> subprocess.CompletedProcess[str]:
        """Run a command inside the site, as root or as one of its accounts; ``check``: it must succeed."""
        command, environment = render_entry(self.pid, user, argv)
        done = subprocess.run(
            command, env=environment, input=stdin, text=True, capture_output=True, timeout=within_s, check=False
        )
        assert not check or done.returncode == 0, f"{argv} failed: {done.stdout}{done.stderr}"
        return done

    def part(self, action: str, name: str) -> None:
        """``start``, ``stop``, ``kill``, ``restart``, ``pause`` or ``resume`` a part (``hub``, ``slurmctld`` ...)."""
        command = (*COMMAND, "--state", str(self.state_dir), action, name)
        done = subprocess.run(command, text=True, capture_output=True, timeout=100, check=False)
        assert done.returncode == 0, f"{action} {name}: {done.stdout}{done.stderr}"

    @contextlib.contextmanager
    def without(self, name: str, action: str = "stop") -> Iterator[None]:
        """The site while a part is stopped, killed or paused; it is there again afterwards."""
        self.part(action, name)
        try:
            yield
        finally:
            self.part("resume" if action == "pause" else "start", name)

    def parts(self) -> dict[str, int]:
        """Process ids, as seen outside, of the parts that run."""
        found: dict[str, int] = fetch_status(self.state_dir)["parts"]
        return found

    def log(self, part: str) -> str:
        """What a part has printed so far."""
        return (self.log_dir / f"{part}.log").read_text(errors="replace")


def _end_with_the_tests() -> None:
    """Have the kernel end this process when its parent is killed, so that no site outlives the tests."""
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGTERM, 0, 0, 0)


def fetch_status(state_dir: Path) -> dict[str, Any]:
    """``neuronhub demo status --json``."""
    command = (*COMMAND, "--state", str(state_dir), "status", "--json")
    done = subprocess.run(command, text=True, capture_output=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    status: dict[str, Any] = json.loads(done.stdout)
    return status


def _is_ready(state_dir: Path) -> bool:
    try:
        answer, _ = ask(StateFolder(state_dir).control_socket, "status")
    except DemoError:
        return False
    return answer["ready"] is True


class DemoCommand:
    """One ``neuronhub demo`` in the foreground of its own; what it shows goes to ``STATE.out`` beside its folder."""

    def __init__(self, state_dir: Path, *options: str) -> None:
        self.state_dir = state_dir
        self._shown = state_dir.with_name(state_dir.name + ".out")
        environment = {name: value for name, value in os.environ.items() if not name.startswith("NEURONHUB_")}
        command = (*COMMAND, "--state", str(state_dir), *options)
        with self._shown.open("wb") as output:
            self.process = subprocess.Popen(
                command, stdout=output, stderr=output, env=environment, preexec_fn=_end_with_the_tests
            )

    @property
    def shown(self) -> str:
        """What it has shown so far."""
        return self._shown.read_text(errors="replace")

    def wait_until_ready(self, within_s: float = 120) -> RunningSite:
        """The site, once it is ready."""
        deadline = time.monotonic() + within_s
        while not _is_ready(self.state_dir):
            assert self.process.poll() is None, f"the embedded site did not start:\n{self.shown}"
            assert time.monotonic() < deadline, f"not ready after {within_s} s:\n{self.shown}"
            time.sleep(0.1)
        return RunningSite.of(self.state_dir)

    def end(self, number: signal.Signals = signal.SIGTERM, within_s: float = 20) -> int:
        """Send a signal, and return the exit status; kills the command (and raises) when it takes longer."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            return self.process.wait(within_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise


@contextlib.contextmanager
def run_site(state_dir: Path, *options: str) -> Iterator[RunningSite]:
    """Start an embedded site on ``state_dir`` and end it afterwards."""
    command = DemoCommand(state_dir, *options)
    try:
        yield command.wait_until_ready()
    finally:
        command.end()
