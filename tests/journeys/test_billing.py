"""Rows Q3, T2 and T5: what a start costs is known before, during and after, and anybody can work it out again."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Locator, Page, expect
from tests.embedded import RunningSite
from tests.journeys.jupyter import open_new, run_cell, see_kernel
from tests.journeys.people import Researcher
from tests.journeys.servers import wait_until
from tests.journeys.words import LANGUAGES, Language

COMMAND = "/opt/neuronhub/bin/neuronhub"
QUEUE, PRICE = "cas_v100_2", Decimal(3000)
HOUR = Decimal(3600)
ZONE = ZoneInfo("Asia/Seoul")
"""Of the embedded site's statements."""
CHARGED_LIMIT_S = 40
"""From the end of a job until accounting, and then the ledger, know of it."""
COST_LIMIT_MS = 60_000
AWAY_S = 20
"""The embedded site counts a time away from that length on."""
AWAY_LIMIT_S = 90
MONEY = re.compile(r"₩([\d,]+)")
COST_SO_FAR = {"en": re.compile(r"₩[\d,]+ so far"), "ko": re.compile(r"지금까지 ₩[\d,]+")}


def read_money(text: str) -> int:
    """The first amount in ``text``."""
    found = MONEY.search(text)
    assert found is not None, text
    return int(found[1].replace(",", ""))


def ask_accounting(site: RunningSite, job: int) -> tuple[int, str]:
    """How long the job ran, and its account, as Slurm's accounting has it, with no part of ours between."""
    shape = ("--allocations", "--noheader", "--parsable2", "--format=ElapsedRaw,Account")
    text = site.run_inside(["sacct", f"--jobs={job}", *shape]).stdout
    elapsed, account = text.strip().split("|")
    return int(elapsed), account


def work_out(seconds: int) -> int:
    """The bill by hand: one node for so many seconds."""
    return int((PRICE * seconds / HOUR).quantize(Decimal(1), ROUND_HALF_UP))


def read_statement(site: RunningSite, account: str) -> dict[str, Any]:
    """What ``neuronhub billing statement`` prints of this month."""
    month = f"{datetime.now(UTC).astimezone(ZONE):%Y-%m}"
    done = site.run_inside([COMMAND, "billing", "statement", account, "--month", month, "--json"], "neuronhub")
    return dict(json.loads(done.stdout))


def find_charged(site: RunningSite, account: str, job: int) -> dict[str, Any] | None:
    """The line of the statement about ``job``."""
    return next((line for line in read_statement(site, account)["charges"] if line["job_id"] == job), None)


def see_charged(site: RunningSite, account: str, job: int) -> dict[str, Any]:
    """The same, once the ledger has it."""
    wait_until(
        lambda: find_charged(site, account, job), CHARGED_LIMIT_S, f"job {job} is not on the statement of {account}"
    )
    line = find_charged(site, account, job)
    assert line is not None
    return line


def find_row(page: Page, job: int) -> Locator:
    """The line about ``job``, on the usage page or on a statement."""
    return page.locator("tbody tr").filter(has=page.get_by_role("rowheader", name=re.compile(rf"^{job} ")))


def read_cost(page: Page) -> int:
    """What stands in Jupyter beside the time left."""
    return read_money(page.locator(".nh-job-cost").inner_text())


@pytest.mark.parametrize("language", LANGUAGES)
def test_Q3_T5_the_price_before_the_cost_during_and_the_bill_after(
    meet: Callable[..., Researcher], site: RunningSite, language: Language
) -> None:
    """Before Submit, in Jupyter, on the Control Panel, on the usage page, in the statement, and from sacct: one sum."""
    person = meet(language, "u21" if language == "en" else "u23")
    page = person.sign_in()
    person.pick("jupyter", "30")
    expect(page.locator("#cost")).not_to_contain_text("₩")
    person.pick(QUEUE, "30")
    expect(page.locator("#cost-hourly")).to_contain_text("₩3,000")
    expect(page.locator("#cost")).to_contain_text("₩1,500")
    available, after = (read_money(page.locator(field).inner_text()) for field in ("#cost-available", "#cost-after"))
    assert available - after == 1500
    person.look("price")

    person.submit()
    person.see_notebook()
    (job,) = person.servers.active_jobs(person.id)
    expect(page.locator(".nh-job-cost")).to_have_text(COST_SO_FAR[language], timeout=COST_LIMIT_MS)
    first = read_cost(page)
    assert 0 <= first <= 1500
    if language == "en":  # it is counted on by the minute
        page.wait_for_function(
            "first => Number(document.querySelector('.nh-job-cost').textContent.replace(/[^0-9]/g, '')) > first",
            arg=first,
            timeout=2 * COST_LIMIT_MS,
        )
    person.shoot("cost-notebook")

    person.open("/hub/home")
    expect(page.locator("#main")).to_contain_text(MONEY)
    person.look("cost-home")
    running = page.locator("section", has=page.locator("#running-title"))

    def runs() -> bool:
        person.open("/hub/usage")
        return running.count() == 1 and str(job.id) in running.inner_text()

    wait_until(runs, CHARGED_LIMIT_S, f"job {job.id} is not among those that run")

    person.open("/hub/home")
    person.stop_my_server()
    line = see_charged(site, "lab-a", job.id)
    elapsed, account = ask_accounting(site, job.id)
    assert account == "lab-a"
    bill = work_out(elapsed - int(line["away_s"]))
    assert int(line["amount"]) == bill

    person.open("/hub/usage")
    expect(find_row(page, job.id)).to_contain_text(f"₩{bill:,}")
    person.look("usage")
    person.open("/hub/statement")
    expect(find_row(page, job.id)).to_contain_text(f"₩{bill:,}")
    person.look("statement")


@pytest.mark.parametrize("language", LANGUAGES)
def test_T5_the_free_queue_is_a_visible_nothing(
    meet: Callable[..., Researcher], site: RunningSite, language: Language
) -> None:
    person = meet(language)
    page = person.sign_in()
    person.start("jupyter")
    (job,) = person.servers.active_jobs(person.id)
    expect(page.locator(".nh-job-cost")).to_have_text(person.words.free, timeout=COST_LIMIT_MS)
    person.open("/hub/home")
    person.stop_my_server()

    def listed() -> bool:
        page.goto(person.url("/hub/usage"))
        return find_row(page, job.id).count() == 1

    wait_until(listed, CHARGED_LIMIT_S, f"job {job.id} is not on the usage page")
    expect(find_row(page, job.id)).to_contain_text("₩0")


def test_T2_who_closes_the_page_pays_nothing_until_coming_back(
    meet: Callable[..., Researcher], site: RunningSite
) -> None:
    """The sessions are found as they were, and the bill leaves out the time away."""
    person = meet("en", "u25")
    page = person.sign_in()
    person.start(QUEUE)
    (job,) = person.servers.active_jobs(person.id)
    notebook = open_new(person, "Python 3")
    see_kernel(person, notebook)
    run_cell(notebook, "kept = 6 * 7")
    address = notebook.url
    notebook.close()
    page.goto("about:blank")

    def away() -> bool:
        answer = person.context.request.get(person.url("/hub/api/neuronhub/usage"))
        assert answer.ok, answer.status
        return any(one["job_id"] == job.id and one["away_s"] > AWAY_S for one in answer.json()["running"])

    wait_until(away, AWAY_LIMIT_S, "the server is not away")
    page.goto(address)
    see_kernel(person, page)
    assert run_cell(page, "kept") == "42"
    person.open("/hub/home")
    person.stop_my_server()
    line = see_charged(site, "lab-a", job.id)
    elapsed, _account = ask_accounting(site, job.id)
    away_s = int(line["away_s"])
    assert AWAY_S < away_s < elapsed
    assert int(line["amount"]) == work_out(elapsed - away_s)
    person.open("/hub/usage")
    expect(find_row(page, job.id)).to_contain_text(f"₩{work_out(elapsed - away_s):,}")
    expect(find_row(page, job.id)).to_contain_text(f"{away_s // 60}:{away_s % 60:02}")


def test_Q3_more_than_is_left_is_refused_before_anything_is_submitted(
    meet: Callable[..., Researcher], site: RunningSite
) -> None:
    """Submit is off with its reason; a program that submits all the same reads it too, and there is no job."""
    person = meet("en", "bob")
    page = person.sign_in()
    person.pick(QUEUE, "1-00:00:00")
    page.get_by_label("Account", exact=True).select_option("lab-c")
    expect(page.locator("#cost-problem")).to_contain_text("more than lab-c has left")
    expect(page.locator("#submit")).to_be_disabled()
    person.look("over-budget")
    answer = person.post_start({"queue": QUEUE, "time_limit": "1-00:00:00", "account": "lab-c"})
    assert answer.status == 400
    assert "lab-c" in answer.text()
    assert not person.servers.active_jobs(person.id)
