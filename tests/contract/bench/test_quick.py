"""The bench itself, with a few starts: its own embedded site, all three hubs, figures and pages."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from bench.figures import Run
from bench.site import CHECKOUT

MOST_S = 300


def test_a_quick_run_measures_all_three_hubs(tmp_path: Path) -> None:
    output = tmp_path / "figures.json"
    scenarios = ("--only=burst-10", "--only=waiting-10")
    command = [sys.executable, "-m", "bench", "--quick", *scenarios, f"--output={output}"]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=MOST_S, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    run = Run.from_json(json.loads(output.read_text()))
    for subject in ("neuronhub", "batchspawner", "floor"):
        assert run.value("burst-10", subject, "failures") == 0, done.stdout
    for subject in ("neuronhub", "batchspawner"):
        orders = run.value("burst-10", subject, "orders")
        assert orders is not None
        assert orders >= 2, "each start submits a job"
        assert run.value("waiting-10", subject, "orders") == 0, done.stdout
    for language in ("en", "ko"):
        assert "| **" in output.with_suffix(f".{language}.md").read_text()
