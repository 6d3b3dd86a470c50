from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest

from neuronhub.environments.kernel_probe import find_last_line, probe_kernel


@pytest.fixture
def prefix(tmp_path: Path) -> Path:
    (tmp_path / "bin").mkdir()
    return tmp_path


def write_python(prefix: Path, script: str) -> None:
    python = prefix / "bin" / "python"
    python.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    python.chmod(0o755)


def test_kernel_that_starts(prefix: Path) -> None:
    write_python(prefix, "exit 0")
    assert probe_kernel(prefix) is None


def test_last_line_of_the_error_is_the_reason(prefix: Path) -> None:
    write_python(prefix, "echo Traceback >&2; printf 'ImportError: no \\033[31mtornado\\n\\n' >&2; exit 1")
    assert probe_kernel(prefix) == "ImportError: no ?[31mtornado"


def test_end_without_a_word(prefix: Path) -> None:
    write_python(prefix, "exit 3")
    assert probe_kernel(prefix) == "Python ends with code 3."


def test_python_that_cannot_be_run(prefix: Path) -> None:
    assert "No such file" in str(probe_kernel(prefix))


def test_python_that_floods(prefix: Path) -> None:
    write_python(prefix, "exec yes >&2")
    assert "does not get ready" in str(probe_kernel(prefix))


def test_python_that_hangs_is_ended_with_its_children(prefix: Path) -> None:
    write_python(prefix, f"sleep 100 & echo $! > {prefix}/child; wait")
    begun = time.monotonic()
    assert probe_kernel(prefix, 0.5) == "Python does not get ready within 0 seconds."
    assert time.monotonic() - begun < 10
    child = (prefix / "child").read_text().strip()
    state = subprocess.run(["ps", "-o", "s=", "-p", child], capture_output=True, text=True).stdout
    assert state.strip() in ("", "Z")


def test_shell_of_the_user_does_not_matter(prefix: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "PYTHONPATH", "/evil")
    write_python(prefix, 'test -z "$PYTHONPATH" || exit 5')
    assert probe_kernel(prefix) is None


def test_last_line_is_short() -> None:
    assert len(find_last_line("x" * 10_000)) == 300
    assert find_last_line(" \n\n") == ""
