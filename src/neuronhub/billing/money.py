"""Amounts of money: decimals outside, whole numbers of the currency's smallest unit in the ledger. Pure.

Rounding happens here and nowhere else: once for each charge, to the smallest unit, half a unit away from zero.
"""

from __future__ import annotations

import re
from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal

from babel.numbers import format_currency, get_currency_precision

from neuronhub import language
from neuronhub.errors import EntryRefused
from neuronhub.language import translate as _

MOST_MINOR = 10**15
"""No amount is larger, in the smallest unit; the database's numbers hold a thousand such."""
LONGEST_SHOWN = 40
"""Characters of what was typed, in a message about it."""


def round_amount(amount: Decimal, currency: str) -> int:
    """``amount`` in the smallest unit of ``currency`` (ISO 4217), half a unit away from zero."""
    return int(_shift(amount, currency).quantize(Decimal(1), ROUND_HALF_UP))


def round_up(amount: Decimal, currency: str) -> int:
    """The same, never less than ``amount``: for the most that a start can cost."""
    return int(_shift(amount, currency).quantize(Decimal(1), ROUND_CEILING))


def to_decimal(minor: int, currency: str) -> Decimal:
    """The opposite: ``150``, ``USD`` -> ``1.50``; ``150``, ``KRW`` -> ``150``."""
    return Decimal(minor).scaleb(-get_currency_precision(currency))


def render_amount(minor: int, currency: str) -> str:
    """``48000``, ``KRW`` -> ``₩48,000``, as the reader writes it."""
    return format_currency(to_decimal(minor, currency), currency, locale=language.current.get())


def render_minor(minor: int, currency: str) -> str:
    """``1250``, ``USD`` -> ``12.50``: a decimal text for programs."""
    return f"{to_decimal(minor, currency):f}"


def parse_amount(text: str, currency: str) -> int:
    """What a person types, such as ``1500000`` or ``12.50``, in the smallest unit.

    Raises EntryRefused unless it is a plain number above zero, not absurdly large, without more decimals than the
    currency has.
    """
    text = text.strip()
    shown = text[:LONGEST_SHOWN]
    if not re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", text):  # Decimal reads 5_000, 5e3 and ٥ as well
        raise EntryRefused(_("Write the amount in digits, such as 1500000, not {text}.").format(text=repr(shown)))
    amount = Decimal(text)
    if amount <= 0:
        raise EntryRefused(_("The amount must be more than zero, not {text}.").format(text=shown))
    if amount.adjusted() > 15 or (minor := _shift(amount, currency)) > MOST_MINOR:
        raise EntryRefused(
            _("{text} {currency} is more than a budget can be. Look at the zeros.").format(
                text=shown, currency=currency
            )
        )
    if minor != minor.to_integral_value():
        raise EntryRefused(
            _("{currency} has {count} decimals; {text} has more.").format(
                currency=currency, count=get_currency_precision(currency), text=shown
            )
        )
    return int(minor)


def _shift(amount: Decimal, currency: str) -> Decimal:
    return amount.scaleb(get_currency_precision(currency))
