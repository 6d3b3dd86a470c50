from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize("before", ["", "import rattler; "])
@pytest.mark.parametrize(
    ("words", "code", "told"),
    [(["--version"], 0, "neuronhub, version"), (["bogus"], 2, "No such command"), (["check"], 1, "cannot be read")],
)
def test_exit_codes(before: str, words: list[str], code: int, told: str) -> None:
    script = f"{before}from neuronhub.cli import main; main()"
    argv = [sys.executable, "-c", script, "--site", "/nowhere/site.toml", *words]
    done = subprocess.run(argv, check=False, capture_output=True, text=True)
    assert done.returncode == code
    assert told in done.stdout + done.stderr
