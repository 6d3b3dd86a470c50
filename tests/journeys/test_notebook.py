"""Rows Q6, Q7, P2, P3, X2, X6, T1, T3: working in Notebook and Lab, and giving the node back."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from tests.embedded import RunningSite
from tests.journeys.people import Researcher
from tests.journeys.servers import Servers, wait_until
from tests.journeys.words import LANGUAGES, Language

CELL_LIMIT_MS = 60_000
KERNEL_LIMIT_S = 40
LAB_LIMIT_MS = 40_000
EXAMPLE = Path(__file__).parents[2] / "notebooks" / "iris_ex.ipynb"
FAILED_OUTPUT = "[data-mime-type='application/vnd.jupyter.error'], [data-mime-type='application/vnd.jupyter.stderr']"


@pytest.mark.parametrize("language", LANGUAGES)
def test_Q6_Q7_P2_P3_X2_iris(meet: Callable[..., Researcher], site: RunningSite, language: Language) -> None:
    """From sign-in to plots: Notebook opens in the workspace, the example runs, Lab is a word in the address away."""
    person = meet(language)
    page = person.sign_in()
    person.start()
    person.shoot("notebook-files")
    see_own_log(person, site)

    with person.context.expect_page() as opening:
        person.file("iris_ex.ipynb").dblclick()
    notebook = opening.value
    run_by_shift_enter(person, notebook)
    pictures = notebook.locator(".jp-RenderedImage img")
    assert pictures.count() >= 3
    for number, picture in enumerate(pictures.all()):
        picture.scroll_into_view_if_needed()
        expect(picture).to_be_visible()
        assert picture.evaluate("image => image.complete && image.naturalWidth > 200"), f"plot {number} is not shown"
    person.shoot("iris-plots", notebook)
    assert notebook.locator(FAILED_OUTPUT).count() == 0
    notebook.keyboard.press("Control+s")
    wait_until(lambda: count_plots(site, person.id) >= 3, 10, "the plots have not been saved in the workspace")

    page.goto(page.url.replace("/tree", "/lab"))
    expect(page.locator("#jp-main-dock-panel")).to_be_visible(timeout=LAB_LIMIT_MS)
    expect(person.file("iris_ex.ipynb")).to_be_visible()
    expect(page.locator("#jupyterlab-splash")).to_have_count(0)
    person.shoot("lab")
    person.open(f"/user/{person.id}/tree")
    person.see_notebook()


def see_own_log(person: Researcher, site: RunningSite) -> None:
    """What the job prints lies in a file that is the user's alone."""
    (job,) = person.servers.active_jobs(person.id)
    log = f"/scratch/{person.id}/log/{job.id}.log"
    shown = site.run_inside(["/usr/bin/stat", "--format=%U %a", log, f"/scratch/{person.id}/workspace"]).stdout
    assert shown.split() == [person.id, "600", person.id, "700"]
    assert "announced to the hub" in site.run_inside(["/bin/cat", log], user=person.id).stdout
    assert site.run_inside(["/bin/cat", log], user="bob", check=False).returncode != 0, "others read the log"


def run_by_shift_enter(person: Researcher, notebook: Page) -> None:
    """Press Shift+Enter on cell after cell; each is done and without an error before the next."""
    kinds = [cell["cell_type"] for cell in json.loads(EXAMPLE.read_text())["cells"]]
    cells = notebook.locator(".jp-Notebook .jp-Cell")
    expect(cells).to_have_count(len(kinds))
    see_idle_kernel(person, "iris_ex.ipynb")
    cells.first.click()
    for number, kind in enumerate(kinds):
        cell = cells.nth(number)
        notebook.keyboard.press("Shift+Enter")
        if kind == "code":
            expect(cell.locator(".jp-InputPrompt")).to_have_text(re.compile(r"\[\d+\]"), timeout=CELL_LIMIT_MS)
            assert cell.locator(FAILED_OUTPUT).count() == 0, cell.inner_text()


def see_idle_kernel(person: Researcher, name: str) -> None:
    """Until the notebook called ``name`` has a kernel that waits for work; what is typed earlier is not run."""

    def is_idle() -> bool:
        answer = person.context.request.get(person.url(f"/user/{person.id}/api/sessions"))
        kernels = [session["kernel"] for session in answer.json() if session["path"] == name]
        return any(kernel["execution_state"] == "idle" and kernel["connections"] > 0 for kernel in kernels)

    wait_until(is_idle, KERNEL_LIMIT_S, f"{name} has no kernel")


def count_plots(site: RunningSite, user: str) -> int:
    """Plots in the notebook as it lies in the workspace."""
    text = site.run_inside(["/bin/cat", f"/scratch/{user}/workspace/iris_ex.ipynb"], user=user).stdout
    outputs = [output for cell in json.loads(text)["cells"] for output in cell.get("outputs", [])]
    return sum("image/png" in output.get("data", {}) for output in outputs)


@pytest.mark.parametrize("language", LANGUAGES)
def test_X6_T1_T3_a_notebook_of_ones_own(meet: Callable[..., Researcher], servers: Servers, language: Language) -> None:
    """New -> Python 3, work, shut the kernel down from Running; Hub Control Panel in Lab; Stop My Server."""
    person = meet(language)
    page = person.sign_in()
    person.start()
    with person.context.expect_page() as opening:
        page.locator("[data-jp-item-name='new-dropdown'] [role=menuitem]").click()
        page.locator(".lm-Menu-item", has_text="Python 3").first.click()
    notebook = opening.value
    expect(notebook.locator(".jp-Notebook .jp-CodeCell")).to_have_count(1)
    see_idle_kernel(person, "Untitled.ipynb")
    notebook.locator(".jp-CodeCell .cm-content").click()
    notebook.keyboard.type("import os; 6 * 7, os.getcwd()")
    notebook.keyboard.press("Shift+Enter")
    output = notebook.locator(".jp-CodeCell").first.locator(".jp-OutputArea-output")
    expect(output).to_contain_text(f"(42, '/scratch/{person.id}/workspace')", timeout=CELL_LIMIT_MS)
    person.shoot("new-notebook", notebook)

    page.get_by_role("tab", name=person.words.running_tab).click()
    kernel = page.locator(".jp-RunningSessions-item.jp-mod-kernel", has_text="Untitled.ipynb")
    expect(kernel).to_be_visible()
    person.shoot("running")
    kernel.hover()
    kernel.locator(".jp-RunningSessions-itemShutdown").first.click()
    expect(kernel).to_have_count(0)

    page.goto(page.url.replace("/tree", "/lab"))
    expect(page.locator("#jp-main-dock-panel")).to_be_visible(timeout=LAB_LIMIT_MS)
    page.locator(".lm-MenuBar-item", has_text=person.words.file_menu).click()
    with person.context.expect_page() as opening:
        page.locator(".lm-Menu-item", has_text=person.words.hub_control_panel).click()
    page.close()
    person.page = opening.value
    expect(person.page).to_have_url(re.compile(r"/hub/home$"))
    person.page.reload()  # a window that a page has opened keeps what was put into it while it was blank
    expect(person.page.locator("#stop")).to_be_visible()
    person.look("control-panel-running")
    person.stop_my_server()
    person.look("control-panel-stopped")
    wait_until(lambda: not servers.active_jobs(person.id), 10, "the node has not been given back")
