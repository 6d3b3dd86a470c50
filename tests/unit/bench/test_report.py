from __future__ import annotations

from collections.abc import Mapping

import pytest
from bench.figures import Figures, Machine, Run
from bench.report import STARTS
from bench.rows import SECTIONS
from bench.scenarios import SCENARIOS


def make_run(values: Mapping[tuple[str, str], Mapping[str, float]], problems: tuple[str, ...] = ()) -> Run:
    figures = tuple(Figures(scenario, subject, dict(some), problems) for (scenario, subject), some in values.items())
    return Run("2026-11-23T08:00:00+00:00", Machine("a processor", 2, 24, "6.1"), {"Slurm": "22.05.8"}, figures)


def find_line(page: str, beginning: str, *, scenario: str) -> str:
    (line,) = (
        line for line in page.splitlines() if line.startswith(f"| {beginning} |") and line.endswith(f" {scenario}` |")
    )
    return line


def test_an_aim_is_met_or_not_met_in_plain_words() -> None:
    fast = STARTS.render(make_run({("one", "neuronhub"): {"median_s": 0.51}}), "en")
    slow = STARTS.render(make_run({("one", "neuronhub"): {"median_s": 0.76}}), "en")
    row = "stand-in: hub and Slurm alone"
    assert "| 0.51 s | — | — | ≤ 0.70 s | met |" in find_line(fast, row, scenario="one")
    assert "| 0.76 s | — | — | ≤ 0.70 s | **not met** |" in find_line(slow, row, scenario="one")


def test_what_was_not_measured_is_neither_met_nor_missed() -> None:
    page = STARTS.render(make_run({("one", "batchspawner"): {"median_s": 1.6}}), "en")
    assert "| — | 1.60 s | — | ≤ 0.70 s |  |" in find_line(page, "stand-in: hub and Slurm alone", scenario="one")


def test_latency_is_compared_with_jupyterhub_alone() -> None:
    values = {("burst-50", "neuronhub"): {"latency_p99_ms": 700.0}, ("burst-50", "floor"): {"latency_p99_ms": 650.0}}
    line = find_line(STARTS.render(make_run(values), "en"), "99 of 100", scenario="burst-50")
    assert "| 700 ms | — | 650 ms | ≤ as alone | **not met** |" in line


def test_failures_of_a_subject_are_quoted() -> None:
    page = STARTS.render(make_run({("burst-50", "batchspawner"): {"failures": 27.0}}, ("500 Spawn failed",)), "ko")
    assert "- batchspawner, `burst-50`: 500 Spawn failed" in page


@pytest.mark.parametrize("language", ["en", "ko"])
def test_every_line_names_the_command_that_repeats_it(language: str) -> None:
    page = STARTS.render(make_run({}), language)
    for section in SECTIONS:
        for row in section.rows:
            assert row.scenario in SCENARIOS
            assert f"`.venv/bin/python -m bench --only {row.scenario}`" in page


def test_both_languages_have_the_same_table() -> None:
    run = make_run({("one", "neuronhub"): {"median_s": 0.5}})
    pages = [STARTS.render(run, language) for language in ("en", "ko")]
    tables = [[line for line in page.splitlines() if line.startswith("|")] for page in pages]
    assert len(tables[0]) == len(tables[1])
    assert all(a.count("|") == b.count("|") == 8 for a, b in zip(*tables, strict=True))
