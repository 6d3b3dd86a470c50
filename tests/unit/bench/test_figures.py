from __future__ import annotations

import json

import pytest
from bench.figures import Figures, Machine, Run, summarise_latencies, summarise_starts, take_percentile


def test_percentile_is_a_value_that_was_measured() -> None:
    values = [float(number) for number in range(100, 0, -1)]
    assert take_percentile(values, 50) == 50
    assert take_percentile(values, 99) == 99
    assert take_percentile(values, 100) == 100


@pytest.mark.parametrize("percent", [0.0, 50.0, 99.0])
def test_percentile_of_one_value_is_that_value(percent: float) -> None:
    assert take_percentile([7.0], percent) == 7.0


def test_percentile_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="no values"):
        take_percentile([], 50)


def test_starts_that_failed_are_counted_and_not_averaged() -> None:
    assert summarise_starts([1.0, 2.0, 9.0], failures=2) == {"failures": 2, "median_s": 2.0, "slowest_s": 9.0}
    assert summarise_starts([], failures=3) == {"failures": 3}


def test_latencies_are_told_in_milliseconds() -> None:
    values = summarise_latencies([0.001] * 98 + [0.5, 2.0])
    assert values == {"latency_p50_ms": 1.0, "latency_p99_ms": 500.0, "latency_max_ms": 2000.0}


def test_a_run_survives_json() -> None:
    figures = Figures("one", "neuronhub", {"median_s": 0.5}, ("a problem",))
    run = Run("2026-11-23T08:00:00+00:00", Machine("a processor", 2, 24, "6.1"), {"Slurm": "22.05.8"}, (figures,))
    assert Run.from_json(json.loads(json.dumps(run.to_json()))) == run
    assert run.value("one", "neuronhub", "median_s") == 0.5
    assert run.value("one", "neuronhub", "slowest_s") is None
    assert run.value("one", "floor", "median_s") is None
