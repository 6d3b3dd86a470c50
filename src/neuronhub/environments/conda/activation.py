"""What ``conda activate`` and ``conda deactivate`` change in a shell, and the posix text that changes it.

Runs at every activation, so the standard library only. Reads nothing but the environment's folders of scripts.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from neuronhub.errors import EnvironmentFailed
from neuronhub.language import translate as _

LEVEL, PREFIX, NAME, MODIFIER = "CONDA_SHLVL", "CONDA_PREFIX", "CONDA_DEFAULT_ENV", "CONDA_PROMPT_MODIFIER"

Namer = Callable[[str], str]
"""Prefix -> what people call it."""


@dataclass(frozen=True, slots=True)
class Change:
    """What happens to a shell, in this order."""

    leave: tuple[Path, ...] = ()
    """Scripts of the environment that is left; they see its variables still."""
    unset: tuple[str, ...] = ()
    export: Mapping[str, str] = field(default_factory=dict)
    enter: tuple[Path, ...] = ()
    """Scripts of the environment that is entered."""


def activate(environ: Mapping[str, str], prefix: str, name_of: Namer, *, stack: bool = False) -> Change:
    """The change that makes ``prefix`` the active environment; with ``stack``, the old one stays behind it in PATH."""
    if ":" in prefix:
        text = _("{prefix} has a colon in it, which PATH cannot hold. Rename a folder on the way.")
        raise EnvironmentFailed(text.format(prefix=prefix))
    level, old = _read_state(environ)
    if prefix == old:
        return reactivate(environ, name_of)
    export = {**_describe(prefix, name_of), LEVEL: str(level + 1)}
    if not level:
        export["PATH"] = _swap(environ.get("PATH", ""), None, prefix)
        return Change(export=export, enter=_find_scripts(prefix, "activate.d"))
    export[f"{PREFIX}_{level}"] = old
    if stack:
        export[f"CONDA_STACKED_{level + 1}"] = "true"
    export["PATH"] = _swap(environ.get("PATH", ""), None if stack else old, prefix)
    leave = () if stack else _find_scripts(old, "deactivate.d")
    return Change(leave, (), export, _find_scripts(prefix, "activate.d"))


def deactivate(environ: Mapping[str, str], name_of: Namer) -> Change:
    """The change that leaves the active environment for the one before it, or for none."""
    level, old = _read_state(environ)
    if not level:
        return Change()
    leave = _find_scripts(old, "deactivate.d")
    path = environ.get("PATH", "")
    previous = environ.get(f"{PREFIX}_{level - 1}", "") if level > 1 else ""
    if not previous:
        return Change(leave, (PREFIX, NAME, MODIFIER), {LEVEL: "0", "PATH": _swap(path, old, None)})
    stacked = environ.get(f"CONDA_STACKED_{level}") == "true"
    export = {**_describe(previous, name_of), LEVEL: str(level - 1)}
    export["PATH"] = _swap(path, old, None if stacked else previous)
    unset = (f"{PREFIX}_{level - 1}", *([f"CONDA_STACKED_{level}"] if stacked else []))
    return Change(leave, unset, export, () if stacked else _find_scripts(previous, "activate.d"))


def reactivate(environ: Mapping[str, str], name_of: Namer) -> Change:
    """The change that runs the scripts of the active environment again, for instance after an installation."""
    level, prefix = _read_state(environ)
    if not level:
        return Change()
    export = {**_describe(prefix, name_of), "PATH": _swap(environ.get("PATH", ""), prefix, prefix)}
    return Change(_find_scripts(prefix, "deactivate.d"), (), export, _find_scripts(prefix, "activate.d"))


def render_posix(change: Change) -> str:
    """The text that a posix shell, bash or zsh evaluates. The prompt is changed in the shell: only it knows PS1."""
    if change == Change():
        return ""
    lines = [f". {shlex.quote(str(script))}" for script in change.leave]
    lines.append(f'if [ -n "${{PS1-}}" ]; then PS1="${{PS1#"${{{MODIFIER}-}}"}}"; fi')
    lines += [f"unset {name}" for name in change.unset]
    lines += [f"export {name}={shlex.quote(value)}" for name, value in change.export.items()]
    if MODIFIER in change.export:
        lines.append(f'if [ -n "${{PS1-}}" ]; then PS1="${MODIFIER}$PS1"; fi')
    lines += [f". {shlex.quote(str(script))}" for script in change.enter]
    lines.append("hash -r")
    return "\n".join(lines) + "\n"


def _read_state(environ: Mapping[str, str]) -> tuple[int, str]:
    """How many environments are stacked up and the active one's prefix; (0, '') when there is none."""
    level, prefix = environ.get(LEVEL, ""), environ.get(PREFIX, "")
    if not prefix:
        return 0, ""
    return (int(level) if level.isascii() and level.isdigit() and level != "0" else 1), prefix


def _describe(prefix: str, name_of: Namer) -> dict[str, str]:
    name = name_of(prefix)
    # Shells expand a prompt: what could be a command or an escape in it must not come from the name of a folder.
    shown = re.sub(r"[^\w ./~+@:,=-]", "?", name)
    return {PREFIX: prefix, NAME: name, MODIFIER: f"({shown}) "}


def _find_scripts(prefix: str, folder: str) -> tuple[Path, ...]:
    scripts = sorted(Path(prefix, "etc", "conda", folder).glob("*.sh"))
    return tuple(reversed(scripts) if folder == "deactivate.d" else scripts)


def _swap(path: str, old: str | None, new: str | None) -> str:
    """PATH with the programs of ``new`` where those of ``old`` were, or in front."""
    entries = path.split(":") if path else []
    arriving = [f"{new}/bin"] if new else []
    if old and f"{old}/bin" in entries:
        place = entries.index(f"{old}/bin")
        entries[place : place + 1] = arriving
    else:
        entries[:0] = arriving
    return ":".join(entries)
