"""What pages say a start can cost at most is what the hub holds back: one table of cases, for both."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from babel.numbers import get_currency_precision

from neuronhub.billing.prices import compute_most
from neuronhub.billing.types import Rate, Unit

CASES = json.loads((Path(__file__).parents[3] / "ui" / "tests" / "costs.json").read_text("utf-8"))


@pytest.mark.parametrize("case", CASES, ids=[case["why"] for case in CASES])
def test_the_most_that_a_start_can_cost(case: dict[str, str | int]) -> None:
    rate = Rate(Decimal(case["amount"]), Unit.NODE_HOUR, Decimal(case["discount_percent"]))
    seconds = timedelta(seconds=int(case["seconds"]))
    assert str(compute_most(rate, int(case["units"]), seconds, str(case["currency"]))) == case["most"]
    assert get_currency_precision(str(case["currency"])) == case["decimals"]
