"""Amounts: half a unit goes away from zero, in currencies with 0, 2 and 3 decimals, exactly, there and back."""

from __future__ import annotations

import math
import random
from decimal import Decimal
from fractions import Fraction

import pytest

from neuronhub.billing.money import MOST_MINOR, parse_amount, round_amount, round_up, to_decimal
from neuronhub.errors import EntryRefused

DECIMALS = {"KRW": 0, "JPY": 0, "USD": 2, "EUR": 2, "KWD": 3, "BHD": 3}


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [
        ("0.5", "KRW", 1),
        ("1.5", "KRW", 2),
        ("2.5", "KRW", 3),
        ("0.49999999999999999999", "KRW", 0),
        ("-0.5", "KRW", -1),
        ("-2.5", "KRW", -3),
        ("-0.4999", "KRW", 0),
        ("1.005", "USD", 101),
        ("1.015", "USD", 102),
        ("-1.005", "USD", -101),
        ("1.0049", "USD", 100),
        ("0.0005", "KWD", 1),
        ("1.0015", "KWD", 1002),
        ("0", "KRW", 0),
        ("1E+3", "KRW", 1000),
    ],
)
def test_half_a_unit_goes_away_from_zero(amount: str, currency: str, minor: int) -> None:
    assert round_amount(Decimal(amount), currency) == minor


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [("0.0001", "KRW", 1), ("3", "KRW", 3), ("1.001", "USD", 101), ("1.00", "USD", 100), ("0.0001", "KWD", 1)],
)
def test_the_most_is_never_rounded_down(amount: str, currency: str, minor: int) -> None:
    assert round_up(Decimal(amount), currency) == minor


@pytest.mark.parametrize("currency", DECIMALS)
def test_rounding_is_that_of_exact_fractions(currency: str) -> None:
    chance = random.Random(currency)
    scale = 10 ** DECIMALS[currency]
    for _ in range(2000):
        amount = Decimal(chance.randrange(-(10**15), 10**15)).scaleb(-chance.randrange(12))
        exact = Fraction(amount) * scale
        nearest = math.floor(abs(exact) + Fraction(1, 2)) * (1 if exact >= 0 else -1)
        assert round_amount(amount, currency) == nearest == -round_amount(-amount, currency)
        assert round_up(amount, currency) == math.ceil(exact)
        assert 0 <= round_up(amount, currency) - exact < 1


@pytest.mark.parametrize("currency", DECIMALS)
def test_minor_units_go_there_and_back(currency: str) -> None:
    chance = random.Random(currency)
    for minor in (
        0,
        1,
        -1,
        5,
        MOST_MINOR,
        -MOST_MINOR,
        *(chance.randrange(-MOST_MINOR, MOST_MINOR) for _ in range(500)),
    ):
        amount = to_decimal(minor, currency)
        assert -amount.as_tuple().exponent == DECIMALS[currency]  # type: ignore[operator]
        assert round_amount(amount, currency) == minor
        if minor > 0:
            assert parse_amount(f"{amount:f}", currency) == minor


@pytest.mark.parametrize("currency", ["KRW", "USD", "KWD"])
def test_a_sum_of_amounts_is_the_amount_of_the_sum(currency: str) -> None:
    chance = random.Random(currency)
    minors = [chance.randrange(-(10**12), 10**12) for _ in range(1000)]
    assert sum((to_decimal(minor, currency) for minor in minors), Decimal(0)) == to_decimal(sum(minors), currency)


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("1500000", "KRW", 1_500_000),
        (" 1500000 ", "KRW", 1_500_000),
        ("12.50", "USD", 1250),
        ("12.5", "USD", 1250),
        ("0.001", "KWD", 1),
        ("7.000", "KRW", 7),
        (str(MOST_MINOR), "KRW", MOST_MINOR),
    ],
)
def test_a_plain_number_is_an_amount(text: str, currency: str, minor: int) -> None:
    assert parse_amount(text, currency) == minor


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "abc", "1,500,000", "1 500", "12.50.1", "0x10", "=1+1", "1_000", "--1", "+", "."),
        *("NaN", "sNaN", "Infinity", "-Infinity", "1e400", "1e-400", "1e99999999999", "9" * 5000),
        *("0", "-0", "0.00", "-1", "-0.5", "0.5", "1.01"),
        *(str(MOST_MINOR + 1), "1e16", "１５００", "¹", "1\n2", "1\x00"),
    ],
)
def test_whatever_else_people_type_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(EntryRefused) as refused:
        parse_amount(text, "KRW")
    assert len(str(refused.value)) < 200


@pytest.mark.parametrize(("text", "currency"), [("0.001", "USD"), ("1.5", "KRW"), ("0.0001", "KWD")])
def test_more_decimals_than_the_currency_has_are_refused(text: str, currency: str) -> None:
    with pytest.raises(EntryRefused, match=f"{currency} has"):
        parse_amount(text, currency)


def test_the_largest_amount_fits_into_a_database_a_thousandfold() -> None:
    assert 1000 * MOST_MINOR < 2**63
