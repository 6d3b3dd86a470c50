from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

MODULE = [sys.executable, "-I", "-m", "neuronhub.environments.conda"]


def run(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environ = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "HOME": "/nonexistent", **variables}
    return subprocess.run([*MODULE, *words], env=environ, capture_output=True, text=True, timeout=30, check=False)


def test_errors_are_one_line_and_exit_code_1() -> None:
    done = run("list", "-p", "/nonexistent")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "conda: There is no environment in /nonexistent. Look at: conda env list\n"


def test_wrong_words_are_exit_code_2() -> None:
    assert run("frobnicate").returncode == 2
    assert "not Anaconda's conda" in run().stdout


def test_a_reader_that_goes_away_is_no_error() -> None:
    text = f'{" ".join(MODULE)} --help | true; echo "${{PIPESTATUS[0]}}"'
    done = subprocess.run(["bash", "-c", text], capture_output=True, text=True, timeout=30, check=False)
    assert done.stderr == ""
    assert done.stdout.splitlines()[-1] == "0"


def test_a_site_file_that_is_missing_is_named(tmp_path: Path) -> None:
    text = "import os; os.getuid = lambda: 65534; from neuronhub.environments.conda.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-I", "-c", text, "search", "x"],
        env={"NEURONHUB_SITE": str(tmp_path / "missing.toml")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("conda: ")
    assert "missing.toml" in done.stderr


def test_an_interruption_is_told(tmp_path: Path) -> None:
    text = (
        "import signal; from neuronhub.environments.conda import cli;"
        "signal.signal(signal.SIGINT, signal.default_int_handler);"  # which is ignored in a shell's background
        "cli.run = lambda words: signal.raise_signal(signal.SIGINT); cli.main()"
    )
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 128 + signal.SIGINT
    assert "Interrupted" in done.stderr
