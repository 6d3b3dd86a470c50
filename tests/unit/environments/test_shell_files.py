from __future__ import annotations

import os
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.environments.conda.shells import make_base, make_environment

from neuronhub.environments.layout import Layout
from neuronhub.environments.shell_files import BEGIN, END, ensure_shell_files, render_block
from neuronhub.errors import ConflictingState, EnvironmentFailed

DEBIAN = (
    "# If not running interactively, don't do anything\ncase $- in\n    *i*) ;;\n      *) return;;\nesac\nPS1='$ '\n"
)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "a home"
    folder.mkdir()
    return folder


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    base = make_base(tmp_path / "the bases" / "current")
    conda = tmp_path / "it's scratch" / ".conda"
    make_environment(conda / "envs" / "notebook")
    return Layout(conda, base.parent, "layered", ("conda-forge",), {}, None)


def run(argv: list[str], home: Path) -> subprocess.CompletedProcess[str]:
    environ = {"PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8"}
    return subprocess.run(argv, env=environ, capture_output=True, text=True, timeout=30, check=False)


def test_the_first_time_files_are_made(home: Path, layout: Layout) -> None:
    assert ensure_shell_files(home, layout) == [home / ".bashrc", home / ".bash_profile"]
    assert (home / ".bashrc").read_text() == render_block(layout, "bash")
    assert (home / ".bashrc").stat().st_mode & 0o777 == 0o644


def test_the_second_time_nothing_changes(home: Path, layout: Layout) -> None:
    (home / ".bashrc").write_text(DEBIAN)
    ensure_shell_files(home, layout)
    before = [(path.name, path.stat().st_ino, path.read_bytes()) for path in sorted(home.iterdir())]
    assert ensure_shell_files(home, layout) == []
    assert [(path.name, path.stat().st_ino, path.read_bytes()) for path in sorted(home.iterdir())] == before


@pytest.mark.parametrize("before", [b"", b"alias ll=ls", b"x=1\n\n\n", b"x=1\r\n", b"name=\xff\xfe\n", b"\n# last"])
def test_the_users_lines_stay_byte_for_byte(before: bytes, home: Path, layout: Layout) -> None:
    (home / ".bashrc").write_bytes(before)
    ensure_shell_files(home, layout)
    assert (home / ".bashrc").read_bytes() == render_block(layout, "bash").encode() + before


def test_an_older_block_is_renewed_in_its_place(home: Path, layout: Layout) -> None:
    ensure_shell_files(home, layout)
    file = home / ".bashrc"
    file.write_text(f"first=1\n{file.read_text()}last=1\n")
    moved = replace(layout, conda=layout.conda.parent / "elsewhere")
    assert ensure_shell_files(home, moved) == [file]
    assert file.read_text() == f"first=1\n{render_block(moved, 'bash')}last=1\n"


def test_a_block_that_is_there_twice_is_there_once_afterwards(home: Path, layout: Layout) -> None:
    block = render_block(layout, "bash")
    (home / ".bashrc").write_text(f"a=1\n{block}b=2\n{block}c=3\n")
    ensure_shell_files(home, layout)
    assert (home / ".bashrc").read_text() == f"{block}a=1\nb=2\nc=3\n"


@pytest.mark.parametrize("half", [BEGIN, END, f"{END}\nx=1\n{BEGIN}"])
def test_half_a_block_is_left_to_the_user(half: str, home: Path, layout: Layout) -> None:
    (home / ".bashrc").write_text(f"a=1\n{half}\nb=2\n")
    with pytest.raises(ConflictingState, match="bashrc"):
        ensure_shell_files(home, layout)
    assert (home / ".bashrc").read_text() == f"a=1\n{half}\nb=2\n"


def test_a_link_stays_a_link_and_a_mode_a_mode(home: Path, layout: Layout) -> None:
    (home / "dotfiles").mkdir()
    target = home / "dotfiles" / "bashrc"
    target.write_text("x=1\n")
    target.chmod(0o600)
    (home / ".bashrc").symlink_to("dotfiles/bashrc")
    ensure_shell_files(home, layout)
    assert (home / ".bashrc").readlink() == Path("dotfiles/bashrc")
    assert target.read_text().endswith("x=1\n")
    assert BEGIN in target.read_text()
    assert target.stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in target.parent.iterdir()) == ["bashrc"]


def test_a_file_that_cannot_be_written_is_named(home: Path, layout: Layout) -> None:
    (home / ".bashrc").mkdir()
    with pytest.raises(EnvironmentFailed, match=r"\.bashrc"):
        ensure_shell_files(home, layout)
    with pytest.raises(EnvironmentFailed, match=r"gone/\.bashrc"):
        ensure_shell_files(home / "gone", layout)


def test_users_of_zsh_get_their_own_block(home: Path, layout: Layout) -> None:
    (home / ".zshrc").write_text("bindkey -e\n")
    assert home / ".zshrc" in ensure_shell_files(home, layout)
    assert (home / ".zshrc").read_text() == render_block(layout, "zsh") + "bindkey -e\n"


@pytest.mark.parametrize("name", [".bash_profile", ".bash_login", ".profile"])
def test_what_a_login_shell_reads_is_the_users_own(name: str, home: Path, layout: Layout) -> None:
    (home / name).write_text("x=1\n")
    assert ensure_shell_files(home, layout) == [home / ".bashrc"]
    assert (home / name).read_text() == "x=1\n"


@pytest.mark.parametrize(
    "argv",
    [
        ["bash", "-i", "-c", "{}"],
        ["bash", "-l", "-c", "{}"],
        ["bash", "-c", ". ~/.bashrc; {}"],
        ["zsh", "-i", "-c", "{}"],
        ["dash", "-c", ". ~/.bashrc; {}"],
    ],
    ids=["terminal", "login", "job", "zsh", "dash job"],
)
def test_conda_activate_works_in_every_kind_of_shell(argv: list[str], home: Path, layout: Layout) -> None:
    (home / ".bashrc").write_text(DEBIAN)
    (home / ".zshrc").write_text("PS1='$ '\n")
    ensure_shell_files(home, layout)
    text = 'conda activate notebook && printf "%s\\n" "$PS1" "$CONDA_PREFIX" "$CONDA_PKGS_DIRS"'
    if ". ~" in argv[-1]:  # no prompt in a job; the rest of Debian's file is not for it
        text = f"PS1='$ '; {text}"
    done = run([word.format(text) for word in argv], home)
    lines = done.stdout.splitlines()
    assert lines[0] == "activate notebook", done.stderr
    assert lines[-3].startswith("(notebook) ") or "-l" in argv
    assert lines[-2:] == [str(layout.prefix), str(layout.packages)]


def test_a_shell_starts_without_delay(home: Path, layout: Layout) -> None:
    ensure_shell_files(home, layout)
    (home / "empty").write_text("")

    def measure(file: str) -> float:
        best = 1.0
        for _time in range(10):
            begin = time.perf_counter()
            run(["bash", "-c", f". ~/{file}"], home)
            best = min(best, time.perf_counter() - begin)
        return best

    assert measure(".bashrc") - measure("empty") < 0.02


def test_the_base_is_activated_only_for_those_who_asked_for_it(home: Path, layout: Layout) -> None:
    ensure_shell_files(home, layout)
    show = ["bash", "-i", "-c", 'echo "${CONDA_DEFAULT_ENV-none} $CONDA_AUTO_ACTIVATE_BASE"']
    assert run(show, home).stdout == "none false\n"
    (home / ".condarc").write_text("channels:\n  - x\nauto_activate_base: true\n")
    assert run(show, home).stdout == "base true\n"


@pytest.mark.parametrize(
    ("program", "words", "variable"),
    [
        ("conda", "shell.bash hook", "CONDA_ENVS_PATH"),
        ("mamba", "shell hook --shell bash", "CONDA_ENVS_DIRS"),
        ("micromamba", "shell hook --shell bash", "CONDA_ENVS_DIRS"),
    ],
)
def test_the_sites_own_program_is_set_up_instead(
    program: str, words: str, variable: str, home: Path, layout: Layout, tmp_path: Path
) -> None:
    fake = tmp_path / "the site's" / program
    fake.parent.mkdir()
    fake.write_text(f'#!/bin/sh\necho "{program}() {{ echo {program} \\"\\$@\\"; }}; ASKED=\'$*\'"\n')
    fake.chmod(0o755)
    ensure_shell_files(home, replace(layout, program=fake))
    done = run(["bash", "-c", f'. ~/.bashrc; echo "$ASKED"; echo "${variable}"; conda activate notebook'], home)
    assert done.stdout.splitlines() == [words, str(layout.envs), f"{program} activate notebook"]
    assert done.stderr == ""
