"""What the site file says of money: which price and discount hold when, and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from pydantic import ValidationError

from neuronhub.site import QueueSite
from neuronhub.tariff import Billing

NEW_YEAR = datetime(2027, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def make_queue(*prices: dict[str, object]) -> QueueSite:
    return QueueSite.model_validate({"name": "gpu", "prices": list(prices)})


def test_a_price_holds_from_its_very_second_until_the_next() -> None:
    queue = make_queue({"amount": "3000"}, {"amount": "3500", "valid_from": NEW_YEAR})
    before, at = queue.price_at(NEW_YEAR - SECOND), queue.price_at(NEW_YEAR)
    assert before is not None
    assert at is not None
    assert (before.amount, at.amount) == (Decimal(3000), Decimal(3500))


def test_before_the_first_price_nobody_knows_it_and_the_queue_is_not_free() -> None:
    queue = make_queue({"amount": "3000", "valid_from": datetime(9000, 1, 1, tzinfo=UTC)})
    assert queue.price_at(NEW_YEAR) is None
    assert queue.charged


def test_a_queue_without_prices_or_with_a_price_of_nothing_is_free() -> None:
    assert not make_queue().charged
    assert not make_queue({"amount": "0"}).charged


@pytest.mark.parametrize("latter", [None, NEW_YEAR, NEW_YEAR - SECOND])
def test_prices_that_overlap_are_refused(latter: datetime | None) -> None:
    with pytest.raises(ValidationError, match="valid_from must be later"):
        make_queue({"amount": "1", "valid_from": NEW_YEAR}, {"amount": "2", "valid_from": latter})


@pytest.mark.parametrize("amount", ["-1", "NaN", "Infinity", "1000000001", "viele", ""])
def test_an_amount_that_is_none_is_refused(amount: str) -> None:
    with pytest.raises(ValidationError, match=r"prices\.0\.amount"):
        make_queue({"amount": amount})


def test_a_moment_without_its_zone_is_refused() -> None:
    with pytest.raises(ValidationError, match="timezone"):
        make_queue({"amount": "1", "valid_from": datetime(2027, 1, 1)})  # that is what is tried


def test_a_discount_is_the_account_s_own_and_holds_from_its_day() -> None:
    billing = Billing.model_validate(
        {
            "discounts": [
                {"account": "lab-a", "percent": "10"},
                {"account": "lab-b", "percent": "50"},
                {"account": "lab-a", "percent": "25", "valid_from": NEW_YEAR},
            ]
        }
    )
    found = [billing.discount_at(account, NEW_YEAR - SECOND) for account in ("lab-a", "lab-b", "lab-c")]
    assert found == [Decimal(10), Decimal(50), Decimal(0)]
    assert billing.discount_at("lab-a", NEW_YEAR) == Decimal(25)


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("time_zone", "Mars/Olympus", "no such time zone"),
        ("time_zone", "../../etc/passwd", "no such time zone"),
        ("time_zone", "", "no such time zone"),
        ("database_url", "postgresql://hub:secret@db/billing", "password_file"),
        ("discounts", [{"account": "lab-a", "percent": "101"}], "percent"),
        ("discounts", [{"account": "lab a", "percent": "1"}], "account"),
        ("discounts", [{"account": "a", "percent": "1"}, {"account": "a", "percent": "2"}], "valid_from must be later"),
        ("over_budget", "shrug", "over_budget"),
        ("collect_every", "PT0S", "collect_every"),
        ("away", {"look_every": 20}, "whole seconds"),
        ("away", {"look_every": 3, "cpu_percent": 33}, "whole seconds"),
    ],
)
def test_what_is_wrong_is_refused_by_its_name(key: str, value: object, words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        Billing.model_validate({key: value})


def test_a_url_without_a_password_is_taken() -> None:
    url = "postgresql+psycopg://hub@db.example.org/billing"
    assert Billing.model_validate({"database_url": url}).database_url == url


def test_looks_may_be_short_where_more_is_let_pass_or_nothing() -> None:
    for away in ({"look_every": 21}, {"look_every": 3, "cpu_percent": 34}, {"look_every": 1, "cpu_percent": 0}):
        assert Billing.model_validate({"away": away}).away.look_every.total_seconds() == away["look_every"]
