"""The usage page and the statement, rendered in both languages with full, empty and hostile data."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from tests.unit.billing.entries import HOUR, NOON, RATE, make_charge, make_start
from tests.unit.web.conftest import Render
from tests.unit.web.test_pages import HOSTILE, Outline

from neuronhub.billing.ledger import Ledger
from neuronhub.billing.period import Month
from neuronhub.billing.question import ALL, Question, Reader
from neuronhub.billing.statement import fetch_own_statement, fetch_statement
from neuronhub.billing.types import Running, Use, WhyFree
from neuronhub.billing.usage import Usage, fetch_usage
from neuronhub.hub.usage import list_months
from neuronhub.hub.usage_words import UsageWords
from neuronhub.tariff import Billing
from neuronhub.web.formats import render_month

SEOUL = ZoneInfo("Asia/Seoul")
BILLING = Billing(time_zone="Asia/Seoul")
NOVEMBER = Month(2026, 11)
READERS = {
    "": Reader("ada", accounts=("physics", "maths"), problem=HOSTILE),
    "physics": Reader("emmy", coordinated=frozenset({"physics"}), choices=("physics",)),
    ALL: Reader("root", operator=True, choices=("physics",)),
}


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    """Sixty jobs of a month, some of them hostile, one running, and a grant."""
    ledger = Ledger(f"sqlite:///{tmp_path_factory.mktemp('ledger') / 'billing.sqlite'}", "KRW")
    ledger.ensure_schema()
    fill(ledger)
    yield ledger
    ledger.close()


def fill(ledger: Ledger) -> None:
    queues = ["v100", "a100", "h100", "free", "h200", "b200", HOSTILE]
    starts = [make_start(f"s-{n}", queue=queues[n % 7]) for n in range(60)]
    starts[1] = replace(starts[1], user=HOSTILE)
    starts[2] = replace(starts[2], account=HOSTILE)
    running = make_start("r-1", use=Use.ENGINES)
    ledger.open_starts([*starts, running], policy="allow")
    charges = [
        make_charge(start, n, ended_at=NOON - timedelta(hours=9 * n), amount_minor=1000 * n, away_s=n)
        for n, start in enumerate(starts)
    ]
    charges[3] = replace(charges[3], amount_minor=0, why_free=WhyFree.FREE_QUEUE, rate=replace(RATE, amount=Decimal(0)))
    charges[4] = replace(charges[4], rate=replace(RATE, discount_percent=Decimal("12.5")), restart=2)
    charges[5] = replace(charges[5], started_at=None, why_free=WhyFree.NEVER_RAN)
    ledger.charge(charges)
    ledger.note_running([Running(running, 99, NOON, 3600, 2, NOON + HOUR)])
    ledger.grant("physics", 2_000_000, by=HOSTILE, note=HOSTILE, at=NOON)


def show(render: Render, ledger: Ledger, account: str = "", **asked: Any) -> str:
    question = Question(NOVEMBER, account, **asked)
    usage = fetch_usage(ledger, BILLING, READERS[account], question)
    return render("usage.html", **context_of(usage))


def context_of(usage: Usage) -> dict[str, Any]:
    words = UsageWords("KRW", SEOUL, usage.question)
    return {
        "usage": usage,
        "words": words,
        "months": list_months(usage.question.month, NOVEMBER),
        "present": NOVEMBER,
    }


def show_statement(render: Render, ledger: Ledger, account: str) -> str:
    find = fetch_statement if account else fetch_own_statement
    found = find(ledger, account or "ada", NOVEMBER, SEOUL)
    words = UsageWords("KRW", SEOUL, Question(NOVEMBER, account))
    return render("statement.html", statement=found, words=words, made_at=NOON, over=False)


def assert_whole(text: str, reader: str) -> Outline:
    outline = Outline(text)
    assert outline.all("html", lang=reader)
    assert len(outline.all("h1")) == 1
    assert "<script>alert" not in text
    assert all("src" in script for script in outline.all("script"))
    assert not [attributes for _, attributes in outline.tags if any(key.startswith("on") for key in attributes)]
    assert not [attributes for _, attributes in outline.tags if "style" in attributes]
    ids = [attributes["id"] for _, attributes in outline.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    return outline


@pytest.mark.parametrize("account", READERS)
def test_the_page_is_whole_and_escapes_what_others_wrote(
    account: str, reader: str, render: Render, ledger: Ledger
) -> None:
    outline = assert_whole(show(render, ledger, account), reader)
    assert bool(outline.all("select", name="account")) == (account != "")
    assert outline.all("select", name="month")
    assert outline.all("table")
    assert all("scope" in head for head in outline.all("th"))


def test_every_bar_is_a_link_with_its_words(reader: str, render: Render, ledger: Ledger) -> None:
    text = show(render, ledger, ALL)
    chart = text[text.index("<svg") : text.index("</svg>")]
    bars = Outline(chart).all("a")
    assert len(bars) == 23
    assert all("day=2026-11-" in str(bar["href"]) and "₩" in str(bar["aria-label"]) for bar in bars)
    assert len({str(rect["class"]) for rect in Outline(chart).all("rect")}) == 6, "four queues, the others, and room"


def test_the_table_says_the_same_as_the_chart(reader: str, render: Render, ledger: Ledger) -> None:
    text = show(render, ledger, ALL)
    table = text[text.index("<details") : text.index("</details>")]
    usage = fetch_usage(ledger, BILLING, READERS[ALL], Question(NOVEMBER, ALL))
    words = UsageWords("KRW", SEOUL, usage.question)
    assert len(Outline(table).all("tr")) == len(usage.days) + 2
    assert table.count(words.money(usage.total.amount_minor)) == 1
    for bar in usage.chart.bars:
        assert (words.money(int(bar.value)) in table) or not bar.segments


def test_a_month_without_jobs_says_so(reader: str, render: Render, ledger: Ledger) -> None:
    usage = fetch_usage(ledger, BILLING, READERS[""], Question(Month(2020, 1)))
    text = render("usage.html", **context_of(usage))
    assert_whole(text, reader)
    assert "<svg" not in text
    assert render_month(Month(2020, 1).first) in text


def test_numbers_and_moments_are_the_sites_and_in_the_readers_form(reader: str, render: Render, ledger: Ledger) -> None:
    text = show(render, ledger, "physics")
    assert {"en": "November 2026", "ko": "2026년 11월"}[reader] in text
    assert {"en": "Nov 23, 2026 21:00:00", "ko": "2026년 11월 23일 21:00:00"}[reader] in text
    assert text.count("Asia/Seoul") == 1
    assert "₩12,000" in text
    assert "12.5%" in text


def test_pages_lead_to_each_other(reader: str, render: Render, ledger: Ledger) -> None:
    first, last = Outline(show(render, ledger, ALL)), Outline(show(render, ledger, ALL, page=99))
    (older,) = first.all("a", rel="next")
    assert "page=2" in str(older["href"])
    assert not last.all("a", rel="next")
    assert [link for link in last.all("a", rel="prev") if "page=2" in str(link["href"])]


@pytest.mark.parametrize("account", ["", "physics"])
def test_a_statement_is_whole_and_its_sums_are_there(account: str, reader: str, render: Render, ledger: Ledger) -> None:
    text = show_statement(render, ledger, account)
    assert_whole(text, reader)
    found = (fetch_statement if account else fetch_own_statement)(ledger, account or "ada", NOVEMBER, SEOUL)
    words = UsageWords("KRW", SEOUL, Question(NOVEMBER, account))
    assert text.count(words.money(found.total.amount_minor)) >= 2
    assert (words.money(found.closing_minor) in text) == bool(account)
    listed = re.findall(r"<b>(-?₩[\d,]+)</b>", text)
    assert sum(int(re.sub(r"\D", "", amount)) for amount in listed) == found.total.amount_minor


def test_the_statement_is_made_for_paper() -> None:
    sheet = Path(__file__).parents[3] / "src/neuronhub/web/static/css/statement.css"
    text = sheet.read_text(encoding="utf-8")
    assert "counter(page)" in text
    assert re.search(r"@media print.*\.nh-header.*display: none", text, re.DOTALL)


def test_a_ledger_that_is_away_is_said_so_and_can_be_tried_again(reader: str, render: Render) -> None:
    text = render("usage_away.html", problem=HOSTILE, again="/hub/usage?month=2026-11&account=%22x")
    outline = assert_whole(text, reader)
    assert outline.all("a", href="/hub/usage?month=2026-11&account=%22x")
    assert outline.all("p", role="alert")
