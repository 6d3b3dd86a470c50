from __future__ import annotations

import pytest

from neuronhub.slurm.budget import Budget


@pytest.mark.parametrize("per_minute", [4, 5, 30, 600])
@pytest.mark.parametrize("idle_s", [0.0, 3.0, 1000.0])
def test_no_minute_has_more_than_the_budget_and_little_is_wasted(per_minute: int, idle_s: float) -> None:
    now = 5.0
    budget = Budget(per_minute, lambda: now)
    now += idle_s
    taken = []
    while now < 600:
        if budget.take():
            taken.append(now)
        now += max(budget.delay_s(), 0.01)
        if 100 < now < 130:
            now = 130  # a pause, after which a burst is allowed
    for start in taken:
        assert sum(start <= moment < start + 60 for moment in taken) <= per_minute
    if not idle_s:
        assert len(taken) >= (per_minute - 4) * 9 or per_minute < 6


def test_delay_is_exactly_as_long_as_needed() -> None:
    now = 0.0
    budget = Budget(30, lambda: now)
    while budget.take():
        assert budget.delay_s() >= 0
    now += budget.delay_s() - 0.01
    assert not budget.take()
    now += 0.02
    assert budget.take()
