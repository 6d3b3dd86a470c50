"""Rows E1, E2, E3, E5 in a login shell: the scripts, activation there and in jobs, a way out of what is broken."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from tests.embedded import RunningSite
from tests.journeys.shells import LoginShell

APPS = "/apps/jupyter"
PERSON = "u46"
PREFIX = f"/scratch/{PERSON}/.conda/envs/notebook"
WORKSPACE = f"/scratch/{PERSON}/workspace"
JOB = r"#!/bin/bash -l\nconda activate notebook\ncommand -v python\nconda deactivate\necho left=$CONDA_DEFAULT_ENV\n"
BREAK = "shopt -s dotglob; rm -r $CONDA_PREFIX/lib/python3*/site-packages/*; rm $CONDA_PREFIX/bin/python*"


@pytest.fixture
def new_account(site: RunningSite) -> Iterator[str]:
    """Somebody whose home and scratch folders are as an operator makes them."""

    def renew() -> None:
        find = ["/usr/bin/find", f"/scratch/{PERSON}", f"/home/{PERSON}", "-mindepth", "1", "-delete"]
        site.run_inside(find)
        site.run_inside(["/bin/sh", "-c", f"cp /etc/skel/.[a-z]* /home/{PERSON}; chown -R {PERSON}: /home/{PERSON}"])

    renew()
    yield PERSON
    renew()


def test_E1_E2_E3_E5_on_a_login_node(site: RunningSite, new_account: str) -> None:
    with LoginShell(site.state_dir, new_account) as shell:
        make_environment(shell)
    with LoginShell(site.state_dir, new_account) as shell:
        assert "(" not in shell.prompt, "nothing is active by itself"
        refuse_and_confirm(shell)
        use_in_jobs(shell)
        break_and_reset(shell)


def make_environment(shell: LoginShell) -> None:
    """E1, twice."""
    seen = shell.run(f"{APPS}/kisti_conda_jupyter.sh")
    assert re.search(r"━ 100% .*The environment is ready\.\n", seen), "a bar shows the progress"
    assert f"The notebook environment is in {PREFIX}." in seen
    assert shell.code() == 0
    bashrc = shell.run("cat ~/.bashrc")
    assert bashrc.count("# >>> neuronhub >>>") == 1
    assert f"CONDA_ENVS_PATH=/scratch/{PERSON}/.conda/envs\n" in bashrc
    assert f"CONDA_PKGS_DIRS=/scratch/{PERSON}/.conda/pkgs\n" in bashrc
    seen = shell.run(f"{APPS}/kisti_conda_jupyter.sh")
    assert "%" not in seen, "there was nothing to do"
    assert shell.run("cat ~/.bashrc") == bashrc
    assert shell.run("ls ~/.ipython").split() == ["profile_slurm"]


def refuse_and_confirm(shell: LoginShell) -> None:
    """E2, E3."""
    seen = shell.run(f"{APPS}/kisti_conda_plugins.sh")
    assert seen.split("\n") == ["The notebook environment is not active (none is). Run: conda activate notebook"]
    assert shell.code() == 1
    shell.run("conda activate notebook")
    assert shell.prompt.startswith("(notebook) ")
    assert shell.run("command -v python") == f"{PREFIX}/bin/python"
    assert "TensorBoard and IPython Clusters are in the web pages" in shell.run(f"{APPS}/kisti_conda_plugins.sh")
    assert shell.code() == 0
    names = "jupyterhub, jupyterlab, notebook, ipyparallel, tensorboard, sklearn"
    assert shell.run(f"python -c 'import {names}; print(6 * 7)'") == "42"
    shell.run("conda deactivate")
    assert "(" not in shell.prompt


def use_in_jobs(shell: LoginShell) -> None:
    """E2 in a job that sbatch has queued, and in one with a shell of its own."""
    shell.run(f"mkdir -p {WORKSPACE} && cd {WORKSPACE} && printf '{JOB}' > job.sh")
    shell.run("sbatch --wait -p jupyter -o out.txt job.sh")
    assert shell.run("cat out.txt") == f"{PREFIX}/bin/python\nleft="
    shell.run("srun -p jupyter --pty bash")
    shell.run("conda activate notebook")
    assert re.match(rf"\(notebook\) {PERSON}@[a-z]+\d+:", shell.prompt), "the prompt of a compute node"
    shell.run("exit")


def break_and_reset(shell: LoginShell) -> None:
    """E5; whoever has the environment active keeps working in it."""
    shell.run(r"touch -- -rf 'a b' 'x\n' $'new\nline' 한글 .hidden && ln -s " + f"{PREFIX} env && ln -s ~/.bashrc .")
    before = shell.run("ls -lAR --full-time --inode --quoting-style=c")
    shell.run("conda activate notebook")
    shell.run(BREAK)
    seen = shell.run(f"{APPS}/kisti_conda_jupyter.sh")
    assert "This helps: neuronhub env repair" in seen
    assert shell.code() == 1
    question = "Reset the environment?"
    seen = shell.run(f"{APPS}/reset_env.sh", (question, "n"))
    assert f"Goes: everything in {PREFIX}" in seen
    assert "Your workspace is not touched." in seen
    assert "is broken" in shell.run("neuronhub env status")
    seen = shell.run(f"{APPS}/reset_env.sh", (question, "y"))
    assert re.search(r"100% .*The environment is ready\.\n", seen)
    assert "is ready" in shell.run("neuronhub env status")
    assert shell.run("ls -lAR --full-time --inode --quoting-style=c") == before
    assert shell.run("python -c 'import ipykernel; print(6 * 7)'") == "42"
