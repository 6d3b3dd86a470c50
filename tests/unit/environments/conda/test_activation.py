from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.unit.environments.conda.shells import SHELLS, make_base, make_environment, run_shell

from neuronhub.environments.conda.activation import Change, activate, deactivate, reactivate, render_posix
from neuronhub.errors import EnvironmentFailed

ODD_NAMES = (
    "a b",
    "it's",
    'say "x"',
    "new\nline",
    "$(touch pwned)",
    "`touch pwned`",
    "%n",
    "back\\slash",
    "데이터",
    "*",
)


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return make_base(tmp_path / "base")


@pytest.fixture
def envs(tmp_path: Path) -> Path:
    make_environment(tmp_path / "envs" / "notebook")
    make_environment(tmp_path / "envs" / "other")
    return tmp_path / "envs"


def name_of(prefix: str) -> str:
    return Path(prefix).name


@pytest.mark.parametrize("shell", SHELLS)
def test_an_environment_comes_and_goes_without_a_trace(shell: str, base: Path, envs: Path) -> None:
    text = """
PS1='$ '
conda activate notebook
echo "$CONDA_DEFAULT_ENV|$CONDA_PREFIX|$CONDA_SHLVL|$PS1|${PATH%%:*}"
conda deactivate
echo "$PS1|${CONDA_PREFIX-}|${CONDA_DEFAULT_ENV-}|${CONDA_PROMPT_MODIFIER-}|$PATH"
"""
    done = run_shell(shell, text, base, envs)
    assert done.stderr == ""
    prefix = envs / "notebook"
    assert done.stdout.splitlines() == [
        "activate notebook",
        f"notebook|{prefix}|1|(notebook) $ |{prefix}/bin",
        "deactivate notebook",
        f"$ ||||{os.environ['PATH']}",
    ]


@pytest.mark.parametrize("shell", SHELLS)
def test_environments_stack_up(shell: str, base: Path, envs: Path) -> None:
    show = 'echo "$CONDA_SHLVL $CONDA_DEFAULT_ENV $PS1${PATH%%:/usr*}"\n'
    text = f"""
PS1='$ ' PATH=/usr/bin:/bin
conda activate notebook
conda activate other
{show}
conda activate --stack notebook
{show}
conda deactivate
{show}
conda deactivate
{show}
conda deactivate
conda deactivate
echo "$CONDA_SHLVL $PATH"
"""
    done = run_shell(shell, text, base, envs)
    assert done.stderr == ""
    notebook, other = envs / "notebook/bin", envs / "other/bin"
    assert done.stdout.splitlines() == [
        "activate notebook",
        "deactivate notebook",
        "activate other",
        f"2 other (other) $ {other}",
        "activate notebook",
        f"3 notebook (notebook) $ {notebook}:{other}",
        "deactivate notebook",
        f"2 other (other) $ {other}",
        "deactivate other",
        "activate notebook",
        f"1 notebook (notebook) $ {notebook}",
        "deactivate notebook",
        "0 /usr/bin:/bin",
    ]


@pytest.mark.parametrize("name", ODD_NAMES)
@pytest.mark.parametrize("shell", SHELLS)
def test_the_name_of_a_folder_is_never_run(shell: str, name: str, base: Path, envs: Path, tmp_path: Path) -> None:
    prefix = make_environment(envs / name)
    text = 'cd "$HOME"\nPS1="> "\nconda activate "$NAME"\nprintf "%s|" "$CONDA_PREFIX" "$PATH" "$PS1"\nconda deactivate'
    done = run_shell(shell, text, base, envs, NAME=name)
    assert done.stderr == ""
    told, path, prompt, _rest = done.stdout.split("|", 3)
    assert told.endswith(str(prefix))
    assert path.startswith(f"{prefix}/bin:")
    assert prompt.startswith("(")
    assert not set(prompt) & set("$`\\%\n'\"*")
    assert not list(tmp_path.rglob("pwned"))


@pytest.mark.parametrize("shell", SHELLS)
def test_a_path_or_the_base_can_be_activated(shell: str, base: Path, envs: Path) -> None:
    text = (
        'cd "$1"/../envs\nconda activate ./other\necho "$CONDA_DEFAULT_ENV"\nconda activate\necho "$CONDA_DEFAULT_ENV"'
    )
    done = run_shell(shell, text, base, envs)
    assert done.stderr == ""
    assert done.stdout.splitlines() == ["activate other", "other", "deactivate other", "base"]


@pytest.mark.parametrize("shell", SHELLS)
def test_what_is_not_there_is_said_and_changes_nothing(shell: str, base: Path, envs: Path) -> None:
    done = run_shell(shell, 'conda activate missing || echo "$? ${CONDA_PREFIX-}"', base, envs)
    assert done.stdout == "1 \n"
    assert "There is no environment called missing" in done.stderr
    done = run_shell(shell, "conda activate notebook || :", base, envs.parent)
    assert "neuronhub env create" in done.stderr


def test_a_colon_cannot_be_in_path() -> None:
    with pytest.raises(EnvironmentFailed, match="colon"):
        activate({}, "/a:b", name_of)


@pytest.mark.parametrize("shell", SHELLS)
def test_the_texts_of_help_and_errors_are_not_evaluated(shell: str, base: Path, envs: Path) -> None:
    done = run_shell(shell, "conda activate --help\nconda activate -x || :\nconda deactivate now || :", base, envs)
    assert done.stdout == ""
    assert done.stderr.count("conda activate [--stack]") == 3


def test_activating_twice_is_activating_once(envs: Path) -> None:
    prefix = str(envs / "notebook")
    environ = {"PATH": "/usr/bin"}
    once = {**environ, **activate(environ, prefix, name_of).export}
    twice = {**once, **activate(once, prefix, name_of).export}
    assert twice == once


def test_what_the_user_put_before_the_environment_stays_before_it(envs: Path) -> None:
    notebook, other = f"{envs}/notebook", f"{envs}/other"
    environ = {"PATH": f"/mine:{notebook}/bin:/usr/bin", "CONDA_PREFIX": notebook, "CONDA_SHLVL": "1"}
    assert activate(environ, other, name_of).export["PATH"] == f"/mine:{other}/bin:/usr/bin"
    assert deactivate(environ, name_of).export["PATH"] == "/mine:/usr/bin"


@pytest.mark.parametrize("level", ["", "0", "-1", "many", "²"])
def test_a_broken_level_counts_as_one_environment(level: str) -> None:
    environ = {"PATH": "/gone/bin:/usr/bin", "CONDA_PREFIX": "/gone", "CONDA_SHLVL": level}
    change = deactivate(environ, name_of)
    assert change.export == {"CONDA_SHLVL": "0", "PATH": "/usr/bin"}


def test_with_no_environment_there_is_nothing_to_leave() -> None:
    assert deactivate({}, name_of) == reactivate({"CONDA_SHLVL": "0"}, name_of) == Change()
    assert render_posix(Change()) == ""


def test_a_program_cannot_change_the_shell_and_says_what_can() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "neuronhub.environments.conda", "activate", "notebook"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "etc/profile.d/neuronhub.sh" in done.stderr


@pytest.mark.parametrize("shell", SHELLS)
def test_scripts_may_evaluate_the_hook_as_they_do_with_conda(shell: str, base: Path, envs: Path) -> None:
    hook = f'eval "$({base}/bin/python -I -m neuronhub.environments.conda shell.{shell} hook)"'
    text = f"unset -f conda\n{hook}\necho $NEURONHUB_BASE\nconda activate notebook\necho $CONDA_DEFAULT_ENV"
    done = run_shell(shell, text, base, envs)
    assert done.stderr == ""
    assert done.stdout.splitlines() == [sys.prefix, "activate notebook", "notebook"]


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_the_hook_knows_its_base_by_itself(shell: str, base: Path, envs: Path) -> None:
    for file in "/etc/profile.d/neuronhub.sh", "/etc/profile.d/conda.sh":
        (base / "etc/profile.d/conda.sh").write_bytes((base / "etc/profile.d/neuronhub.sh").read_bytes())
        text = (
            f'NEURONHUB_BASE=/elsewhere; . "$1"{file}; echo $NEURONHUB_BASE; cd "$1"; . .{file}; echo $NEURONHUB_BASE'
        )
        done = run_shell(shell, text, base, envs)
        assert done.stdout.splitlines() == [str(base), f"{base}/."]
        assert done.stderr == ""


def test_an_activation_loads_nothing_heavy(base: Path, envs: Path) -> None:
    text = (
        "import sys; from neuronhub.environments.conda.shell import render_command; import os;"
        "render_command(['activate', 'notebook'], os.environ);"
        "print([name for name in ('rattler', 'pydantic', 'click', 'rich', 'asyncio') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", text],
        env={"CONDA_ENVS_PATH": str(envs), "PATH": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "[]\n"


def test_the_hook_starts_no_program(base: Path, envs: Path) -> None:
    done = run_shell("/bin/dash", "echo fine", base, envs, PATH="/nonexistent")
    assert (done.stdout, done.stderr) == ("fine\n", "")
