"""The clock and the job's meters, in Notebook and in Lab; warnings and saving before the end."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from tests.embedded import RunningSite
from tests.journeys.people import Researcher
from tests.journeys.servers import wait_until
from tests.journeys.words import LANGUAGES, Language

CLOCK = "#neuronhub-job"
ASK_LIMIT_MS = 40_000
LAB_LIMIT_MS = 40_000
LEFT = {"en": re.compile(r"\b(29|30) min left"), "ko": re.compile(r"(29|30)분 남음")}
MEMORY = {"en": re.compile(r"Memory \d+ MB of 2 GB"), "ko": re.compile(r"메모리 \d+MB / 2GB")}
SOON = {"en": re.compile(r"ends in 5 minutes"), "ko": re.compile(r"5분 뒤에 종료됩니다")}


def see_clock(person: Researcher, page: Page) -> None:
    """Queue, time and memory are told; the details name the job."""
    clock = page.locator(CLOCK)
    expect(clock.locator(".nh-job-left")).to_have_text(LEFT[person.language], timeout=ASK_LIMIT_MS)
    expect(clock.locator(".nh-job-place")).to_have_text("jupyter")
    expect(clock.locator(".nh-job-use")).to_have_text(MEMORY[person.language])
    clock.focus()
    (job,) = person.servers.active_jobs(person.id)
    expect(page.locator(".nh-job-details")).to_contain_text(str(job.id))


@pytest.mark.parametrize("language", LANGUAGES)
def test_clock_in_notebook_and_lab(meet: Callable[..., Researcher], language: Language) -> None:
    person = meet(language)
    page = person.sign_in()
    person.start()
    see_clock(person, page)
    person.shoot("clock-notebook")
    page.goto(page.url.replace("/tree", "/lab"))
    expect(page.locator("#jp-main-dock-panel")).to_be_visible(timeout=LAB_LIMIT_MS)
    see_clock(person, page)
    person.shoot("clock-lab")


@pytest.mark.parametrize("language", LANGUAGES)
def test_clock_warns_and_saves_before_the_end(
    meet: Callable[..., Researcher], site: RunningSite, language: Language
) -> None:
    """A job whose time is cut to five minutes: the warning comes by itself, and what was typed is in the file."""
    person = meet(language)
    page = person.sign_in()
    person.start()
    site.run_inside(["sh", "-c", f"echo first > /scratch/{person.id}/workspace/notes.txt"], user=person.id)
    page.goto(page.url.replace("/tree", "/edit/notes.txt"))
    editor = page.locator(".cm-content")
    expect(editor).to_contain_text("first", timeout=LAB_LIMIT_MS)
    editor.click()
    page.keyboard.press("Control+End")
    page.keyboard.type("typed before the end")
    (job,) = person.servers.active_jobs(person.id)
    site.run_inside(["scontrol", "update", f"JobId={job.id}", "TimeLimit=5"])
    expect(page.locator(".Toastify__toast, .jp-Notification-Toast").first).to_have_text(
        SOON[language], timeout=2 * ASK_LIMIT_MS
    )
    person.shoot("clock-warning")
    file = ["cat", f"/scratch/{person.id}/workspace/notes.txt"]
    wait_until(lambda: "typed before" in site.run_inside(file, user=person.id).stdout, 20, "the document is not saved")
    expect(page.locator(f"{CLOCK} .nh-job-left")).to_have_text(re.compile(r"[45]( min left|분 남음)"))
