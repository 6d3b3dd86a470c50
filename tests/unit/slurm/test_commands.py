from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from neuronhub.errors import SlurmNotPermitted, SlurmRefused, SlurmUnavailable
from neuronhub.site import Slurm
from neuronhub.slurm.commands import Commands
from neuronhub.slurm.types import JobRequest

REQUEST = JobRequest(
    user="alice",
    name="nh-1",
    partition="gpu",
    time_limit=timedelta(hours=1),
    script="#!/bin/sh\ntrue\n",
    exclusive=True,
    account="a1",
    options=("--comment=jupyter",),
)
PROGRAMS = ("sinfo", "squeue", "scontrol", "sacct", "sbatch", "scancel", "sudo")


class Stand:
    """Programs that write down how they were run and then say what they are told to."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.settings = Slurm(conf=folder / "slurm.conf", bin_dir=folder, sudo=folder / "sudo", command_timeout_s=5.0)
        for program in PROGRAMS:
            self.say(program)

    def say(self, program: str, stdout: str = "", stderr: str = "", code: int = 0) -> None:
        """Have ``program`` print this; ``{separator}`` in it is replaced by the separator it was given."""
        script = f"""#!{sys.executable} -I
import json, os, re, sys
read = sys.stdin.read() if {program in ("sbatch", "sudo")} else ""
with open({str(self.folder / (program + ".runs"))!r}, "a") as runs:
    runs.write(json.dumps({{"argv": sys.argv[1:], "env": dict(os.environ), "stdin": read}}) + "\\n")
drawn = re.search(r"\\|[0-9a-f]{{16}}\\|", " ".join(sys.argv))
sys.stdout.write({stdout!r}.replace("{{separator}}", drawn[0] if drawn else ""))
sys.stderr.write({stderr!r})
sys.exit({code})
"""
        path = self.folder / program
        path.write_text(script)
        path.chmod(0o755)

    def list_runs(self, program: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.folder / f"{program}.runs").read_text().splitlines()]


@pytest.fixture
def stand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stand:
    monkeypatch.setenv("JUPYTERHUB_SECRET", "must not get out")
    return Stand(tmp_path)


async def test_submit_as_the_user(stand: Stand) -> None:
    stand.say("sudo", stdout="42\n")
    commands = Commands(stand.settings, become=True)
    assert await commands.submit(REQUEST) == 42
    (run,) = stand.list_runs("sudo")
    assert run["argv"] == [
        *("-n", "-u", "alice", "--", str(stand.folder / "sbatch"), "--parsable", "--job-name=nh-1"),
        *("--partition=gpu", "--time=1:00:00", "--nodes=1", "--exclusive", "--account=a1", "--no-requeue"),
        *("--export=ALL", "--output=/dev/null", "--chdir=/", "--comment=jupyter"),
    ]
    assert run["stdin"] == REQUEST.script
    assert commands.asked == {"sbatch": 1}


async def test_job_inherits_nothing_of_ours(stand: Stand) -> None:
    stand.say("sbatch", stdout="42\n")
    await Commands(stand.settings, become=False).submit(REQUEST)
    (run,) = stand.list_runs("sbatch")
    run["env"].pop("LC_CTYPE", None)  # the stand's own Python sets it
    assert run["env"] == {"PATH": "/usr/bin:/bin", "SLURM_CONF": str(stand.folder / "slurm.conf")}


async def test_questions_are_asked_in_utc_seconds_and_in_no_language(stand: Stand) -> None:
    await Commands(stand.settings, become=True).fetch_jobs()
    (run,) = stand.list_runs("squeue")
    assert {name: run["env"][name] for name in ("TZ", "SLURM_TIME_FORMAT", "LC_ALL")} == {
        "TZ": "UTC",
        "SLURM_TIME_FORMAT": "%s",
        "LC_ALL": "C",
    }
    assert "JUPYTERHUB_SECRET" not in run["env"]


async def test_separator_is_drawn_anew_for_every_question(stand: Stand) -> None:
    commands = Commands(stand.settings, become=False)
    for _ in range(3):
        assert await commands.fetch_jobs() == ()
        assert await commands.fetch_ended([7]) == ()
    for program in ("squeue", "sacct"):
        assert len({str(run["argv"]) for run in stand.list_runs(program)}) == 3


@pytest.mark.parametrize("user", ["#0", "-s", "", "al ice", "root;id", "../x", "alice\n"])
async def test_who_is_no_account_is_not_handed_to_sudo(stand: Stand, user: str) -> None:
    commands = Commands(stand.settings, become=True)
    with pytest.raises(ValueError, match="account ID"):
        await commands.cancel(user, [7])
    assert not (stand.folder / "sudo.runs").exists()


async def test_submit_refused(stand: Stand) -> None:
    stand.say("sudo", stderr="sbatch: error: Batch job submission failed: Invalid qos specification\n", code=1)
    with pytest.raises(SlurmRefused, match=r"^Invalid qos specification$"):
        await Commands(stand.settings, become=True).submit(REQUEST)


async def test_submit_not_permitted(stand: Stand) -> None:
    stand.say("sudo", stderr="sudo: a password is required\n", code=1)
    commands = Commands(stand.settings, become=True)
    with pytest.raises(SlurmNotPermitted, match="sudoers"):
        await commands.submit(REQUEST)
    with pytest.raises(SlurmNotPermitted, match="sudoers"):
        await commands.cancel("alice", [7])


async def test_submit_with_an_answer_nobody_can_read_is_no_answer(stand: Stand) -> None:
    stand.say("sbatch", stdout="Submitted batch job 7\n")
    with pytest.raises(SlurmUnavailable, match="cannot be read"):
        await Commands(stand.settings, become=False).submit(REQUEST)


async def test_cancel_by_id_and_by_name(stand: Stand) -> None:
    commands = Commands(stand.settings, become=False)
    await commands.cancel("alice", [7, 8])
    await commands.cancel("alice", [7], name="nh-1")
    await commands.cancel("alice", [], name="nh-1")
    await commands.cancel("alice", [])
    assert [run["argv"] for run in stand.list_runs("scancel")] == [
        ["7", "8"],
        ["--name=nh-1", "--user=alice", "7"],
        ["--name=nh-1", "--user=alice"],
    ]


async def test_accounting_is_not_asked_for_nothing(stand: Stand) -> None:
    commands = Commands(stand.settings, become=False)
    assert await commands.fetch_ended([]) == ()
    assert await commands.fetch_named([]) == ()
    assert commands.asked == {}


async def test_more_jobs_than_fit_into_an_argument_are_all_asked_for(stand: Stand) -> None:
    """Linux refuses to run a program with a longer one: after a long outage nothing would ever be charged."""
    ids, names = range(1_000_000, 1_040_000), [f"neuronhub-server-{number:016x}" for number in range(5000)]
    commands = Commands(stand.settings, become=False)
    assert await commands.fetch_usage(ids, names, datetime(2026, 11, 23, tzinfo=UTC)) == ()
    asked = [word for run in stand.list_runs("sacct") for word in run["argv"]]
    for option, expected in (("--jobs=", [str(number) for number in ids]), ("--name=", names)):
        lists = [word.removeprefix(option) for word in asked if word.startswith(option)]
        assert 1 < len(lists) <= 4
        assert ",".join(lists).split(",") == expected


@pytest.mark.parametrize("question", ["fetch_nodes", "fetch_partitions", "fetch_configuration"])
async def test_cluster_that_is_empty_is_no_answer(stand: Stand, question: str) -> None:
    with pytest.raises(SlurmUnavailable, match="cannot be read"):
        await getattr(Commands(stand.settings, become=False), question)()


@pytest.mark.parametrize("question", ["fetch_nodes", "fetch_partitions", "fetch_configuration", "fetch_jobs"])
@pytest.mark.parametrize(
    ("stdout", "stderr", "code"),
    [
        ("", "slurm_load_jobs error: Unable to contact slurm controller (connect failure)\n", 1),
        ("", "squeue: error: Munge encode failed\n", 1),
        ("half a row|\n", "", 0),
        ("", "", 1),
    ],
)
async def test_silence_in_every_question(stand: Stand, question: str, stdout: str, stderr: str, code: int) -> None:
    for program in ("sinfo", "squeue", "scontrol"):
        stand.say(program, stdout, stderr, code)
    with pytest.raises(SlurmUnavailable):
        await getattr(Commands(stand.settings, become=False), question)()


async def test_rows_are_cut_at_the_separator_of_the_question(stand: Stand) -> None:
    cells = ["7", "alice", "RUNNING", "gpu", "None", "1795417013", "N/A", "N/A", "1:00", "n/a", "0", "a|b\n8|x"]
    stand.say("squeue", stdout="".join(cell + "{separator}" for cell in cells) + "\n")
    (job,) = await Commands(stand.settings, become=False).fetch_jobs()
    assert (job.id, job.name) == (7, "a|b\n8|x")
