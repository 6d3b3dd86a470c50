"""What IPython Clusters says of money before Start: engines x nodes x time, the account, and a refusal in time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect
from tests.journeys.looks import AXE, find_violations, find_wide, settle
from tests.pages.clusters_double import ClustersServer, open_clusters
from tests.pages.start_double import CLUSTER
from tests.unit.web.conftest import make_account, make_billing, make_price, make_queue

SHORT = "That can be {amount} more than {account} has left. Ask for less time, or choose another queue."
ACCOUNTS = (make_account(discount_percent="12.5"), make_account("bio", available="1000", left="1000"))


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A context of its own, without movement."""
    with browser.new_context(reduced_motion="reduce", viewport={"width": 1280, "height": 900}) as context:
        context.add_init_script(path=AXE)
        yield context


@pytest.fixture
def meet(context: BrowserContext) -> Callable[..., tuple[Page, Locator, ClustersServer]]:
    """Open the panel with these accounts, or none, and get the form of the profile slurm."""

    def open_panel(billing: dict[str, Any] | None, *queues: dict[str, Any]) -> tuple[Page, Locator, ClustersServer]:
        resources = CLUSTER | {"billing": billing} | ({"queues": list(queues)} if queues else {})
        server = ClustersServer(resources=resources)
        page = context.new_page()
        open_clusters(page, server)
        return page, page.locator("[data-profile=slurm]"), server

    return open_panel


def fill(form: Locator, queue: str, engines: int = 4, nodes: int = 2, time: str = "") -> None:
    """Type and choose as a person does."""
    form.locator(".nh-cl-engines input").fill(str(engines))
    form.locator(".nh-cl-nodes input").fill(str(nodes))
    form.locator(".nh-cl-queue select").select_option(queue)
    form.locator(".nh-cl-time_limit input").fill(time)


def read_costs(form: Locator) -> dict[str, str]:
    """What can be seen in the box of money."""
    cells = form.locator("[data-cost]:visible").all()
    return {cell.get_attribute("data-cost") or "": cell.inner_text() for cell in cells if cell.inner_text()}


def start(form: Locator) -> Locator:
    return form.get_by_role("button", name="Start", exact=True)


def test_the_cost_of_all_nodes_and_what_is_left(
    meet: Callable[..., tuple[Page, Locator, ClustersServer]],
) -> None:
    page, form, server = meet(make_billing(*ACCOUNTS))
    assert read_costs(form) == {"most": "–"}
    expect(form.get_by_label("Account")).to_be_hidden()
    fill(form, "cas_v100_2", time="30")
    expect(form.get_by_label("Account")).to_have_value("chem")
    assert read_costs(form) == {
        "hourly": "₩5,250 an hour",
        "detail": "4 × ₩1,500 per GPU, less 12.5%",
        "most": "₩2,626",
        "time": "if all of it runs for 30 minutes; stopped earlier, it costs less",
        "available": "₩450,000",
        "held": "₩50,000 more is held back",
        "after": "₩447,374",
    }, "each node's job is rounded up by itself"
    start(form).click()
    expect(page.get_by_role("alert")).to_have_text("The hub says no.")
    assert server.orders[0]["account"] == "chem"
    fill(form, "jupyter", nodes=1)
    assert read_costs(form) == {"most": "Free of charge"}
    with page.expect_request(lambda request: request.method == "POST"):
        start(form).click()
    assert "account" not in server.orders[1], "nobody has to pay in a free queue"


def test_what_an_account_cannot_pay_is_refused_before_start(
    meet: Callable[..., tuple[Page, Locator, ClustersServer]],
) -> None:
    page, form, server = meet(make_billing(*ACCOUNTS))
    fill(form, "amd_a100nv_8", nodes=1)
    form.get_by_label("Account").select_option("bio")
    reason = SHORT.format(amount="₩15,032", account="bio")
    expect(start(form)).to_have_accessible_description(reason)
    expect(start(form)).to_have_attribute("aria-disabled", "true")
    start(form).press("Enter")
    form.locator(".nh-cl-engines input").press("Enter")
    assert server.orders == []
    form.get_by_label("Account").select_option("chem")
    expect(start(form)).to_have_attribute("aria-disabled", "false")
    start(form).click()
    expect(page.get_by_role("alert")).to_have_text("The hub says no.")
    assert server.orders[0]["account"] == "chem"


def test_where_nodes_are_shared_each_engine_is_a_core(
    meet: Callable[..., tuple[Page, Locator, ClustersServer]],
) -> None:
    shared = make_queue("shared", **make_price("core-hour", "100", 1))
    _page, form, _server = meet(make_billing(make_account(), policy="warn"), shared)
    fill(form, "shared", engines=5, nodes=2, time="60")
    expect(form.locator("[data-cost=detail]")).to_have_text("5 × ₩100 per core")
    expect(form.locator("[data-cost=most]")).to_have_text("₩500")
    expect(form.get_by_label("Account")).to_be_hidden()
    expect(form.locator(".nh-cl-account b")).to_have_text("chem")


@pytest.mark.parametrize("width", [320, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_can_be_read_by_everyone_at_any_width(
    meet: Callable[..., tuple[Page, Locator, ClustersServer]], width: int, scheme: str
) -> None:
    page, form, _server = meet(make_billing(make_account(), make_account("a" * 64, available="1")))
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    fill(form, "cas_v100_2")
    for account in ("chem", "a" * 64):
        form.get_by_label("Account").select_option(account)
        settle(page)
        assert find_violations(page) == []
        assert find_wide(page) == []
