"""The usage page in a browser: keys on the chart, phones, dark, without scripts, and the statement on paper."""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal
from urllib.parse import parse_qsl, urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect
from tests.journeys.looks import AXE, WATCH_SHIFTS, find_violations, find_wide, measure_shift
from tests.unit.billing.entries import NOON
from tests.unit.web.conftest import make_render
from tests.unit.web.test_usage_pages import BILLING, NOVEMBER, READERS, context_of, fill, show_statement

from neuronhub.billing.ledger import Ledger
from neuronhub.billing.question import ALL, parse_question
from neuronhub.billing.usage import fetch_usage
from neuronhub.web.templates import STATIC

ORIGIN = "http://hub.test"
USAGE = f"{ORIGIN}/hub/usage?month=2026-11&account=*"
Scheme = Literal["light", "dark"]


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    """The month of the rendered pages."""
    ledger = Ledger(f"sqlite:///{tmp_path_factory.mktemp('ledger') / 'billing.sqlite'}", "KRW")
    ledger.ensure_schema()
    fill(ledger)
    yield ledger
    ledger.close()


def play_hub(context: BrowserContext, ledger: Ledger) -> None:
    """Answer the context's requests as the hub would."""

    def answer(route: Route) -> None:
        url = urlsplit(route.request.url)
        if url.path == "/hub/usage":
            asked = parse_question(dict(parse_qsl(url.query)), NOON, BILLING.zone)
            usage = fetch_usage(ledger, BILLING, READERS[asked.account], asked)
            html = make_render()("usage.html", **context_of(usage))
        elif url.path == "/hub/statement":
            html = show_statement(make_render(), ledger, "physics")
        else:
            file = STATIC / url.path.split("/", 4)[4]
            route.fulfill(body=file.read_bytes(), content_type=mimetypes.guess_type(file.name)[0])
            return
        route.fulfill(body=html, content_type="text/html; charset=utf-8")

    context.route(f"{ORIGIN}/**", answer)


@pytest.fixture
def page(browser: Browser, ledger: Ledger) -> Iterator[Page]:
    """A page in a context of its own."""
    with browser.new_context(viewport={"width": 1280, "height": 900}) as context:
        context.add_init_script(path=AXE)
        context.add_init_script(WATCH_SHIFTS)
        play_hub(context, ledger)
        yield context.new_page()


@pytest.mark.parametrize("width", [320, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_accessible_and_fits(page: Page, width: int, scheme: Scheme) -> None:
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(USAGE)
    page.locator("details summary").click()
    assert find_violations(page) == []
    assert find_wide(page) == []
    assert measure_shift(page)[0] < 0.1
    page.goto(f"{ORIGIN}/hub/statement?account=physics")
    assert find_violations(page) == []
    assert find_wide(page) == []


def test_the_chart_is_one_tab_stop_and_arrow_keys_walk_along_it(page: Page) -> None:
    page.goto(USAGE)
    bars, readout = page.locator("#chart a"), page.locator("#chart-readout")
    hint = readout.inner_text()
    expect(page.locator('#chart a[tabindex="0"]')).to_have_count(1)
    bars.first.focus()
    page.keyboard.press("ArrowRight")
    expect(bars.nth(1)).to_be_focused()
    expect(readout).to_have_text(str(bars.nth(1).get_attribute("aria-label")))
    page.keyboard.press("End")
    expect(bars.last).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(bars.last).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.locator("details summary")).to_be_focused()
    expect(readout).to_have_text(hint)
    page.keyboard.press("Shift+Tab")
    expect(bars.last).to_be_focused()
    page.keyboard.press("Home")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("day=2026-11-01"))
    expect(page.locator(".nh-chips")).to_contain_text("Nov 1")
    expect(page.locator('#chart a[aria-current="true"]')).to_have_attribute("tabindex", "0")


def test_pointing_at_a_bar_says_what_it_is(page: Page) -> None:
    page.goto(USAGE)
    bar, readout = page.locator("#chart a").nth(2), page.locator("#chart-readout")
    hint = readout.inner_text()
    bar.hover()
    expect(readout).to_have_text(str(bar.get_attribute("aria-label")))
    page.mouse.move(5, 5)
    expect(readout).to_have_text(hint)


def test_the_month_is_chosen_with_keys(page: Page) -> None:
    page.goto(USAGE)
    page.get_by_label("Month", exact=True).focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"month=2026-10"))
    assert dict(parse_qsl(urlsplit(page.url).query))["account"] == ALL
    expect(page.locator("h1")).to_contain_text("October 2026")


def test_without_scripts_bars_are_links_and_the_table_opens(browser: Browser, ledger: Ledger) -> None:
    with browser.new_context(java_script_enabled=False) as context:
        play_hub(context, ledger)
        page = context.new_page()
        page.goto(USAGE)
        expect(page.locator("#chart-readout")).to_be_hidden()
        expect(page.locator("details table")).to_be_hidden()
        page.locator("details summary").click()
        expect(page.locator("details table")).to_be_visible()
        page.locator("#chart a").first.focus()
        page.keyboard.press("Enter")
        page.wait_for_url(re.compile("day=2026-11-01"))
        page.get_by_role("link", name="Hours").click()
        page.wait_for_url(re.compile("measure=hours"))


def test_the_statement_on_paper_is_the_statement_alone(page: Page, tmp_path: Path) -> None:
    page.goto(f"{ORIGIN}/hub/statement?account=physics&month={NOVEMBER}")
    page.emulate_media(media="print")
    expect(page.locator("header")).to_be_hidden()
    expect(page.get_by_role("link", name="Back to the usage page")).to_be_hidden()
    expect(page.get_by_role("table").first).to_be_visible()
    assert page.locator("body").evaluate(
        "node => getComputedStyle(node.ownerDocument.documentElement).backgroundColor"
    ) == ("rgb(255, 255, 255)")
    paper = page.pdf(path=tmp_path / "statement.pdf", prefer_css_page_size=True)
    assert len(re.findall(rb"/Type /Page\b", paper)) > 1
