"""The environment of a server: nothing of the submitter, everything of the job, and the site has the last word."""

from __future__ import annotations

import os
import pwd
import sys
from pathlib import Path

import pytest

from neuronhub.workbench.environment import login_shell, make_environment


def test_only_the_job_itself_is_kept() -> None:
    job = {"SLURM_JOB_ID": "42", "CUDA_VISIBLE_DEVICES": "0,1", "LD_PRELOAD": "/tmp/x.so", "PYTHONPATH": "/tmp"}
    environment = make_environment(job, {"JUPYTERHUB_USER": "alice"})
    user = pwd.getpwuid(os.getuid())
    assert environment == {
        "SLURM_JOB_ID": "42",
        "CUDA_VISIBLE_DEVICES": "0,1",
        "JUPYTERHUB_USER": "alice",
        "HOME": user.pw_dir,
        "USER": user.pw_name,
        "LOGNAME": user.pw_name,
        "SHELL": login_shell(),
        "PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
    }


def test_the_ticket_wins() -> None:
    assert (
        make_environment({"SLURM_JOB_ID": "1"}, {"LANG": "ko_KR.UTF-8", "SLURM_JOB_ID": "2"})["LANG"] == "ko_KR.UTF-8"
    )


@pytest.mark.parametrize("shell", ["/usr/sbin/nologin", "/bin/false", "/no/such/shell", ""])
def test_a_shell_that_cannot_be_used_is_bash(shell: str, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = pwd.struct_passwd(("alice", "x", 1000, 1000, "", "/home/alice", shell))
    monkeypatch.setattr(pwd, "getpwuid", lambda uid: entry)
    assert login_shell() == "/bin/bash"


def test_jupyter_speaks_the_readers_language() -> None:
    korean = Path(make_environment({}, {"NEURONHUB_LANGUAGE": "ko"})["JUPYTER_CONFIG_PATH"])
    assert "ko_KR" in (korean / "labconfig" / "default_setting_overrides.json").read_text()


@pytest.mark.parametrize("language", ["en", "", "fr", ".."])
def test_any_other_language_is_jupyters_own(language: str) -> None:
    assert "JUPYTER_CONFIG_PATH" not in make_environment({}, {"NEURONHUB_LANGUAGE": language})
