"""Row T2: whoever was away for too long finds the notebooks that were open on the way back."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect
from tests.contract.billing.test_away import short_limit
from tests.contract.spawn.rest import Hub
from tests.embedded import RunningSite
from tests.journeys.people import Researcher
from tests.journeys.servers import Servers, wait_until
from tests.journeys.test_notebook import see_idle_kernel

__all__ = ["short_limit"]
pytestmark = pytest.mark.journey

QUEUE = "cas_v100nv_4"
AWAY_LIMIT_S = 240
OPEN = ("iris_ex.ipynb", "ipy_ex.ipynb")


@pytest.fixture
def hub(site: RunningSite) -> Hub:
    """For the fixture that shortens the limit."""
    hub = Hub(site)
    hub.wait_until_up()
    return hub


def test_notebooks_of_a_server_that_was_ended_are_offered_again(
    short_limit: None, researcher: Researcher, servers: Servers
) -> None:
    person, page = researcher, researcher.page
    person.sign_in()
    person.start(QUEUE)
    for name in OPEN:
        page.goto(person.url(f"/user/{person.id}/notebooks/{name}"))
        expect(page.locator(".jp-Notebook .jp-Cell").first).to_be_visible()
        see_idle_kernel(person, name)
    page.goto("about:blank")
    wait_until(lambda: servers.is_gone(person.id), AWAY_LIMIT_S, "the server is not ended")

    person.open("/hub/spawn")
    expect(page.locator(".nh-ending")).to_be_visible()
    expect(page.locator(".nh-notebooks code")).to_have_text(list(OPEN))
    person.look("away-start")
    person.pick("jupyter", "30")
    person.submit()
    expect(page).to_have_url(re.compile("/hub/home$"), timeout=60_000)
    expect(page.locator(".nh-notebooks code")).to_have_text(list(OPEN))
    person.look("away-home")
    page.locator(".nh-notebooks button[name=open]").first.click()
    expect(page).to_have_url(re.compile(rf"/user/{person.id}/notebooks/{OPEN[0]}$"))
    expect(page.locator(".jp-Notebook .jp-Cell").first).to_be_visible()

    person.open("/hub/home")
    expect(page.locator(".nh-notebooks code")).to_have_text([OPEN[1]])
    page.locator(".nh-notebooks li button[name=dismiss]").click()
    expect(page.locator("#stop")).to_be_visible()
    expect(page.locator(".nh-notebooks")).to_have_count(0)
