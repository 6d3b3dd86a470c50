"""The environment of a server: nothing of the submitter, everything of the job, and the site has the last word."""

from __future__ import annotations

import os
import pwd
import sys
from pathlib import Path

import pytest

from neuronhub.environments.layout import Layout
from neuronhub.workbench.environment import login_shell, make_environment

LAYOUT = Layout(Path("/scratch/alice/.conda"), Path("/apps/jupyter/bases"), "layered", ("conda-forge",), {}, None)


def test_only_the_job_itself_is_kept() -> None:
    job = {"SLURM_JOB_ID": "42", "CUDA_VISIBLE_DEVICES": "0,1", "LD_PRELOAD": "/tmp/x.so", "PYTHONPATH": "/tmp"}
    environment = make_environment(job, {"JUPYTERHUB_USER": "alice"}, None)
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
    ticket = {"LANG": "ko_KR.UTF-8", "SLURM_JOB_ID": "2"}
    assert make_environment({"SLURM_JOB_ID": "1"}, ticket, None)["LANG"] == "ko_KR.UTF-8"


def test_programs_and_kernels_of_the_notebook_environment_come_first() -> None:
    environment = make_environment({}, {}, LAYOUT)
    prefix = "/scratch/alice/.conda/envs/notebook"
    assert environment["PATH"] == f"{prefix}/bin:{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin"
    assert environment["JUPYTER_PATH"] == f"{prefix}/share/jupyter"
    assert environment["PYTHONNOUSERSITE"] == "1"
    assert "CONDA_PREFIX" not in environment, "the server itself is the base's"


@pytest.mark.parametrize("shell", ["/usr/sbin/nologin", "/bin/false", "/no/such/shell", ""])
def test_a_shell_that_cannot_be_used_is_bash(shell: str, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = pwd.struct_passwd(("alice", "x", 1000, 1000, "", "/home/alice", shell))
    monkeypatch.setattr(pwd, "getpwuid", lambda uid: entry)
    assert login_shell() == "/bin/bash"


def test_jupyter_speaks_the_readers_language() -> None:
    korean = Path(make_environment({}, {"NEURONHUB_LANGUAGE": "ko"}, None)["JUPYTER_CONFIG_PATH"])
    assert "ko_KR" in (korean / "labconfig" / "default_setting_overrides.json").read_text()


@pytest.mark.parametrize("language", ["en", "", "fr", ".."])
def test_any_other_language_is_jupyters_own(language: str) -> None:
    assert "JUPYTER_CONFIG_PATH" not in make_environment({}, {"NEURONHUB_LANGUAGE": language}, None)
