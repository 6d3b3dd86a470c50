"""Rows Q1 to Q4: what the cluster offers, what it costs, and that a start happens once and on purpose."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Locator, expect
from tests.embedded import RunningSite
from tests.journeys.looks import measure_shift
from tests.journeys.people import Researcher
from tests.journeys.servers import Servers, wait_until
from tests.journeys.words import LANGUAGES, Language

PAYERS = {"en": "u25", "ko": "u27"}
"""Of an account without a discount."""
QUEUES = ("jupyter", "cas_v100_2", "cas_v100nv_4", "amd_a100nv_8")
CLOSED_QUEUE_LIMIT_MS = 75_000
"""The hub asks Slurm for the state of its partitions once a minute."""


def row(person: Researcher, queue: str) -> Locator:
    """The queue's row in the resource table."""
    return person.page.locator(f"#queues tr[data-queue='{queue}']")


def cell(person: Researcher, queue: str, field: str) -> Locator:
    """One cell of the queue's row."""
    return row(person, queue).locator(f"[data-field={field}]")


def count(person: Researcher, queue: str, field: str) -> int:
    """The number in a cell."""
    return int(cell(person, queue, field).inner_text())


@pytest.mark.parametrize("language", LANGUAGES)
def test_Q1_Q2_Q3_the_resource_table(meet: Callable[..., Researcher], language: Language) -> None:
    """Every queue with its nodes, its GPUs and its price, in the words of the service."""
    person = meet(language, PAYERS[language])
    page = person.sign_in()
    expect(page.locator("#queues thead th").first).to_be_visible()
    headings = page.locator("#queues thead th").all_inner_texts()
    assert tuple(headings[:5]) == person.words.columns
    assert page.locator("#queues tbody tr").evaluate_all("rows => rows.map((row) => row.dataset.queue)") == list(QUEUES)
    for queue in QUEUES:
        nodes = [count(person, queue, field) for field in ("alloc", "idle", "down", "total")]
        assert sum(nodes[:3]) == nodes[3] > 0, f"{queue}: {nodes}"
    assert [count(person, queue, "total") for queue in QUEUES] == [5, 3, 2, 2]
    assert count(person, "cas_v100_2", "down") == 1, "the drained node cannot be used"

    expect(cell(person, "jupyter", "price")).to_have_text(person.words.free)
    expect(cell(person, "jupyter", "free")).to_contain_text(re.compile(r"50"))
    expect(cell(person, "amd_a100nv_8", "free")).to_contain_text("A100NV")
    for queue in QUEUES[1:]:
        expect(cell(person, queue, "price")).to_contain_text(person.words.charged)
        expect(cell(person, queue, "price")).to_contain_text(re.compile(r"₩\d+,000"))

    places = set()
    for queue, time_limit, cost in (
        ("jupyter", "1:00:00", re.compile(r"^[^₩–]+$")),
        ("cas_v100_2", "2:00:00", re.compile("₩6,000")),
        ("amd_a100nv_8", "90", re.compile("₩24,000")),
        ("cas_v100_2", "1-12:00:00", re.compile("₩108,000")),
        ("amd_a100nv_8", "nonsense", re.compile("–")),
        ("amd_a100nv_8", "1-23:59:00", re.compile("₩767,734|₩767,733")),
    ):
        person.pick(queue, time_limit)
        expect(page.locator("#cost")).to_contain_text(cost)
        places.add(page.locator("#submit").evaluate("button => button.offsetTop"))
    assert len(places) == 1, f"Submit moves under the pointer: {places}"
    person.pick("amd_a100nv_8", "90")
    expect(page.locator("#cost")).to_contain_text("₩24,000")
    shift, moved = measure_shift(page)
    assert shift < 0.01, f"the page jumps: {moved}"
    person.look("start")


@pytest.fixture(scope="module")
def closed_queue(site: RunningSite) -> Iterator[str]:
    """A queue that the operators have closed.

    Closed as early as other tests allow: the hub asks for the state of partitions once a minute only.
    """
    queue = "cas_v100nv_4"
    Servers(site).change_queue(queue, "State=DOWN")
    yield queue
    Servers(site).change_queue(queue, "State=UP")


@pytest.mark.usefixtures("closed_queue")
def test_Q1_refresh_and_renewal(researcher: Researcher, servers: Servers) -> None:
    """Somebody else's job shows up by itself; without that, Refresh shows it."""
    person, page = researcher, researcher.sign_in()
    before = count(person, "cas_v100_2", "alloc")
    job = servers.occupy("cas_v100_2", "alice")
    try:
        expect(cell(person, "cas_v100_2", "alloc")).to_have_text(str(before + 1), timeout=15_000)
        shift, moved = measure_shift(page)
        assert shift < 0.01, f"the page jumps when it renews itself: {moved}"
        page.clock.install()
        person.open("/hub/spawn")
        page.clock.pause_at(page.evaluate("Date.now()") + 1000)
        expect(cell(person, "cas_v100_2", "alloc")).to_have_text(str(before + 1))
    finally:
        servers.cancel(job)

    def refresh() -> bool:
        with page.expect_response(re.compile("/hub/api/cluster")):
            page.get_by_role("button", name=person.words.refresh).or_(
                page.get_by_role("link", name=person.words.refresh)
            ).click()
        expect(page.locator("#refresh-status")).not_to_be_empty()
        return count(person, "cas_v100_2", "alloc") == before

    wait_until(refresh, 10, "Refresh does not show that the node is free again")


def test_Q4_nothing_starts_by_accident(researcher: Researcher) -> None:
    """No link starts a job, no foreign form, and nothing out of range."""
    person, page = researcher, researcher.sign_in()
    for path in ("/hub/spawn", f"/hub/spawn/{person.id}"):
        person.open(f"{path}?queue=jupyter&time_limit=10")
        expect(page.get_by_role("alert")).to_contain_text("A link cannot start a server")
    person.shoot("start-by-link")
    assert person.servers.server(person.id) is None

    answer = person.post_start({"queue": "jupyter", "time_limit": "10"}, with_xsrf=False)
    assert answer.status == 403
    for fields, sentence in (
        ({"queue": "jupyter", "time_limit": "13:00:00"}, "longer than the queue"),
        ({"queue": "jupyter", "time_limit": "0"}, "time limit cannot be read"),
        ({"queue": "jupyter", "time_limit": "10; id"}, "time limit cannot be read"),
        ({"queue": "secret", "time_limit": "10"}, "no such queue"),
        ({"queue": "jupyter", "time_limit": "10", "cmd": "id"}, "Unknown field"),
    ):
        answer = person.post_start(fields)
        assert (fields, answer.status) == (fields, 400)
        assert sentence in answer.text(), f"{fields}: no sentence"

    person.open("/hub/spawn")
    person.pick("jupyter", "13:00:00")
    expect(page.locator("#time-words")).to_contain_text("12 hours")
    person.submit()
    expect(page.locator("#time_limit")).to_be_focused()
    assert page.locator("#time_limit:invalid").count() == 1
    assert person.servers.server(person.id) is None
    assert not person.servers.jobs(person.id)


@pytest.mark.parametrize("language", LANGUAGES)
def test_Q4_two_quick_clicks_start_one_job(meet: Callable[..., Researcher], language: Language) -> None:
    """Twice pressed, twice sent: one job. Next time the choices of last time are there."""
    person = meet(language)
    page = person.sign_in()
    before = {job.id for job in person.servers.jobs(person.id)}
    person.pick("jupyter", "0:25:00")
    page.evaluate(
        """() => {
          const form = document.getElementById("start-form");
          void fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)) });
        }"""
    )
    page.locator("#submit").dblclick()
    person.see_notebook()
    jobs = [job for job in person.servers.jobs(person.id) if job.id not in before]
    assert [job.queue for job in jobs] == ["jupyter"], jobs

    person.servers.stop(person.id)
    person.open("/hub/spawn")
    expect(page.locator("#queue")).to_have_value("jupyter")
    expect(page.locator("#time_limit")).to_have_value(re.compile(r"^0?0:25:00$"))


def test_Q4_a_closed_queue_cannot_be_picked(researcher: Researcher, closed_queue: str) -> None:
    """It is shown with the reason; a program that picks it all the same reads the reason, too."""
    person, page = researcher, researcher.sign_in()
    option = page.locator(f"#queue option[value={closed_queue}]")
    expect(option).to_be_disabled(timeout=CLOSED_QUEUE_LIMIT_MS)
    expect(cell(person, closed_queue, "why_not")).to_contain_text("DOWN")
    before = page.locator("#queue").input_value()
    row(person, closed_queue).click()
    expect(page.locator("#queue")).to_have_value(before)
    person.look("start-closed-queue")
    answer = person.post_start({"queue": closed_queue, "time_limit": "30"})
    assert answer.status == 400
    assert "cannot be used" in answer.text()
    assert person.servers.server(person.id) is None
