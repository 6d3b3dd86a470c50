"""NeuronHub's few lines in a user's shell start-up files: where environments lie, and the ``conda`` that knows of them.

Written by ``neuronhub env create`` as the user. The user's own lines stay as they are.
"""

from __future__ import annotations

import os
import pwd
import re
import shlex
import tempfile
from pathlib import Path

from neuronhub.environments.layout import Layout
from neuronhub.errors import ConflictingState, EnvironmentFailed
from neuronhub.language import translate as _

BEGIN, END = "# >>> neuronhub >>>", "# <<< neuronhub <<<"
HOOK = Path("etc", "profile.d", "neuronhub.sh")
"""Below a base: the function ``conda``."""
LOGIN_FILES = (".bash_profile", ".bash_login", ".profile")
"""A login bash reads the first of these that is there, and not ``.bashrc``."""
LOGIN_TEXT = """\
# Written by NeuronHub because there was no file that a login shell reads. It is yours to change.
if [ -r ~/.bashrc ]; then
    . ~/.bashrc
fi
"""

_BLOCK = re.compile(rf"^{re.escape(BEGIN)}\n.*?^{re.escape(END)}(?:\n|\Z)", re.MULTILINE | re.DOTALL)


def ensure_shell_files(home: Path, layout: Layout) -> list[Path]:
    """Write the block into ``~/.bashrc`` and, for users of zsh, ``~/.zshrc``; return the files that were changed.

    Where a login bash would read no file at all, ``~/.bash_profile`` is made. Raises EnvironmentFailed.
    """
    wanted = {home / ".bashrc": render_block(layout, "bash")}
    if _uses_zsh(home):
        wanted[home / ".zshrc"] = render_block(layout, "zsh")
    changed = [file for file, block in wanted.items() if _ensure_block(file, block)]
    if not any(os.path.lexists(home / name) for name in LOGIN_FILES):
        _write(home / LOGIN_FILES[0], LOGIN_TEXT)
        changed.append(home / LOGIN_FILES[0])
    return changed


def render_block(layout: Layout, shell: str) -> str:
    """The lines between the markers, markers included, for ``shell``: ``bash`` or ``zsh``."""
    # mamba knows one name of this variable, conda refuses to work when it meets both.
    name = "CONDA_ENVS_DIRS" if layout.program and "mamba" in layout.program.name else "CONDA_ENVS_PATH"
    lines = [
        BEGIN,
        _("# Written by NeuronHub, which renews these lines. Put your own below them."),
        f"export {name}={shlex.quote(str(layout.envs))}",
        f"export CONDA_PKGS_DIRS={shlex.quote(str(layout.packages))}",
        "if grep -qs '^auto_activate_base: *true' ~/.condarc; then",
        "    export CONDA_AUTO_ACTIVATE_BASE=true",
        "else",
        "    export CONDA_AUTO_ACTIVATE_BASE=false",
        "fi",
        *(_render_own(layout.base) if layout.program is None else _render_program(layout.program, shell)),
        END,
    ]
    return "\n".join(lines) + "\n"


def _render_own(base: Path) -> list[str]:
    hook = shlex.quote(str(base / HOOK))
    return [
        f"NEURONHUB_BASE={shlex.quote(str(base))}",
        f"if [ -r {hook} ]; then",
        f"    . {hook}",
        "fi",
    ]


def _render_program(program: Path, shell: str) -> list[str]:
    """The set-up of the site's own program, as its documentation says."""
    quoted, name = shlex.quote(str(program)), program.name
    words = f"shell hook --shell {shell}" if "mamba" in name else f"shell.{shell} hook"
    lines = [f"if [ -x {quoted} ]; then", f'    eval "$({quoted} {words})"']
    if "mamba" in name:
        lines.append(f'    command -v conda >/dev/null 2>&1 || conda() {{ {name} "$@"; }}')
    return [*lines, "fi"]


def _uses_zsh(home: Path) -> bool:
    try:
        shell = pwd.getpwuid(os.getuid()).pw_shell
    except KeyError:  # an account that this node does not know
        shell = ""
    return Path(shell).name == "zsh" or os.path.lexists(home / ".zshrc")


def _ensure_block(file: Path, block: str) -> bool:
    """Make ``file`` hold ``block`` once; return whether it had to be changed."""
    try:
        # newline="": whatever ends the user's lines stays. surrogateescape: so do bytes that are no UTF-8.
        with file.open(encoding="utf-8", errors="surrogateescape", newline="") as opened:
            text = opened.read()
    except FileNotFoundError:
        text = ""
    except OSError as error:
        raise _unwritable(file, error) from error
    kept, blocks = _BLOCK.subn("", text)
    if BEGIN in kept.splitlines() or END in kept.splitlines():
        message = _("{file} has a line '{begin}' without its '{end}', or the other way round. Delete it and run again.")
        raise ConflictingState(message.format(file=file, begin=BEGIN, end=END))
    # In front at first: many files end early for shells without a terminal, and jobs read them too.
    renewed = _BLOCK.sub(lambda _match: block, text) if blocks == 1 else block + kept
    if renewed == text:
        return False
    _write(file, renewed)
    return True


def _write(file: Path, text: str) -> None:
    """Replace what ``file`` holds, in one step; a link stays a link, mode and owner stay."""
    target = Path(os.path.realpath(file))
    temporary = ""
    try:
        mode = target.stat().st_mode & 0o7777 if target.exists() else 0o644
        descriptor, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="surrogateescape", newline="") as opened:
            opened.write(text)
            os.fchmod(opened.fileno(), mode)
            opened.flush()
            os.fsync(opened.fileno())
        os.replace(temporary, target)
    except OSError as error:
        if temporary and os.path.exists(temporary):
            os.unlink(temporary)
        raise _unwritable(file, error) from error


def _unwritable(file: Path, error: OSError) -> EnvironmentFailed:
    message = _("{file} cannot be read or written ({reason}). Make it writable, or make room there, and run again.")
    return EnvironmentFailed(message.format(file=file, reason=error.strerror or str(error)))
