"""Starts that fail and servers that end by themselves: what happened, why, and one next step."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import expect
from tests.embedded import RunningSite
from tests.journeys.people import START_LIMIT_MS, Researcher
from tests.journeys.servers import Servers, wait_until

NOTICE_LIMIT_S = 45
TIME_LIMIT_S = 150
"""A minute of running, and Slurm looks at time limits every half minute."""


@pytest.fixture
def broken_places(site: RunningSite, meet: Callable[..., Researcher]) -> Iterator[tuple[Researcher, Researcher]]:
    """Two researchers: one cannot write the log folder, the other's workspace is a file."""
    first, second = meet("en"), meet("ko")
    site.run_inside(["/bin/rm", "-rf", f"/scratch/{first.id}/log", f"/scratch/{second.id}/workspace"])
    site.run_inside(["/usr/bin/install", "--directory", "--owner=root", "--mode=755", f"/scratch/{first.id}/log"])
    site.run_inside(["/usr/bin/touch", f"/scratch/{second.id}/workspace"])
    yield first, second
    site.run_inside(["/bin/rm", "-rf", f"/scratch/{first.id}/log", f"/scratch/{second.id}/workspace"])


def test_Q5_P2_P3_a_start_that_fails(broken_places: tuple[Researcher, Researcher]) -> None:
    """The page names the cause, Slurm's state and the exit code, shows the log, and offers to try again."""
    for person in broken_places:
        person.sign_in()
        person.pick("jupyter", "10")
        person.submit()
    told = (("log", "73", "log folder"), ("workspace", "74", "작업 디렉터리"))
    for person, (folder, exit_code, words) in zip(broken_places, told, strict=True):
        ending = person.page.locator(".nh-ending")
        expect(ending).to_be_visible(timeout=START_LIMIT_MS)
        expect(ending).to_contain_text("FAILED")
        expect(ending).to_contain_text(exit_code)
        expect(ending.locator(".nh-next-step")).to_have_text(re.compile(r"\S+ \S+ \S+"))
        expect(ending).to_contain_text(words)
        person.look(f"start-failed-{folder}")
    second = broken_places[1]
    expect(second.page.locator(".nh-log")).to_contain_text(f"/scratch/{second.id}/workspace")

    first = broken_places[0]
    first.site.run_inside(["/bin/rmdir", f"/scratch/{first.id}/log"])
    if first.page.locator("#start-form").count() == 0:  # a start that fails at once is told on the start page itself
        first.page.get_by_role("link", name=first.words.try_again, exact=True).click()
    expect(first.page.locator("#queue")).to_have_value("jupyter")
    first.submit()
    first.see_notebook()
    first.open("/hub/home")
    expect(first.page.locator(".nh-ending")).to_have_count(0)


def test_T3_ended_from_outside(researcher: Researcher, servers: Servers) -> None:
    """An operator's scancel: the next visit says that the job was cancelled, in either language."""
    person = researcher
    person.sign_in()
    person.start()
    (job,) = servers.active_jobs(person.id)
    servers.cancel(job.id)
    wait_until(lambda: servers.server(person.id) is None, NOTICE_LIMIT_S, "the hub has not noticed")
    person.open(f"/user/{person.id}/tree")
    ending = person.page.locator(".nh-ending")
    expect(ending).to_contain_text("cancelled")
    expect(ending).to_contain_text(str(job.id))
    person.look_in_both_languages("ended-cancelled", lambda: expect(ending).to_contain_text("CANCELLED"))
    person.open("/hub/spawn")
    expect(ending).to_contain_text("CANCELLED")
    person.shoot("start-after-cancelled")


def test_T3_the_time_limit_is_reached(short_lived: Researcher, servers: Servers) -> None:
    """The next visit says so, and what to do."""
    person = short_lived
    wait_until(lambda: servers.server(person.id) is None, TIME_LIMIT_S, "Slurm has not ended the job")
    person.sign_in()
    ending = person.page.locator(".nh-ending")
    expect(ending).to_contain_text("TIMEOUT")
    expect(ending).to_contain_text("The time limit was reached")
    expect(ending.locator(".nh-next-step")).to_contain_text("longer time limit")
    person.look("ended-time-limit")
