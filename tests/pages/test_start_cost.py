"""What the start page says of money before Submit: price, most, account, what is left, and a refusal in time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect
from tests.journeys.looks import AXE, WATCH_SHIFTS, find_violations, find_wide, measure_shift, settle
from tests.pages.start_double import CLUSTER, ORIGIN, StartServer, open_start_page
from tests.unit.web.conftest import make_account, make_billing

SHORT = "That can be {amount} more than chem has left. Ask for less time, or choose another queue."


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A context of its own, without movement."""
    with browser.new_context(reduced_motion="reduce", viewport={"width": 1280, "height": 900}) as context:
        context.add_init_script(path=AXE)
        context.add_init_script(WATCH_SHIFTS)
        yield context


@pytest.fixture
def meet(context: BrowserContext) -> Callable[..., tuple[Page, StartServer]]:
    """Open the page with these accounts, or none; a queue that is charged is picked."""

    def open_page(billing: dict[str, Any] | None, **choice: str) -> tuple[Page, StartServer]:
        picked = {"queue": "cas_v100_2", "time_limit": "2:00:00"} | choice
        server = StartServer(cluster=CLUSTER | {"billing": billing}, choice=picked)
        page = context.new_page()
        open_start_page(page, server)
        expect(page.locator("#cost")).not_to_have_text("–")
        return page, server

    return open_page


def read_box(page: Page) -> list[str]:
    """What can be seen in the box of money, line by line."""
    return [line for line in page.locator("#cost-box").inner_text().splitlines() if line.strip()]


def submit(page: Page) -> None:
    """Press Submit; the hub has answered."""
    with page.expect_navigation():
        page.locator("#submit").click()


def test_the_box_tells_price_most_and_what_is_left(meet: Callable[..., tuple[Page, StartServer]]) -> None:
    page, server = meet(make_billing(make_account(discount_percent="12.5")))
    assert read_box(page) == [
        *("Account", "chem"),
        *("Price", "₩2,625 an hour", "2 × ₩1,500 per GPU, less 12.5%"),
        *("At most", "₩5,250"),
        *("Left now", "₩450,000", "₩50,000 more is held back"),
        *("Left after it", "₩444,750"),
        "At most ₩5,250 for 2 hours, ₩2,625 an hour. chem has ₩450,000 left, and at least ₩444,750 after that.",
    ]
    page.locator("#time_limit").fill("30")
    expect(page.locator("#cost")).to_have_text("₩1,313")
    expect(page.locator("#cost-after")).to_have_text("₩448,687")
    page.locator("#time_limit").fill("soon")
    expect(page.locator("#cost")).to_have_text("–")
    page.locator("#time_limit").fill("30")
    submit(page)
    (form,) = server.submitted
    assert (form["queue"], form["time_limit"], form["account"]) == (["cas_v100_2"], ["30"], ["chem"])


def test_another_account_and_another_queue_are_counted_at_once(meet: Callable[..., tuple[Page, StartServer]]) -> None:
    page, server = meet(
        make_billing(make_account(), make_account("bio", available="9000", left="9000", queues=["cas_v100_2"])),
        account="bio",
    )
    account = page.get_by_label("Account")
    expect(account).to_have_value("bio")
    expect(page.locator("#cost-after")).to_have_text("₩3,000")
    expect(page.locator("#cost-held")).to_be_empty()
    account.select_option("chem")
    expect(page.locator("#cost-after")).to_have_text("₩444,000")
    page.locator("#queue").select_option("amd_a100nv_8")
    expect(account).to_be_hidden()
    expect(page.locator("#account-name")).to_have_text("chem")
    expect(page.locator("#cost-detail")).to_have_text("64 × ₩250.5 per core")
    expect(page.locator("#cost")).to_have_text("₩32,064")
    page.locator("#queue").select_option("jupyter")
    assert read_box(page)[:2] == ["Cost", "Free of charge"]
    submit(page)
    assert "account" not in server.submitted[0], "nobody has to pay in a free queue"


def test_what_cannot_be_paid_is_refused_before_submit(meet: Callable[..., tuple[Page, StartServer]]) -> None:
    page, server = meet(make_billing(make_account(available="5999", left="6000")))
    button, problem = page.get_by_role("button", name="Submit"), page.locator("#cost-problem")
    expect(problem).to_have_text(SHORT.format(amount="₩1"))
    expect(button).to_have_attribute("aria-disabled", "true")
    expect(button).to_have_accessible_description(SHORT.format(amount="₩1"))
    button.focus()
    page.keyboard.press("Enter")
    expect(problem).to_be_focused()
    page.locator("#time_limit").fill("3:00:00")
    page.keyboard.press("Enter")
    expect(problem).to_be_focused()
    expect(problem).to_have_text(SHORT.format(amount="₩3,001"))
    assert server.submitted == []
    page.locator("#time_limit").fill("1:59:58")
    expect(problem).to_be_empty()
    expect(button).to_have_attribute("aria-disabled", "false")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert len(server.submitted) == 1


@pytest.mark.parametrize(
    ("policy", "says"),
    [("warn", "That can be ₩5,000 more than chem has left. You can submit it all the same."), ("allow", "")],
)
def test_a_site_may_let_it_start_all_the_same(
    meet: Callable[..., tuple[Page, StartServer]], policy: str, says: str
) -> None:
    page, server = meet(make_billing(make_account(available="1000"), policy=policy))
    expect(page.locator("#cost-after")).to_have_text("-₩5,000")
    expect(page.locator("#cost-problem")).to_have_text(says)
    submit(page)
    assert len(server.submitted) == 1


def test_without_an_account_only_free_queues_can_be_had(meet: Callable[..., tuple[Page, StartServer]]) -> None:
    page, server = meet(make_billing())
    expect(page.locator("#cost-problem")).to_contain_text("You have no account that can pay in this queue.")
    expect(page.locator("#submit")).to_have_attribute("aria-disabled", "true")
    page.locator("#queue").select_option("jupyter")
    expect(page.locator("#cost-problem")).to_be_empty()
    submit(page)
    assert len(server.submitted) == 1


def test_the_hubs_own_reason_is_shown_when_it_knows_better(meet: Callable[..., tuple[Page, StartServer]]) -> None:
    page, server = meet(make_billing(make_account(left=None, available=None), problem="The ledger rests."))
    expect(page.locator("#cost-problem")).to_have_text("The ledger rests.")
    assert "Left now" not in read_box(page)
    server.refusal = "This start can cost up to ₩6,000. Choose a shorter time."
    page.locator("#submit").click()
    expect(page.get_by_role("alert")).to_have_text(server.refusal)
    expect(page.get_by_role("alert")).to_be_focused()


def test_it_works_without_scripts(browser: Browser) -> None:
    server = StartServer(cluster=CLUSTER | {"billing": make_billing(make_account(), make_account("bio"))})
    server.refusal = "The account has too little left."
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        open_start_page(page, server)
        page.get_by_label("Job queue").select_option("cas_v100_2")
        page.get_by_label("Account").select_option("bio")
        page.get_by_role("button", name="Submit").click()
        expect(page.get_by_role("alert")).to_have_text(server.refusal)
    assert server.submitted[0]["account"] == ["bio"]


def test_submit_stays_where_it_is(meet: Callable[..., tuple[Page, StartServer]]) -> None:
    page, _server = meet(make_billing(make_account(), make_account("bio", available="10", queues=["cas_v100_2"])))
    places = set()
    for queue, account in (("cas_v100_2", "chem"), ("cas_v100_2", "bio"), ("amd_a100nv_8", ""), ("jupyter", "")):
        page.locator("#queue").select_option(queue)
        if account:
            page.get_by_label("Account").select_option(account)
        settle(page)
        places.add(page.locator("#submit").evaluate("button => button.offsetTop"))
    assert len(places) == 1, f"Submit moves under the pointer: {places}"


def test_nothing_jumps_while_the_page_is_loaded(meet: Callable[..., tuple[Page, StartServer]]) -> None:
    page, _server = meet(make_billing(make_account()))
    shift, moved = measure_shift(page)
    assert shift < 0.01, f"the page jumps: {moved}"


@pytest.mark.parametrize("width", [320, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_can_be_read_by_everyone_at_any_width(
    meet: Callable[..., tuple[Page, StartServer]], width: int, scheme: str
) -> None:
    page, _server = meet(make_billing(make_account(discount_percent="12.5"), make_account("a" * 64, available="1")))
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    for account in ("chem", "a" * 64):
        page.get_by_label("Account").select_option(account)
        settle(page)
        assert find_violations(page) == []
        assert find_wide(page) == []


def test_what_was_typed_before_the_script_came_stays(context: BrowserContext) -> None:
    """On a slow line people are quicker than the page's module: a queue's default does not replace their time."""
    server = StartServer(choice={"queue": "cas_v100_2"})
    page = context.new_page()
    held: list[Route] = []
    page.route(f"{ORIGIN}/**", server.answer)
    page.route("**/js/hub/start.js", lambda route: held.append(route))
    page.goto(f"{ORIGIN}/hub/spawn", wait_until="commit")
    page.locator("#queue").select_option("amd_a100nv_8")
    page.locator("#time_limit").fill("30")
    (route,) = held
    route.fallback()
    expect(page.locator("#cost")).not_to_have_text("–")
    expect(page.locator("#time_limit")).to_have_value("30")
    expect(page.locator("#queue")).to_have_value("amd_a100nv_8")
