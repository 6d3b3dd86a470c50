"""Rows N1, N3, X4, X5: engines on nodes of a queue, started in IPython Clusters and used from a notebook."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect
from tests.journeys.people import DESKTOP, Researcher
from tests.journeys.servers import Servers, wait_until
from tests.journeys.test_notebook import CELL_LIMIT_MS, FAILED_OUTPUT, LAB_LIMIT_MS, see_idle_kernel
from tests.journeys.words import LANGUAGES, Language

ENGINES_LIMIT_MS = 60_000
PAYERS = {"en": "u29", "ko": "u31"}
"""Of an account without a discount."""
FREE_QUEUE, CHARGED_QUEUE = "jupyter", "cas_v100nv_4"
NARROW = {"width": 320, "height": 900}
SEEN_TABS = ".jp-TreePanel > .lm-TabPanel-tabBar .lm-TabBar-tabLabel"


@pytest.mark.parametrize("language", LANGUAGES)
def test_N1_N3_X4_X5_engines_on_two_nodes(
    meet: Callable[..., Researcher], servers: Servers, language: Language
) -> None:
    """Three engines on two nodes of a charged queue: the price first, then Start, a notebook computes, Stop."""
    person = meet(language, PAYERS[language])
    words = person.words
    person.sign_in()
    page = person.start()
    panel = open_tab(person)
    tabs = page.locator(SEEN_TABS).all_inner_texts()
    assert words.running_tab in tabs[1]
    assert tabs[2] == words.clusters_tab, tabs

    row = panel.locator(f"[data-queue={CHARGED_QUEUE}]")
    expect(row.locator("[data-field=total]")).to_have_text("2")
    slurm = panel.locator("[data-profile=slurm]")
    fill(slurm, engines=3, nodes=2, queue=CHARGED_QUEUE)
    slurm.locator(".nh-cl-time_limit input").fill("30")
    expect(slurm.locator("[data-cost=hourly]")).to_contain_text("₩12,000")
    expect(slurm.locator("[data-cost=most]")).to_have_text("₩6,000")
    look_around(person, "clusters-form", panel)

    press_start_twice(slurm, words.start)
    cluster = slurm.locator("[data-cluster]")
    see_running(cluster, words.engines_registered.format(registered=3, engines=3))
    expect(cluster).to_have_count(1)
    expect(cluster.locator(".nh-env-badge")).to_have_text(words.cluster_running)
    jobs = {job.id for job in servers.active_jobs(person.id) if job.queue == CHARGED_QUEUE}
    shown = cluster.locator(".nh-cl-jobs tbody tr")
    assert {int(text) for text in shown.locator("th").all_inner_texts()} == jobs
    assert len(jobs) == 2
    nodes = sorted(shown.locator("td:nth-child(3)").all_inner_texts())
    assert nodes == ["cas4n01", "cas4n02"]
    expect(row.locator("[data-field=idle]")).to_have_text("0", timeout=ENGINES_LIMIT_MS)
    look_around(person, "clusters-running", panel)

    run_example(person, nodes)

    cluster.get_by_role("button", name=re.compile(words.stop)).click()
    expect(cluster).to_have_count(0)
    wait_until(lambda: not jobs & {job.id for job in servers.active_jobs()}, 10, "engines have not been stopped")
    expect(slurm.get_by_role("button", name=words.start, exact=True)).to_be_focused()


def test_N3_in_lab_refused_local_and_gone_with_the_server(researcher: Researcher, servers: Servers) -> None:
    """Lab's side bar: too much is refused with the limit; three clusters at once; Stop My Server ends them all."""
    person = researcher
    page = person.sign_in()
    person.start()
    page.goto(page.url.replace("/tree", "/lab"))
    expect(page.locator("#jp-main-dock-panel")).to_be_visible(timeout=LAB_LIMIT_MS)
    expect(page.locator("#jupyterlab-splash")).to_have_count(0)
    page.locator("#jp-left-stack, .jp-SideBar.jp-mod-left").locator("[data-id=neuronhub-clusters]").click()
    panel = page.locator("#neuronhub-clusters .nh-cl")
    slurm = panel.locator("[data-profile=slurm]")
    fill(slurm, engines=4, nodes=2, queue=FREE_QUEUE)
    start = slurm.get_by_role("button", name="Start", exact=True)
    start.click()
    expect(slurm.locator(".nh-cl-problem")).to_contain_text("at most 1 in the queue")
    fill(slurm, engines=11, nodes=1, queue=FREE_QUEUE)
    start.click()
    refused = slurm.locator("[data-cluster][data-state=failed]")
    expect(refused).to_contain_text("at most 10 engines", timeout=ENGINES_LIMIT_MS)
    expect(refused.get_by_role("button", name="Remove")).to_be_visible()
    person.shoot("clusters-lab-refused")

    fill(slurm, engines=2, nodes=1, queue=FREE_QUEUE)
    start.click()
    expect(refused).to_have_count(0)
    slurm.locator(".nh-cl-name input").fill("second")
    start.click()
    local = panel.locator("[data-profile=local]")
    local.locator(".nh-cl-engines input").fill("2")
    local.get_by_role("button", name="Start", exact=True).click()
    for name in ("", "second"):
        see_running(slurm.locator(f"[data-name='{name}']"), "2 of 2 engines registered")
    see_running(local.locator("[data-cluster]"), "2 of 2 engines registered")
    expect(slurm.locator("[data-name=second] code")).to_contain_text('cluster_id="second"')
    person.shoot("clusters-lab")
    assert len(servers.active_jobs(person.id)) == 3, "the server, and two clusters of one node"

    page.goto(person.url("/hub/home"))
    person.stop_my_server()
    wait_until(lambda: not servers.active_jobs(person.id), 10, "engines have outlived the server")


def open_tab(person: Researcher) -> Locator:
    """IPython Clusters in Notebook's tree."""
    person.page.get_by_role("tab", name=person.words.clusters_tab).click()
    panel = person.page.locator("#neuronhub-clusters .nh-cl")
    expect(panel.locator("[data-profile=slurm]")).to_be_visible()
    return panel


def fill(form: Locator, *, engines: int, nodes: int, queue: str) -> None:
    """Type and choose as a person does."""
    form.locator(".nh-cl-engines input").fill(str(engines))
    form.locator(".nh-cl-nodes input").fill(str(nodes))
    form.locator(".nh-cl-queue select").select_option(queue)


def press_start_twice(form: Locator, name: str) -> None:
    """The same click twice is one cluster."""
    form.get_by_role("button", name=name, exact=True).dblclick()


def see_running(cluster: Locator, registered: str) -> None:
    """Until all engines are registered."""
    expect(cluster).to_have_attribute("data-state", "running", timeout=ENGINES_LIMIT_MS)
    expect(cluster.locator(".nh-cl-progress")).to_contain_text(registered)


def run_example(person: Researcher, nodes: list[str]) -> None:
    """ipy_ex.ipynb from top to bottom, on the engines' nodes."""
    with person.context.expect_page() as opening:
        person.page.get_by_role("tab").first.click()
        person.file("ipy_ex.ipynb").dblclick()
    notebook = opening.value
    see_idle_kernel(person, "ipy_ex.ipynb")
    cells = notebook.locator(".jp-Notebook .jp-Cell")
    cells.first.click()
    for number in range(cells.count()):
        cell = cells.nth(number)
        notebook.keyboard.press("Shift+Enter")
        if "jp-CodeCell" in (cell.get_attribute("class") or ""):
            expect(cell.locator(".jp-InputPrompt")).to_have_text(re.compile(r"\[\d+\]"), timeout=CELL_LIMIT_MS)
            assert cell.locator(FAILED_OUTPUT).count() == 0, cell.inner_text()
    # At the end Notebook has added an empty cell.
    notebook.keyboard.type('found = ipp.Cluster.from_file(profile="slurm"); list(found.engines.values())[0].running')
    notebook.keyboard.press("Shift+Enter")
    expect(cells.nth(cells.count() - 2).locator(".jp-OutputArea-output")).to_have_text("True", timeout=CELL_LIMIT_MS)
    for node in nodes:
        expect(notebook.locator(".jp-OutputArea-output table")).to_contain_text(node)
    expect(notebook.locator(".jp-RenderedImage img")).to_be_visible()
    person.shoot("ipython-example", notebook)
    notebook.close()
    open_tab(person)


def look_around(person: Researcher, name: str, panel: Locator) -> None:
    """Wide, in a narrow window, and with a screen reader's rules."""
    page = person.page
    person.shoot(name)
    problems = find_panel_violations(page)
    page.set_viewport_size({"width": NARROW["width"], "height": NARROW["height"]})
    person.shoot(f"{name}-narrow")
    across = panel.evaluate("node => node.parentElement.scrollWidth - node.parentElement.clientWidth")
    page.set_viewport_size({"width": DESKTOP["width"], "height": DESKTOP["height"]})
    assert across <= 0, f"the panel is {across} pixels too wide"
    assert not problems, json.dumps(problems, indent=1)


def find_panel_violations(page: Page) -> list[str]:
    """Rules of accessibility that the panel breaks; Jupyter's own pages break some of their own."""
    found: list[str] = page.evaluate(
        """async () => {
          const found = await axe.run("#neuronhub-clusters", { resultTypes: ["violations"] });
          const name = (rule) => (node) => `${rule.id}: ${node.target}: ${node.failureSummary}`;
          return found.violations.flatMap((rule) => rule.nodes.map(name(rule)));
        }"""
    )
    return found
