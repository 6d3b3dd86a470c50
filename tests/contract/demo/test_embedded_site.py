"""The embedded site on the real machine: what it leaves behind, and how it ends. Most of it needs no hub."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.embedded import COMMAND, DemoCommand, RunningSite, run_site

pytestmark = pytest.mark.contract

LONGEST_END_S = 15
LISTED = ("/", "/home", "/opt", "/etc", "/etc/sudoers.d", "/run", "/dev/shm")
BESIDE = ("PostgreSQL.", ".org.chromium.", "org.chromium.")
"""How shared memory begins of tests that run at the same time."""
READ = ("/etc/passwd", "/etc/group", "/etc/shadow", "/etc/hosts", "/etc/nsswitch.conf", "/proc/self/mountinfo")


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """Where the state folders lie; other users can pass through. They are kept from test to test: that is quicker."""
    with tempfile.TemporaryDirectory(prefix="neuronhub-test-", dir="/var/tmp") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def look_at_machine() -> dict[str, object]:
    """What a site must not change."""
    listed = {path: list_names(path) for path in LISTED if Path(path).is_dir()}
    return {**listed, **{path: Path(path).read_bytes() for path in READ if Path(path).exists()}}


def list_names(path: str) -> list[str]:
    """What lies in a folder, but for what is none of the site's."""
    return sorted(name for name in os.listdir(path) if not name.startswith(BESIDE))


def find_processes(namespace: int) -> list[str]:
    """Processes of a process namespace, which its inode names."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and (entry / "ns" / "pid").stat().st_ino == namespace:
                found.append((entry / "cmdline").read_text())
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue  # it ended while we looked, or belongs to the machine itself
    return found


def namespace_of(site: RunningSite) -> int:
    """The inode of the site's process namespace."""
    return Path(f"/proc/{site.pid}/ns/pid").stat().st_ino


def wait_until_accounted(site: RunningSite, job_name: str) -> None:
    """Until sacct knows the job: after a start, slurmctld takes its time to tell slurmdbd."""
    deadline = time.monotonic() + 30
    names = ""
    while job_name not in names.split():
        assert time.monotonic() < deadline, names
        names = site.run_inside(["sacct", "-n", "-X", "--user=alice", "--format=JobName%20"]).stdout
        time.sleep(0.5)


def test_it_leaves_the_machine_as_it_was(folder: Path) -> None:
    before = look_at_machine()
    command = DemoCommand(folder / "state", "--without", "hub")
    site = command.wait_until_ready()
    namespace = namespace_of(site)
    assert len(find_processes(namespace)) > 15
    assert look_at_machine() == before
    site.run_inside(["/bin/sh", "-c", "echo > /scratch/alice/x; echo > /home/alice/y; echo > /tmp/z"], "alice")
    for place in ("/etc", "/usr", "/opt", "/var"):
        site.run_inside(["/usr/bin/touch", f"{place}/from-inside"], check=False)
    assert command.end() == 0
    assert find_processes(namespace) == []
    assert look_at_machine() == before
    assert not Path("/usr/from-inside").exists()
    assert not Path("/var/from-inside").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_it_ends_in_time_whatever_the_jobs_do(folder: Path, number: signal.Signals) -> None:
    command = DemoCommand(folder / "state", "--without", "hub")
    site = command.wait_until_ready()
    stubborn = "trap '' TERM INT HUP; setsid sleep 300 & while :; do sleep 1; done"
    site.run_inside(["sbatch", "--output=/dev/null", f"--wrap={stubborn}"], "alice")
    namespace, began = namespace_of(site), time.monotonic()
    assert command.end(number) == 0
    assert time.monotonic() - began < LONGEST_END_S
    assert find_processes(namespace) == []


def test_killing_the_command_ends_everything_and_the_state_is_good_afterwards(folder: Path) -> None:
    command = DemoCommand(folder / "state", "--without", "hub")
    site = command.wait_until_ready()
    namespace = namespace_of(site)
    assert command.end(signal.SIGKILL) == -signal.SIGKILL
    deadline = time.monotonic() + 5
    while find_processes(namespace):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    with run_site(folder / "state", "--without", "hub") as again:
        assert again.accounts == site.accounts
        again.run_inside(["srun", "--time=1", "/bin/true"], "alice")


def test_a_second_start_keeps_what_the_first_one_had(folder: Path) -> None:
    with run_site(folder / "state", "--without", "hub") as first:
        first.run_inside(["srun", "--time=1", "--job-name=remembered", "/bin/true"], "alice")
        first.run_inside(["/bin/sh", "-c", "echo kept > /scratch/alice/file"], "alice")
    with run_site(folder / "state", "--without", "hub") as second:
        assert second.accounts == first.accounts
        assert second.run_inside(["/bin/cat", "/scratch/alice/file"], "alice").stdout == "kept\n"
        wait_until_accounted(second, "remembered")
    with run_site(folder / "state", "--without", "hub", "--fresh") as fresh:
        assert fresh.accounts != first.accounts
        assert fresh.run_inside(["/bin/ls", "/scratch/alice"], "alice").stdout == ""


def test_one_folder_has_one_site(folder: Path) -> None:
    with run_site(folder / "state", "--without", "hub") as site:
        second = DemoCommand(folder / "state", "--without", "hub", "--fresh")
        assert second.process.wait(20) == 1
        assert "runs on" in second.shown
        assert site.parts()


def test_two_sites_run_side_by_side(folder: Path) -> None:
    with (
        run_site(folder / "one", "--without", "hub") as one,
        run_site(folder / "two", "--without", "hub") as two,
    ):
        assert one.url != two.url
        for site, name in ((one, "first"), (two, "second")):
            site.run_inside(["sbatch", "--output=/dev/null", f"--job-name={name}", "--wrap=sleep 60"], "alice")
        for site, name in ((one, "first"), (two, "second")):
            outside = os.environ | {"SLURM_CONF": str(site.slurm_conf)}
            seen = subprocess.run(
                ["/usr/bin/squeue", "-h", "-o", "%j"], env=outside, text=True, capture_output=True, check=True
            )
            assert seen.stdout.split() == [name]


@pytest.mark.parametrize("part", ["slapd", "slurmd-jn03"])
def test_a_part_that_dies_is_named_with_its_last_words(folder: Path, part: str) -> None:
    command = DemoCommand(folder / "state", "--without", "hub")
    site = command.wait_until_ready()
    os.kill(site.parts()[part], signal.SIGKILL)
    assert command.process.wait(20) == 1
    assert f"{part} was ended by SIGKILL" in command.shown
    assert str(site.log_dir / f"{part}.log") in command.shown


def test_a_part_that_does_not_start_is_named_with_its_last_words(folder: Path) -> None:
    with run_site(folder / "state", "--without", "hub"):
        pass
    (folder / "state" / "ldap" / "data" / "data.mdb").write_text("not a database")
    command = DemoCommand(folder / "state", "--without", "hub")
    assert command.process.wait(60) == 1
    assert "slapd ended with exit status 1" in command.shown
    assert "  | " in command.shown


def test_nothing_runs_is_said_and_is_an_error(folder: Path) -> None:
    done = subprocess.run(
        [*COMMAND, "--state", str(folder / "state"), "status", "--json"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert "No embedded site runs on" in done.stderr
