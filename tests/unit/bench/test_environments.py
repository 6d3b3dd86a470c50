"""What environments cost: what is counted, and how it is told."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from bench.environments.inside import Job, count, measure
from bench.environments.report import ENVIRONMENTS, SECTIONS
from bench.environments.scenarios import NAMES, STEPS, USERS
from bench.environments.subjects import FULL, LAYERED, PLANS, SUBJECTS, Ground
from bench.figures import Figures, Machine, Run
from bench.workbench import report as workbench
from bench.workbench import scenarios as workbench_scenarios

GROUND = Ground("/scratch/u01", "/bench/base.txt", "/bench/wheels")


def make_run(*figures: Figures) -> Run:
    return Run("2026-11-23T08:00:00+00:00", Machine("a processor", 2, 24, "6.1"), {"uv": "0.9"}, figures)


def test_each_entry_counts_and_each_inode_takes_space_once(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "file").write_bytes(b"x" * 100_000)
    _, before = count([str(tmp_path)])
    (tmp_path / "folder" / "hard").hardlink_to(tmp_path / "folder" / "file")
    (tmp_path / "folder" / "soft").symlink_to("file")
    entries, after = count([str(tmp_path), str(tmp_path / "missing")])
    assert entries == 4
    assert after - before <= os.stat(tmp_path).st_blksize


def test_only_what_the_commands_add_is_told(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    make = [sys.executable, "-c", f"import pathlib; pathlib.Path({str(tree / 'new')!r}).write_text('x')"]
    outcome = measure(Job([make], [str(tree)], [["/bin/mkdir", str(tree)], ["/bin/touch", str(tree / "old")]], {}))
    assert (outcome.entries, outcome.problem) == (1, "")
    assert outcome.seconds > 0


def test_a_command_that_fails_is_no_figure_but_its_last_words(tmp_path: Path) -> None:
    fail = [sys.executable, "-c", "raise SystemExit('no room')"]
    outcome = measure(Job([fail, ["/bin/false"]], [str(tmp_path)], [], {}))
    assert outcome.problem.endswith("exit status 1: no room")


@pytest.mark.parametrize("subject", SUBJECTS)
def test_nobody_works_in_the_folder_of_somebody_else(subject: str) -> None:
    ground = Ground(f"/scratch/{USERS[subject]}", GROUND.lock, GROUND.wheels)
    for step in PLANS[subject](ground):
        assert step.scenario in STEPS
        assert all(tree.startswith(f"{ground.scratch}/") for tree in step.trees)


def test_every_row_names_a_scenario() -> None:
    assert {row.scenario for section in SECTIONS for row in section.rows} == set(NAMES)


@pytest.mark.parametrize("language", ["en", "ko"])
def test_aims_are_for_the_layered_kind(language: str) -> None:
    slow = Figures("create", FULL, {"seconds": 9.0, "entries": 30000, "mib": 80.0})
    quick = Figures("create", LAYERED, {"seconds": 0.4, "entries": 240, "mib": 0.5})
    page = ENVIRONMENTS.render(make_run(slow, quick), language)
    rows = [line for line in page.splitlines() if "`.venv/bin/python -m bench.environments --only create`" in line]
    assert "| 0.40 s | 9.00 s | — | — | — | ≤ 1.00 s | " in rows[0]
    assert "| 240 | 30000 | — | — | — | ≤ 300 | " in rows[1]
    assert all("not met" not in row and "미달" not in row for row in rows)


def test_every_row_of_the_workbench_names_a_scenario() -> None:
    assert {row.scenario for section in workbench.SECTIONS for row in section.rows} == set(workbench_scenarios.NAMES)
