"""The environment's panel, as the hub's page and Jupyter show it: what can be seen, pressed and heard of."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from tests.journeys.looks import AXE, find_violations, find_wide, settle
from tests.pages.panel_double import NO_ENVIRONMENT, OLD_BASE, SHADOWED, PanelServer, make_status, open_panel

from neuronhub.environments.types import Condition

FULL_DISK = "There is no space left on /scratch. Delete something and try again."


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page in a context of its own."""
    with browser.new_context(reduced_motion="reduce", accept_downloads=True) as context:
        context.add_init_script(path=AXE)
        yield context.new_page()


def button(page: Page | Locator, name: str) -> Locator:
    return page.get_by_role("button", name=name, exact=True)


def test_a_missing_environment_is_created_and_the_focus_does_not_get_lost(page: Page) -> None:
    server = PanelServer(make_status(Condition.MISSING, NO_ENVIRONMENT))
    open_panel(page, server)
    expect(page.locator(".nh-env-badge")).to_have_text("Not made yet")
    for name in ("Repair", "Reset …", "Export"):
        expect(button(page, name)).to_be_hidden()
    button(page, "Create").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("progressbar", name="Creating the environment")).to_be_visible()
    expect(button(page, "Refresh")).to_have_attribute("aria-disabled", "true")
    page.keyboard.press("Enter")
    assert server.orders == ["create"]
    server.work("Installing 3 packages.", 0.5)
    expect(page.get_by_text("Installing 3 packages.")).to_be_visible()
    assert page.get_by_role("progressbar").evaluate("bar => bar.value") == 0.5
    server.status = make_status(Condition.READY)
    server.work("", 1.0, finished=True)
    expect(page.locator(".nh-env-badge")).to_have_text("Ready")
    expect(page.get_by_text("The environment is there. Notebooks can use it now.")).to_be_focused()
    expect(page.get_by_role("progressbar")).to_be_hidden()


def test_own_packages_are_told_with_their_sizes_and_the_sum(page: Page) -> None:
    open_panel(page, PanelServer(make_status(Condition.READY)))
    rows = page.get_by_role("table").get_by_role("row").all_inner_texts()
    assert [row.split() for row in rows] == [
        ["Name", "Version", "Size", "Installed", "with"],
        ["humanize", "4.9.0", "543", "kB", "pip"],
        ["numpy", "2.3.1", "71", "MB", "conda"],
        ["Total", "(2)", "72", "MB"],
    ]
    expect(page.locator(".nh-env-facts")).to_contain_text("/scratch/alice/.conda/envs/notebook")
    expect(page.locator(".nh-env-facts")).to_contain_text("2026.11 (newest)")


def test_without_own_packages_there_is_a_sentence_and_no_table(page: Page) -> None:
    open_panel(page, PanelServer(make_status(Condition.READY, packages=())))
    expect(page.get_by_text("You have installed no packages of your own")).to_be_visible()
    expect(page.get_by_role("table")).to_be_hidden()


def test_each_problem_has_the_button_that_helps_and_a_failure_says_what_to_do(page: Page) -> None:
    server = PanelServer(make_status(Condition.BROKEN, SHADOWED, OLD_BASE))
    open_panel(page, server)
    problem = page.get_by_role("listitem").filter(has_text=SHADOWED.text)
    expect(button(problem, "Repair")).to_have_accessible_description(f"Problem {SHADOWED.text}")
    button(problem, "Repair").click()
    expect(page.get_by_role("progressbar")).to_be_visible()
    expect(problem).to_be_hidden()
    server.work("", 0.3, finished=True, error=FULL_DISK)
    expect(page.get_by_role("alert").filter(has_text=FULL_DISK)).to_be_visible()
    assert server.orders == ["repair"]
    page.reload()
    expect(page.get_by_role("alert").filter(has_text=FULL_DISK)).to_be_visible()


def test_a_reset_asks_first_and_says_what_goes_and_what_stays(page: Page) -> None:
    server = PanelServer(make_status(Condition.READY, OLD_BASE))
    open_panel(page, server)
    reset = button(page.locator(".nh-env > .nh-env-actions"), "Reset …")
    reset.click()
    dialog = page.get_by_role("dialog", name="Reset the notebook environment?")
    expect(button(dialog, "Cancel")).to_be_focused()
    expect(dialog).to_contain_text("Your own packages: 2, 72 MB")
    expect(dialog).to_contain_text("Your workspace: notebooks and data")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(reset).to_be_focused()
    button(page.get_by_role("listitem"), "Reset …").click()
    button(dialog, "Cancel").click()
    expect(dialog).to_be_hidden()
    assert server.orders == []
    reset.click()
    button(dialog, "Reset the environment").click()
    expect(page.get_by_role("progressbar", name="Resetting the environment")).to_be_visible()
    assert server.orders == ["reset"]


def test_work_begun_elsewhere_is_followed_after_a_reload_and_through_silence(page: Page) -> None:
    server = PanelServer(make_status(Condition.READY), {"action": "repair", "step": "Step one.", "done": 0.2})
    server.work("Step one.", 0.2, finished=False, error=None)
    open_panel(page, server)
    expect(page.get_by_text("Step one.")).to_be_visible()
    server.silent = True
    expect(page.get_by_role("alert")).to_contain_text("The work itself goes on.")
    server.silent = False
    server.work("", 1.0, finished=True)
    expect(page.get_by_text("The environment is repaired.")).to_be_visible()
    expect(page.get_by_role("alert")).to_be_empty()
    page.reload()
    expect(page.locator(".nh-env-badge")).to_have_text("Ready")
    expect(page.get_by_text("The environment is repaired.")).to_be_hidden()


def test_refusals_and_silence_are_told_with_what_to_do(page: Page) -> None:
    server = PanelServer(make_status(Condition.READY), silent=True)
    page.route("**/*", server.answer)
    page.goto("http://panel.test/")
    expect(page.get_by_role("alert")).to_contain_text("The server does not answer.")
    server.silent = False
    button(page, "Refresh").click()
    expect(page.get_by_text("Up to date.")).to_be_visible()
    expect(page.get_by_role("alert")).to_be_empty()
    server.refusal = (409, '{"message": "Something is being done already. Wait until it has ended."}')
    button(page, "Repair").click()
    expect(page.get_by_role("alert")).to_have_text("Something is being done already. Wait until it has ended.")


def test_the_environment_can_be_kept_as_a_file(page: Page, tmp_path: Path) -> None:
    open_panel(page, PanelServer(make_status(Condition.READY)))
    with page.expect_download() as download:
        button(page, "Export").click()
    assert download.value.suggested_filename == "environment.yml"
    download.value.save_as(tmp_path / "environment.yml")
    assert (tmp_path / "environment.yml").read_text() == "name: notebook\n"


def test_what_packages_and_problems_are_called_stays_text(page: Page) -> None:
    evil = "<img src=x onerror=alert(1)>"
    status = make_status(Condition.BROKEN, SHADOWED)
    odd = type(status).from_json(
        status.to_json()
        | {"packages": [{"name": evil, "version": evil, "size_bytes": 1, "installer": evil}], "prefix": evil}
    )
    open_panel(page, PanelServer(odd))
    assert page.locator("#environment img").count() == 0
    expect(page.get_by_role("rowheader", name=evil)).to_be_visible()


@pytest.mark.parametrize("width", [320, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_can_be_read_by_everyone_at_any_width(page: Page, width: int, scheme: str) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    open_panel(page, PanelServer(make_status(Condition.BROKEN, SHADOWED, OLD_BASE)))
    settle(page)
    assert find_violations(page) == []
    assert find_wide(page) == []
    page.locator(".nh-env > .nh-env-actions .nh-env-danger").click()
    settle(page)
    assert find_violations(page) == []
