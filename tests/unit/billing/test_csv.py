"""Charges as CSV: as a strict reader and a spreadsheet take it."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from tests.unit.billing.entries import NOON, RATE, make_charge, make_start

from neuronhub.billing.csv import render_charges, render_head, render_lines
from neuronhub.billing.types import Unit, WhyFree

SEOUL = ZoneInfo("Asia/Seoul")
CHARGE = make_charge(make_start("s-1"), 4711)


def read(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline=""), strict=True))


def test_it_begins_with_the_mark_that_tells_spreadsheets_of_utf_8() -> None:
    assert render_head("KRW").encode().startswith(b"\xef\xbb\xbf")
    assert render_head("KRW").endswith("\r\n")
    assert "\ufeff" not in render_charges([CHARGE], "KRW", SEOUL)


def test_every_line_has_the_columns_of_the_head() -> None:
    (head,) = read(render_head("KRW").removeprefix("\ufeff"))
    (line,) = read(render_charges([CHARGE], "KRW", SEOUL))
    assert len(head) == len(line) == len(set(head))
    named = dict(zip(head, line, strict=True))
    assert named["Job"] == "4711"
    assert named["Amount in KRW"] == "12000"
    assert named["Rate"] == "12000"
    assert named["Began"] == "2026-11-23T21:00:00+09:00"
    assert named["Charged seconds"] == "3600"


def test_amounts_have_the_decimals_of_their_currency() -> None:
    cheap = replace(CHARGE, amount_minor=1205, rate=replace(RATE, amount=Decimal("0.0125"), unit=Unit.CORE_HOUR))
    (line,) = read(render_charges([cheap], "USD", SEOUL))
    assert "12.05" in line
    assert "0.0125" in line


def test_what_never_ran_has_no_beginning() -> None:
    never = replace(CHARGE, started_at=None, why_free=WhyFree.NEVER_RAN)
    (line,) = read(render_charges([never], "KRW", SEOUL))
    assert line[8] == ""
    assert line[-1] == "It never ran."


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "  =1", "＝1", "＋1", "－1", "＠x", "=cmd|' /C calc'!A0"],
)
def test_text_that_a_spreadsheet_would_run_is_text(text: str) -> None:
    ((cell,),) = read(render_lines([[text]]))
    assert cell == "'" + text


@pytest.mark.parametrize("text", ["lab-a", "연구실 가", 'a "b", c', "two\nlines", "a=b", "", " "])
def test_other_text_stays_as_it_is(text: str) -> None:
    ((cell, _end),) = read(render_lines([[text, "end"]]))
    assert cell == text


def test_numbers_stay_numbers() -> None:
    ((*cells,),) = read(render_lines([[-5, Decimal("-1.50"), Decimal("1E+5"), 0, None, NOON]]))
    assert cells == ["-5", "-1.50", "100000", "0", "", "2026-11-23T12:00:00+00:00"]


def test_a_hostile_account_harms_neither_line_nor_sheet() -> None:
    hostile = replace(CHARGE, account='=HYPERLINK("http://x","y")\r\n1,2', user="@bob", queue="-q")
    (line,) = read(render_charges([hostile], "KRW", SEOUL))
    assert line[2:5] == ["'@bob", '\'=HYPERLINK("http://x","y")\r\n1,2', "'-q"]
