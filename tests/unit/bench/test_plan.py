from __future__ import annotations

from itertools import pairwise

from bench.__main__ import NAMES, make_plan
from bench.scenarios import SCENARIOS


def test_the_scenarios_of_one_hub_follow_each_other() -> None:
    plan = make_plan(NAMES, tuple(SCENARIOS))
    starts = [(subject, SCENARIOS[name].jupyter) for subject, name in plan]
    changes = sum(1 for before, after in pairwise(starts) if before != after)
    assert changes + 1 == len(set(starts))


def test_jupyterhub_alone_is_only_asked_what_it_can_tell() -> None:
    assert make_plan(["floor"], ["rest-50", "burst-50"]) == [("floor", "burst-50")]
