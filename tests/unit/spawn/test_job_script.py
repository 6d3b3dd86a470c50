"""The batch script: run by a real shell, with hostile values in the ticket."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from neuronhub.protocol import EXIT_BASE_MISSING, EXIT_LOG_FOLDER, StartTicket
from neuronhub.spawn.job_script import render_job_script

HOSTILE = "$(touch pwned) `touch pwned` '\" \\ \n TICKET\nTICKET\n; touch pwned; 한글 %s {x}"


def make_ticket() -> StartTicket:
    return StartTicket(
        environment={"JUPYTERHUB_API_TOKEN": "secret", "HOSTILE": HOSTILE},
        base_url="/user/alice/",
        workspace="/scratch/alice/workspace",
        examples="",
        args=("--x=" + HOSTILE,),
    )


def run(script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/sh"],
        input=script,
        text=True,
        capture_output=True,
        cwd=folder,
        env={"SLURM_JOB_ID": "42", "SLURMD_NODENAME": "jn01", "PATH": "/usr/bin:/bin"},
        check=False,
    )


def make_base(folder: Path) -> Path:
    """A base whose ``python`` prints its arguments and its standard input."""
    python = folder / "base dir" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\necho "args: $*"\ncat\n')
    python.chmod(0o755)
    return folder / "base dir"


def test_the_ticket_arrives_as_it_was_and_the_log_is_private(tmp_path: Path) -> None:
    log_dir = tmp_path / "it's a $HOME" / "log"
    done = run(render_job_script(make_ticket(), log_dir, make_base(tmp_path)), tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    log = log_dir / "42.log"
    head, first, ticket = log.read_text().splitlines()
    assert head == "job 42 on jn01"
    assert first == "args: -I -m neuronhub.workbench.launcher"
    assert StartTicket.from_json(ticket) == make_ticket()
    assert json.loads(ticket)["environment"]["HOSTILE"] == HOSTILE
    assert not list(tmp_path.rglob("pwned"))
    assert log.stat().st_mode & 0o077 == 0


def test_a_log_folder_that_cannot_be_made_has_its_own_exit_code(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = run(render_job_script(make_ticket(), tmp_path / "file" / "log", make_base(tmp_path)), tmp_path)
    assert done.returncode == EXIT_LOG_FOLDER


def test_a_full_disk_has_the_same_exit_code(tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    (tmp_path / "log" / "42.log").symlink_to("/dev/full")
    done = run(render_job_script(make_ticket(), tmp_path / "log", make_base(tmp_path)), tmp_path)
    assert done.returncode == EXIT_LOG_FOLDER


def test_a_missing_base_says_so_in_the_log(tmp_path: Path) -> None:
    done = run(render_job_script(make_ticket(), tmp_path / "log", tmp_path / "nowhere"), tmp_path)
    assert done.returncode == EXIT_BASE_MISSING
    assert "jn01" in (tmp_path / "log" / "42.log").read_text()


def test_the_server_runs_from_the_real_folder_of_the_base_that_is_active_now(tmp_path: Path) -> None:
    python = make_base(tmp_path) / "bin" / "python"
    python.write_text('#!/bin/sh\necho "$0"\n')
    (tmp_path / "current").symlink_to("base dir")
    run(render_job_script(make_ticket(), tmp_path / "log", tmp_path / "current"), tmp_path)
    assert (tmp_path / "log" / "42.log").read_text().splitlines()[1] == str(python)


@pytest.mark.parametrize("line", ["x", "x" * 100_000])
def test_long_tickets_arrive_too(tmp_path: Path, line: str) -> None:
    ticket = StartTicket({"A": line}, "/", "/w", "")
    done = run(render_job_script(ticket, tmp_path / "log", make_base(tmp_path)), tmp_path)
    assert done.returncode == 0
    assert StartTicket.from_json((tmp_path / "log" / "42.log").read_text().splitlines()[2]) == ticket
