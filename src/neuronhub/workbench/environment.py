"""The environment of a user's Jupyter server: the hub's variables, the user's own, and what Slurm says of the job.

Runs in the job, before anything of Jupyter is imported.
"""

from __future__ import annotations

import os
import pwd
import sys
from collections.abc import Mapping
from pathlib import Path

from neuronhub.environments.layout import Layout

#: Of the job's own environment these are kept: the job and its devices. Nothing leaks in from who submitted it.
_KEPT_PREFIXES = ("SLURM", "CUDA_", "GPU_", "NVIDIA_", "ROCR_", "ZE_")
_KEPT = ("TMPDIR", "XDG_RUNTIME_DIR", "KRB5CCNAME")
SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"
#: Jupyter configuration by language: what Notebook and Lab speak until their user chooses otherwise in their settings.
_LANGUAGES = {"ko": Path(__file__).parent / "languages" / "ko"}


def make_environment(job: Mapping[str, str], ticket: Mapping[str, str], layout: Layout | None) -> dict[str, str]:
    """Return the whole environment for the server of the present user. The site's word (the ticket) is the last.

    With a layout, programs and Jupyter's data files (kernels, prebuilt extensions) of the notebook environment come
    first; the server's Python packages are the base's whatever stands here.
    """
    user = pwd.getpwuid(os.getuid())
    kept = {name: value for name, value in job.items() if name.startswith(_KEPT_PREFIXES) or name in _KEPT}
    own = {
        "HOME": user.pw_dir,
        "USER": user.pw_name,
        "LOGNAME": user.pw_name,
        "SHELL": login_shell(),
        "PATH": f"{Path(sys.executable).parent}:{SYSTEM_PATH}",
        "LANG": "C.UTF-8",
    }
    if layout:
        own["PATH"] = f"{layout.prefix / 'bin'}:{own['PATH']}"
        own["JUPYTER_PATH"] = str(layout.prefix / "share" / "jupyter")
        # Of kernels and terminals too: what is installed in the home folder must not be in the environment's way.
        own["PYTHONNOUSERSITE"] = "1"
    if language := _LANGUAGES.get(ticket.get("NEURONHUB_LANGUAGE", "")):
        own["JUPYTER_CONFIG_PATH"] = str(language)
    return {**kept, **own, **ticket}


def login_shell() -> str:
    """Return the present user's own shell, or bash where the directory gives one that cannot be used."""
    shell = pwd.getpwuid(os.getuid()).pw_shell
    usable = os.access(shell, os.X_OK) and Path(shell).name not in {"nologin", "false", "true"}
    return shell if usable else "/bin/bash"
