"""What a researcher finds on the embedded site's login node: a login shell, the command, three scripts (E1, E3, E5)."""

from __future__ import annotations

import os
import pty
import subprocess

import pytest
from tests.embedded import COMMAND, RunningSite

pytestmark = pytest.mark.contract

APPS = "/apps/jupyter"


def login(site: RunningSite, account: str, script: str, within_s: float = 120) -> str:
    """What a login shell of the account prints when it is given ``script`` to read."""
    argv = [*COMMAND, "--state", str(site.state_dir), "login", account]
    done = subprocess.run(
        argv, input=script, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=within_s, check=False
    )
    return done.stdout


def test_a_login_shell_is_the_accounts_own(site: RunningSite) -> None:
    said = login(site, "u41", 'id -un; id -gn; pwd; echo "$HOME $SHELL $0"; command -v neuronhub; hostname').split("\n")
    assert said[:6] == [
        "u41",
        "researchers",
        "/home/u41",
        "/home/u41 /bin/bash -bash",
        "/usr/local/bin/neuronhub",
        "neuronhub-demo",
    ]


def test_on_a_terminal_it_gets_a_terminal_of_its_own(site: RunningSite) -> None:
    argv = [*COMMAND, "--state", str(site.state_dir), "login", "u41"]
    outer, inner = pty.openpty()
    with subprocess.Popen(argv, stdin=inner, stdout=inner, stderr=inner, start_new_session=True) as shell:
        os.close(inner)
        os.write(outer, b'echo "<$(stat -c %U "$(tty)")>"; exit\n')
        said = b""
        try:
            while chunk := os.read(outer, 4096):
                said += chunk
        except OSError:  # so a terminal says that the other side is closed
            os.close(outer)
        assert shell.wait(30) == 0
    assert b"<u41>" in said


def test_who_has_no_account_is_told_so(site: RunningSite) -> None:
    assert "There is no account root" in login(site, "root", "id")


def test_the_command_is_the_bases(site: RunningSite) -> None:
    said = site.run_inside(["/bin/sh", "-c", "head -n 2 $(command -v neuronhub); neuronhub --version"], "u41").stdout
    assert f"exec {APPS}/bases/current/bin/neuronhub" in said
    assert "neuronhub, version" in said


def test_the_environment_is_made_once_by_the_script(site: RunningSite) -> None:
    script = f"{APPS}/kisti_conda_jupyter.sh"
    first = login(site, "u42", script)
    assert "/scratch/u42/.conda/envs/notebook" in first
    assert "conda activate notebook" in first
    bashrc = site.run_inside(["/bin/cat", "/home/u42/.bashrc"], "u42").stdout
    assert bashrc.count("# >>> neuronhub >>>") == bashrc.count("# <<< neuronhub <<<") == 1
    assert "/scratch/u42/.conda" in bashrc
    made = site.run_inside(["/usr/bin/stat", "-c", "%i", "/scratch/u42/.conda/envs/notebook"], "u42").stdout
    login(site, "u42", script)
    assert site.run_inside(["/bin/cat", "/home/u42/.bashrc"], "u42").stdout == bashrc
    assert site.run_inside(["/usr/bin/stat", "-c", "%i", "/scratch/u42/.conda/envs/notebook"], "u42").stdout == made
    said = login(
        site, "u42", 'bash -ic "echo [\\$CONDA_DEFAULT_ENV]; conda activate notebook; which python; echo [\\$PS1]"'
    )
    assert "[]" in said.splitlines()  # not activated by itself
    assert "/scratch/u42/.conda/envs/notebook/bin/python" in said.splitlines()
    assert "[(notebook)" in said


def test_the_second_script_wants_the_notebook_environment(site: RunningSite) -> None:
    login(site, "u43", f"{APPS}/kisti_conda_jupyter.sh")
    script = f"{APPS}/kisti_conda_plugins.sh"
    refused = login(site, "u43", f"{script}; echo code $?")
    assert "The notebook environment is not active" in refused
    assert "conda activate notebook" in refused
    assert "code 1" in refused
    assert "활성화되어 있지 않습니다" in login(site, "u43", f"LANG=ko_KR.UTF-8 {script}")
    confirmed = login(site, "u43", f'bash -ic "conda activate notebook; {script}; echo code \\$?"')
    assert "TensorBoard and IPython Clusters are in the web pages" in confirmed
    assert "code 0" in confirmed
    assert site.run_inside(["/bin/ls", "/home/u43/.ipython"], "u43").stdout.split() == ["profile_slurm"]


def test_a_broken_environment_is_put_back_by_the_third_script(site: RunningSite) -> None:
    login(
        site,
        "u44",
        f"{APPS}/kisti_conda_jupyter.sh; mkdir -p /scratch/u44/workspace; touch /scratch/u44/workspace/mine",
    )
    kernel = "/scratch/u44/.conda/envs/notebook/bin/python -c 'import ipykernel' && echo sound"
    shadow = "/scratch/u44/.conda/envs/notebook/lib/python3.*/site-packages"
    assert "sound" in login(site, "u44", kernel)
    assert "sound" not in login(site, "u44", f"echo 'raise ImportError' > $(echo {shadow})/ipykernel.py; {kernel}")
    asked = login(site, "u44", f"{APPS}/reset_env.sh; echo code $?; {kernel}")
    assert "Your workspace is not touched" in asked
    assert "code 0" not in asked
    assert "sound" not in asked
    assert "sound" in login(site, "u44", f"{APPS}/reset_env.sh --yes; {kernel}")
    assert site.run_inside(["/bin/ls", "/scratch/u44/workspace"], "u44").stdout.split() == ["mine"]


def test_everybody_reads_the_site_file(site: RunningSite) -> None:
    said = site.run_inside(["/bin/cat", "/etc/neuronhub/site.toml"], "u41").stdout
    assert f'channels = ["file://{APPS}/channel"]' in said
