"""What the shell function ``conda`` evaluates: ``shell.posix activate`` and its like. Standard library only, for speed.

Text for the shell goes to stdout and nothing else does.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from neuronhub.environments.conda.activation import activate, deactivate, reactivate, render_posix
from neuronhub.environments.conda.places import BASE, find_prefix, list_folders, name_prefix
from neuronhub.errors import EnvironmentFailed, NeuronHubError
from neuronhub.language import translate as _

DIALECTS = ("shell.posix", "shell.bash", "shell.zsh", "shell.dash", "shell.sh")
"""Names under which conda has these commands; the text is the same for all of them."""
_HOOK = Path(__file__).parent.parent / "shell" / "neuronhub.sh"


def render_command(words: Sequence[str], environ: Mapping[str, str]) -> str:
    """The text for the shell of ``words``, what stands behind ``shell.posix``; raises EnvironmentFailed."""
    command, *rest = words or ("",)
    name_of = _Namer(environ)
    if "-h" in rest or "--help" in rest:
        print(_USAGE, file=sys.stderr)
        return ""
    if command == "hook":
        return f"NEURONHUB_BASE={shlex.quote(sys.prefix)}\n{_HOOK.read_text(encoding='utf-8')}"
    if command == "activate":
        stack = "--stack" in rest
        names = [word for word in rest if word not in ("--stack", "--no-stack")]
        if len(names) > 1 or any(name.startswith("-") for name in names):
            raise EnvironmentFailed(_USAGE)
        prefix = find_prefix(names[0] if names else BASE, environ)
        return render_posix(activate(environ, str(prefix), name_of, stack=stack))
    if command in ("deactivate", "reactivate") and not rest:
        return render_posix((deactivate if command == "deactivate" else reactivate)(environ, name_of))
    raise EnvironmentFailed(_USAGE)


_USAGE = "conda activate [--stack] [NAME | PATH], conda deactivate, conda reactivate"


class _Namer:
    """Names prefixes; asks for the folders of environments only when it has to."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def __call__(self, prefix: str) -> str:
        try:
            folders = list_folders(self._environ)
        except NeuronHubError:  # a shell must be able to leave an environment whatever the site file looks like
            folders = ()
        return name_prefix(Path(os.path.abspath(prefix)), folders)


def refuse_outside() -> EnvironmentFailed:
    """The error of ``conda activate`` where it is a program, not the shell's function, and cannot change the shell."""
    hook = Path(sys.prefix, "etc", "profile.d", "neuronhub.sh")
    text = _("Only the shell itself can do this. Tell it how, then try again: . {hook}")
    return EnvironmentFailed(text.format(hook=shlex.quote(str(hook))))
