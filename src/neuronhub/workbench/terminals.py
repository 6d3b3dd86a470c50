"""Terminals belong to the notebook environment: which program a terminal runs, and with what. Pure.

The user's own start-up files are read as in any login shell, and the environment is activated after them.
"""

from __future__ import annotations

from pathlib import Path

from neuronhub.environments.shell_files import HOOK
from neuronhub.language import translate as _
from neuronhub.workbench.environment import SYSTEM_PATH
from neuronhub.workbench.notebook import Notebook

_SHELL = Path(__file__).parent / "shell"


def make_terminal_command(notebook: Notebook, shell: str, home: str) -> list[str]:
    """Return the argv of a terminal of a user whose shell is ``shell`` and whose home folder is ``home``.

    The environment is not in PATH before it is activated, so that ``conda deactivate`` leaves it. bash and zsh are
    shown how to activate it; any other shell finds its programs in PATH.
    """
    name = Path(shell).name
    variables = {"PATH": SYSTEM_PATH}
    if name in ("bash", "zsh"):
        variables |= {
            "NEURONHUB_PREFIX": str(notebook.prefix),
            "NEURONHUB_HOOK": str(notebook.layout.base / HOOK),
            "NEURONHUB_SHELL_FILE": str(_SHELL / "enter.sh"),
            "NEURONHUB_MISSING": _(
                "There is no notebook environment. Open Environment and press Create, or run: neuronhub env create"
            ),
            "NEURONHUB_BROKEN": _(
                "The notebook environment is broken. Open Environment and press Repair, or run: neuronhub env repair"
            ),
        }
    if name == "bash":
        words = [shell, "--rcfile", str(_SHELL / "bashrc"), "-i"]
    elif name == "zsh":
        words = [shell, "-l", "-i"]
        variables |= {
            "ZDOTDIR": str(_SHELL / "zsh"),
            "NEURONHUB_ZDOTDIR": str(_SHELL / "zsh"),
            "NEURONHUB_USER_ZDOTDIR": home,
        }
    else:
        words = [shell, "-l"]
        variables["PATH"] = f"{notebook.prefix / 'bin'}:{SYSTEM_PATH}"
    return ["/usr/bin/env", *(f"{key}={value}" for key, value in variables.items()), *words]
