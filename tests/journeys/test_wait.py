"""Row Q5: waiting in the queue, with the reason in words, for as long as it takes."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import expect
from tests.contract.spawn.rest import Hub
from tests.contract.spawn.test_hostile_servers import token_of
from tests.embedded import RunningSite
from tests.journeys.conftest import FULL_QUEUE
from tests.journeys.looks import measure_shift
from tests.journeys.people import Researcher
from tests.journeys.servers import Servers, wait_until

from neuronhub.protocol import PREPARING_PATH

ESTIMATE_LIMIT_MS = 40_000
"""Slurm estimates the start of a waiting job when its backfill scheduler comes round."""


def test_Q5_waiting_in_a_full_queue(meet: Callable[..., Researcher], full_queue: list[int], servers: Servers) -> None:
    """Two people wait. One gives up by Cancel; the other closes the page, comes back, and gets the next free node."""
    first, second = meet("ko"), meet("en")
    for person in (first, second):
        page = person.sign_in()
        person.pick(FULL_QUEUE, "0:10:00")
        expect(page.locator("#queue-facts")).not_to_be_empty()
        person.submit()
        expect(page).to_have_url(re.compile(r"/hub/spawn-pending/"))
        see_waiting(person)
    expect(second.page.locator("#reason")).to_contain_text("Other jobs are ahead")
    second.look_in_both_languages("waiting", lambda: see_waiting(second))
    see_estimate(second)
    shift, moved = measure_shift(second.page)
    assert shift < 0.02, f"the wait page jumps: {moved}"

    second.page.get_by_role("button", name=second.words.cancel, exact=True).click()
    expect(second.page).to_have_url(re.compile(r"/hub/home$"), timeout=20_000)
    wait_until(lambda: not servers.active_jobs(second.id), 10, "Cancel has left the job in the queue")

    job = first.page.locator("#job").inner_text()
    first.page.close()
    first.page = first.context.new_page()
    first.open("/hub/home")
    first.shoot("control-panel-waiting")
    first.open("/")
    expect(first.page).to_have_url(re.compile(r"/hub/spawn-pending/"))
    see_waiting(first)
    expect(first.page.locator("#job")).to_have_text(job)
    servers.cancel(full_queue[0])
    first.see_notebook()
    (running,) = servers.active_jobs(first.id)
    assert (running.id, running.queue, running.state) == (int(job), FULL_QUEUE, "RUNNING")


def see_waiting(person: Researcher) -> None:
    """Until the page shows a waiting job with its number and the reason in words."""
    page = person.page
    expect(page.locator("#state")).to_have_text("PENDING")
    expect(page.locator("#job")).to_have_text(re.compile(r"^\d+$"))
    expect(page.locator("#queue")).to_have_text(FULL_QUEUE)
    expect(page.locator("#reason")).to_have_text(re.compile(r"\S+ \S+ \S+"))
    expect(page.locator("#elapsed")).to_have_text(re.compile(r"^\d+:\d\d"))


def see_estimate(person: Researcher) -> None:
    """Until the page shows when Slurm thinks that the job starts."""
    expect(person.page.locator("#estimate")).to_have_text(re.compile(r"\d"), timeout=ESTIMATE_LIMIT_MS)


def test_L1_Q4_Q5_keyboard_alone(researcher: Researcher, full_queue: list[int]) -> None:
    """From the login page to a submitted job, and back by Cancel, without a mouse."""
    person, page = researcher, researcher.open("/")
    for text in (person.id, person.otp(), person.password):
        page.keyboard.type(text)
        page.keyboard.press("Tab")
    expect(page.locator("#show-password")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#start-form")).to_be_visible()

    press_until_focused(person, "#queue", "Tab")
    page.keyboard.type(FULL_QUEUE)
    expect(page.locator("#queue")).to_have_value(FULL_QUEUE)
    press_until_focused(person, "#time_limit", "Tab")
    page.keyboard.press("Control+a")
    page.keyboard.type("0:20:00")
    press_until_focused(person, "#submit", "Tab")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/hub/spawn-pending/"))
    see_waiting(person)
    press_until_focused(person, "#cancel", "Tab")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/hub/home$"), timeout=20_000)


def press_until_focused(person: Researcher, selector: str, key: str) -> None:
    """Press a key until the element has the focus, and see that the focus shows."""
    target = person.page.locator(selector)
    for _ in range(40):
        if target.evaluate("node => node === document.activeElement"):
            break
        person.page.keyboard.press(key)
    expect(target).to_be_focused()
    outlined = target.evaluate("node => getComputedStyle(node).outlineStyle !== 'none'")
    assert outlined, f"nobody sees that {selector} has the focus"


def test_Q5_the_environment_is_made_before_jupyter_starts(
    researcher: Researcher, full_queue: list[int], site: RunningSite
) -> None:
    """The job's own word for it is enough for the page, here given in the place of a job that still waits."""
    person, page = researcher, researcher.sign_in()
    person.pick(FULL_QUEUE, "0:10:00")
    person.submit()
    see_waiting(person)
    hub = Hub(site)
    assert hub.ask("POST", f"/hub/api/{PREPARING_PATH}", {"done": 0.4}, token=token_of(hub, person.id)).status == 204

    def see_share() -> None:
        expect(page.locator("#share")).to_be_visible()
        expect(page.locator("#share")).to_have_js_property("value", 0.4)
        expect(page.locator("#state")).to_have_text("RUNNING")

    see_share()
    expect(page.locator("#headline")).to_contain_text("makes your notebook environment first")
    person.look_in_both_languages("preparing", see_share)
    page.get_by_role("button", name=person.words.cancel, exact=True).click()
    expect(page).to_have_url(re.compile(r"/hub/home$"), timeout=20_000)
