"""Real shells that have read the hook of a base in a temporary folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from neuronhub.environments import shell_files

SHELLS = ("bash", "zsh", "dash")
SOURCE = Path(shell_files.__file__).parent / "shell" / "neuronhub.sh"


def make_base(folder: Path) -> Path:
    """A base as far as the hook can see: the hook itself and a Python that has NeuronHub."""
    hook = folder / shell_files.HOOK
    hook.parent.mkdir(parents=True)
    shutil.copy(SOURCE, hook)
    (folder / "bin").mkdir()
    for name, module in ("python", ""), ("neuronhub", "-m neuronhub.cli"):
        (folder / "bin" / name).write_text(f'#!/bin/sh\nexec {sys.executable} {module} "$@"\n')
        (folder / "bin" / name).chmod(0o755)
    return folder


def make_environment(prefix: Path) -> Path:
    """An environment as far as an activation can see, with scripts that tell when they run."""
    for folder in "bin", "conda-meta", "etc/conda/activate.d", "etc/conda/deactivate.d":
        (prefix / folder).mkdir(parents=True)
    for moment in "activate", "deactivate":
        script = prefix / "etc" / "conda" / f"{moment}.d" / "tell it.sh"
        script.write_text(f'echo "{moment} $CONDA_DEFAULT_ENV"\n')
    return prefix


def run_shell(shell: str, text: str, base: Path, envs: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run ``text`` in ``shell``, after the hook, strictly: what is unset or fails ends it."""
    environ = {"PATH": os.environ["PATH"], "HOME": str(base), "LANG": "C.UTF-8", "CONDA_ENVS_PATH": str(envs)}
    program = f'set -eu\nNEURONHUB_BASE="$1"\n. "$1"/{shell_files.HOOK}\n{text}'
    return subprocess.run(
        [shell, "-c", program, shell, str(base)],
        env=environ | variables,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
