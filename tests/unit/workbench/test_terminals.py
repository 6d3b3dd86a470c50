"""Terminals: the user's own shell and files, then the environment; with a conda of the site's, of ours, or none."""

from __future__ import annotations

import os
import pty
import subprocess
from pathlib import Path

import pytest

from neuronhub.environments.layout import Layout
from neuronhub.environments.shell_files import HOOK
from neuronhub.workbench.notebook import Notebook
from neuronhub.workbench.terminals import make_terminal_command

CONDA = """\
conda() {
    if [ "$1" = activate ]; then
        CONDA_DEFAULT_ENV=${2##*/}
        PATH=$2/bin:$PATH
        PS1="($CONDA_DEFAULT_ENV) $PS1"
        export CONDA_DEFAULT_ENV
    fi
}
"""
ASK = "printf 'env=%s path=%s mine=%s zdotdir=%s hist=%s prompt=%s\\n' "
ASK += '"$CONDA_DEFAULT_ENV" "$PATH" "$MINE" "${ZDOTDIR-}" "${HISTFILE-}" "$PS1"; env | grep ^NEURONHUB_; exit 0\n'


@pytest.fixture
def notebook(tmp_path: Path) -> Notebook:
    layout = Layout(tmp_path / "o'neill" / ".conda", tmp_path / "bases", "layered", ("conda-forge",), {}, None)
    (layout.prefix / "bin").mkdir(parents=True)
    (layout.prefix / "bin" / "python").write_text("#!/bin/sh\n")
    (layout.prefix / "bin" / "python").chmod(0o755)
    (layout.base / HOOK).parent.mkdir(parents=True)
    (layout.base / HOOK).write_text(CONDA)
    return Notebook(layout)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


def open_terminal(notebook: Notebook, home: Path, shell: str, typed: str = ASK) -> str:
    """What is seen in a terminal until its shell ends."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        make_terminal_command(notebook, shell, str(home)),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=home,
        env={"HOME": str(home), "TERM": "dumb", "LANG": "C.UTF-8", "PATH": "/nowhere"},
        start_new_session=True,
    ) as process:
        os.close(theirs)
        os.write(ours, typed.encode())
        seen = b""
        while True:
            try:
                seen += os.read(ours, 65536)
            except OSError:  # EIO: nobody holds the other end
                break
        os.close(ours)
        assert process.wait(timeout=20) == 0, seen
    return seen.decode()


@pytest.mark.parametrize("file", [".bash_profile", ".bash_login", ".profile", ".bashrc"])
def test_bash_reads_the_users_file_and_then_enters(notebook: Notebook, home: Path, file: str) -> None:
    (home / file).write_text("export MINE=yes\nPS1='me$ '\n")
    seen = open_terminal(notebook, home, "/bin/bash")
    assert f"env=notebook path={notebook.prefix}/bin:/" in seen
    assert "mine=yes" in seen
    assert "prompt=(notebook) me$ " in seen
    assert "\nNEURONHUB_" not in seen


def test_zsh_reads_the_users_files_and_then_enters(notebook: Notebook, home: Path) -> None:
    for name in (".zshenv", ".zprofile", ".zshrc", ".zlogin"):
        (home / name).write_text(f'MINE="$MINE {name} ${{ZDOTDIR##*/}}"\nPS1="me%% "\n')
    seen = open_terminal(notebook, home, "/usr/bin/zsh")
    assert f"env=notebook path={notebook.prefix}/bin:/" in seen
    assert "mine= .zshenv home .zprofile home .zshrc home .zlogin home zdotdir= " in seen
    assert "prompt=(notebook) me%% " in seen
    assert "\nNEURONHUB_" not in seen
    assert "workbench" not in seen.partition("hist=")[2]


def test_zsh_files_that_the_user_keeps_elsewhere_are_found(notebook: Notebook, home: Path) -> None:
    (home / "zsh").mkdir()
    (home / ".zshenv").write_text("ZDOTDIR=$HOME/zsh\n")
    (home / "zsh" / ".zshrc").write_text("MINE=yes\n")
    seen = open_terminal(notebook, home, "/usr/bin/zsh")
    assert "mine=yes" in seen
    assert f"zdotdir={home}/zsh " in seen
    assert "env=notebook" in seen


@pytest.mark.parametrize(("shell", "file"), [("/bin/bash", ".bashrc"), ("/usr/bin/zsh", ".zshrc")])
def test_a_conda_of_the_users_own_is_used(notebook: Notebook, home: Path, shell: str, file: str) -> None:
    (home / file).write_text('conda() { CONDA_DEFAULT_ENV="by my own: $*"; }\n')
    assert f"env=by my own: activate {notebook.prefix} path=" in open_terminal(notebook, home, shell)


@pytest.mark.parametrize("shell", ["/bin/bash", "/usr/bin/zsh"])
@pytest.mark.parametrize(
    ("lost", "line"),
    [
        (".", "There is no notebook environment. Open Environment and press Create"),
        ("bin/python", "The notebook environment is broken. Open Environment and press Repair"),
    ],
)
def test_without_a_sound_environment_a_line_says_so(
    notebook: Notebook, home: Path, shell: str, lost: str, line: str
) -> None:
    (notebook.prefix / lost).rename(home / "lost")
    seen = open_terminal(notebook, home, shell)
    assert line in seen
    assert "env= path=" in seen
    assert "\nNEURONHUB_" not in seen


def test_without_any_conda_its_programs_are_in_path_still(notebook: Notebook, home: Path) -> None:
    (notebook.layout.base / HOOK).unlink()
    assert f"env= path={notebook.prefix}/bin:/" in open_terminal(notebook, home, "/bin/bash")


def test_any_other_shell_has_its_programs_in_path(notebook: Notebook, home: Path) -> None:
    seen = open_terminal(notebook, home, "/bin/sh", 'echo "path=$PATH"; exit 0\n')
    assert "path=" in seen
    command = make_terminal_command(notebook, "/usr/bin/fish", str(home))
    assert f"PATH={notebook.prefix}/bin:/usr/local/bin:/usr/bin:/bin" in command
    assert command[-2:] == ["/usr/bin/fish", "-l"]
