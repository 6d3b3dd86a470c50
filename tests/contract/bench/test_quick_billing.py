"""The measurement of billing with few jobs: both databases, the embedded site, figures and pages."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from bench.billing.report import SECTIONS
from bench.billing.scenarios import HTTP, NAMES, NEURONHUB, PLAIN, QUICK_COUNT
from bench.figures import Run
from bench.site import CHECKOUT

MOST_S = 300


def test_a_quick_run_measures_collector_and_page_on_all(tmp_path: Path) -> None:
    output = tmp_path / "figures.json"
    command = [sys.executable, "-m", "bench.billing", "--quick", f"--output={output}"]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=MOST_S, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    run = Run.from_json(json.loads(output.read_text()))
    measured = {(figures.scenario, figures.subject) for figures in run.figures}
    assert measured == {(name, NEURONHUB) for name in NAMES} | {(name, PLAIN) for name in NAMES if name != HTTP}
    for row in (row for section in SECTIONS for row in section.rows):
        assert run.value(row.scenario, NEURONHUB, row.key) is not None, row
    rate, seconds = (run.value("collector-sqlite", NEURONHUB, key) for key in ("records_per_s", "seconds"))
    assert rate is not None
    assert seconds is not None
    assert round(rate * seconds) == QUICK_COUNT
    for language in ("en", "ko"):
        assert "| **" in output.with_suffix(f".{language}.md").read_text()
