"""Row T4 and the walls between people: Logout ends everything of one's own, and nobody reaches another's server."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect
from tests.journeys.conftest import FULL_QUEUE
from tests.journeys.people import Researcher
from tests.journeys.servers import Servers, wait_until

LOGOUT_LIMIT_S = 10.0


def test_T4_logout_ends_a_running_server(meet: Callable[..., Researcher], servers: Servers) -> None:
    """Logout in Lab's or the hub's pages gives the node back within ten seconds, by itself."""
    person = meet("ko")
    person.sign_in()
    person.start()
    assert servers.active_jobs(person.id)
    person.open("/hub/home")
    log_out(person, servers)
    expect(person.page.get_by_role("button", name=person.words.sign_in, exact=True)).to_be_visible()
    person.open(f"/user/{person.id}/tree")
    expect(person.page.locator("#login-form")).to_be_visible()


def log_out(person: Researcher, servers: Servers) -> None:
    """Press Logout and see that nothing of this person is left in time."""
    person.page.get_by_role("link", name=person.words.logout, exact=True).click(no_wait_after=True)
    wait_until(lambda: servers.is_gone(person.id), LOGOUT_LIMIT_S, "Logout has left something")


@pytest.mark.usefixtures("full_queue")
def test_T4_logout_ends_a_waiting_job(researcher: Researcher, servers: Servers) -> None:
    """A job that still waits in the queue goes as well."""
    page = researcher.sign_in()
    researcher.pick(FULL_QUEUE)
    researcher.submit()
    expect(page.locator("#state")).to_have_text("PENDING")
    log_out(researcher, servers)


def test_Q6_nobody_sees_the_server_of_another(meet: Callable[..., Researcher]) -> None:
    """Two people at once: each has a server, and the other's is closed to them, in the browser and by REST."""
    people = [meet("en"), meet("ko")]
    for person in people:
        person.sign_in()
        person.pick("jupyter", "20")
        person.submit()
    for person in people:
        person.see_notebook()
    for person, other in (people, people[::-1]):
        for path in (f"/user/{other.id}/tree", f"/user/{other.id}/api/contents"):
            answer = person.context.request.get(person.url(path), max_redirects=20)
            assert (path, answer.status) == (path, 403)
        assert person.context.request.get(person.url(f"/hub/api/users/{other.id}")).status in (403, 404)
        stopping = person.context.request.delete(person.url(f"/hub/api/users/{other.id}/server"))
        assert stopping.status in (403, 404)
        assert other.servers.server(other.id) is not None
    people[0].open(f"/user/{people[1].id}/tree")
    expect(people[0].page.get_by_role("heading", level=1)).to_have_text(re.compile(r"\S+ \S+"))
    people[0].look_in_both_languages("forbidden")
