"""Rows N2, N4, N5, X3: a training looked at in TensorBoard, from Notebook and from Lab; New and Running."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import FrameLocator, Locator, Page, expect
from tests.journeys.people import Researcher
from tests.journeys.test_notebook import FAILED_OUTPUT, see_idle_kernel
from tests.journeys.words import LANGUAGES, Language

EXAMPLE = Path(__file__).parents[2] / "notebooks" / "tfboard_ex.ipynb"
EPOCHS = 12
WEIGHTS = 8
"""Weights and biases of four layers."""
RUN_LIMIT_MS = 60_000
LAB_LIMIT_MS = 40_000
BOARD_LIMIT_MS = 40_000
COUNTED = re.compile(r"\[\d+\]")
NEW = "[data-jp-item-name='new-dropdown'] [role=menuitem]"
BUTTON = "[data-jp-item-name='tensorboard'] .jp-ToolbarButtonComponent"
SESSION = ".nh-board-session"
SECTION = ".jp-RunningSessions-section"


@dataclass(frozen=True, slots=True)
class Terms:
    """What Jupyter and our extension say of it."""

    entries: tuple[str, ...]
    open_in: str
    workspace: str
    sections: tuple[str, ...]
    was_shut_down: str
    start_again: str
    no_folder: str


TERMS: dict[Language, Terms] = {
    "en": Terms(
        entries=("Text File", "Folder", "Terminal", "TensorBoard", "Markdown File", "Console"),
        open_in="Open in TensorBoard",
        workspace="Workspace",
        sections=("Kernels", "TensorBoards", "Terminals"),
        was_shut_down="This TensorBoard has been shut down.",
        start_again="Start again",
        no_folder="There is no folder old in your workspace any more.",
    ),
    "ko": Terms(
        entries=("텍스트 파일", "폴더", "터미널", "TensorBoard", "마크다운 파일", "콘솔"),
        open_in="TensorBoard에서 열기",
        workspace="작업 디렉터리",
        sections=("커널", "TensorBoard", "터미널"),
        was_shut_down="이 TensorBoard는 종료되었습니다.",
        start_again="다시 시작",
        no_folder="작업 디렉터리에 old 폴더가 더 이상 없습니다.",
    ),
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_N2_N4_N5_X3_a_training_in_tensorboard(meet: Callable[..., Researcher], language: Language) -> None:
    """Train in Notebook, and look at it from New, button and Running; in Lab from Launcher, side bar and button."""
    person = meet(language)
    person.sign_in()
    person.start()
    train(person)
    use_new(person)
    use_the_button(person)
    shut_down_all(person)
    open_lab(person)
    use_the_launcher(person)
    use_lab_s_button(person)


@pytest.mark.parametrize("language", LANGUAGES)
def test_N2_a_folder_that_is_gone_is_told(meet: Callable[..., Researcher], language: Language) -> None:
    """The new tab goes away again, and a dialog says why."""
    person = meet(language)
    terms = TERMS[language]
    page = person.sign_in()
    person.start()
    person.site.run_inside(["/bin/mkdir", f"/scratch/{person.id}/workspace/old"], user=person.id)
    page.locator("[data-command='filebrowser:refresh']").click()
    select(person, "old")
    person.site.run_inside(["/bin/rmdir", f"/scratch/{person.id}/workspace/old"], user=person.id)
    with person.context.expect_page() as opening:
        page.locator(BUTTON).click()
    dialog = page.locator(".jp-Dialog")
    expect(dialog).to_contain_text(terms.no_folder, timeout=BOARD_LIMIT_MS)
    assert opening.value.is_closed()
    person.shoot("tensorboard-refused")


def train(person: Researcher) -> None:
    """Run the example from top to bottom in Notebook; the folder ``logs`` is there afterwards."""
    with person.context.expect_page() as opening:
        person.file(EXAMPLE.name).dblclick()
    notebook = opening.value
    kinds = [cell["cell_type"] for cell in json.loads(EXAMPLE.read_text())["cells"]]
    cells = notebook.locator(".jp-Notebook .jp-Cell")
    expect(cells).to_have_count(len(kinds), timeout=LAB_LIMIT_MS)
    see_idle_kernel(person, EXAMPLE.name)
    cells.first.click()
    for number, kind in enumerate(kinds):
        notebook.keyboard.press("Shift+Enter")
        if kind == "code":
            expect(cells.nth(number).locator(".jp-InputPrompt")).to_have_text(COUNTED, timeout=RUN_LIMIT_MS)
    assert notebook.locator(FAILED_OUTPUT).count() == 0
    person.shoot("tfboard-example", notebook)
    notebook.close()
    person.page.bring_to_front()
    expect(person.file("logs")).to_be_visible()


def use_new(person: Researcher) -> None:
    """New says what it should, also by keyboard, and opens a TensorBoard on the current folder."""
    page = person.page
    terms = TERMS[person.language]
    page.locator(NEW).focus()
    page.keyboard.press("Enter")
    labels = page.locator(".lm-Menu .lm-Menu-itemLabel").all_inner_texts()
    shown = [label.strip() for label in labels if label.strip()]
    assert shown[0] == "Python 3"
    assert tuple(shown[-len(terms.entries) :]) == terms.entries
    person.shoot("new-menu")
    page.keyboard.press("ArrowUp")
    active = page.locator(".lm-Menu-item.lm-mod-active")
    while active.inner_text().strip() != "TensorBoard":
        page.keyboard.press("ArrowUp")
    with person.context.expect_page() as opening:
        page.keyboard.press("Enter")
    board = opening.value
    expect(board).to_have_url(re.compile("/neuronhub/tensorboard/"), timeout=BOARD_LIMIT_MS)
    see_training(person, board)
    board.close()
    see_sessions(person, terms.workspace)


def see_training(person: Researcher, board: Page) -> None:
    """The four pages show the training: lines, operations, and how the weights of all layers move."""
    go(board, "Scalars")
    expect(board.locator("vz-line-chart2 path.line").first).to_be_visible(timeout=BOARD_LIMIT_MS)
    person.shoot("board-scalars", board)
    go(board, "Graphs")
    nodes = board.locator("tf-graph-scene g.node")
    expect(nodes.first).to_be_visible(timeout=BOARD_LIMIT_MS)
    assert any("sequential" in text for text in nodes.all_text_contents())
    expect(board.get_by_text("Main Graph").first).to_be_visible()
    person.shoot("board-graphs", board)
    go(board, "Distributions")
    expect(board.locator("vz-distribution-chart")).to_have_count(WEIGHTS, timeout=BOARD_LIMIT_MS)
    expect(board.locator("vz-distribution-chart path.area").first).to_be_visible()
    person.shoot("board-distributions", board)
    go(board, "Histograms")
    drawn = board.locator("vz-histogram-timeseries g.histogram path")
    expect(drawn).to_have_count(EPOCHS * WEIGHTS, timeout=BOARD_LIMIT_MS)
    expect(drawn.first).to_be_visible()
    person.shoot("board-histograms", board)


def go(board: Page | FrameLocator, name: str) -> None:
    """Choose one of TensorBoard's pages."""
    board.get_by_role("tab", name=re.compile(name, re.IGNORECASE)).click(timeout=BOARD_LIMIT_MS)


def see_sessions(person: Researcher, *folders: str) -> None:
    """Notebook's Running lists these and no others."""
    page = person.page
    page.bring_to_front()
    page.get_by_role("tab", name=person.words.running_tab).click()
    expect(page.locator(SESSION)).to_have_count(len(folders))
    labels = page.locator(f"{SESSION} .jp-RunningSessions-itemLabel").all_inner_texts()
    assert sorted(labels) == sorted(folders)
    titles = page.locator(".jp-RunningSessions .jp-AccordionPanel-title .lm-AccordionPanel-titleLabel")
    assert tuple(titles.all_text_contents()) == TERMS[person.language].sections
    person.shoot("running-tensorboards")


def use_the_button(person: Researcher) -> None:
    """The button is there while one folder is selected; the same folder again shows the same TensorBoard."""
    page = person.page
    page.get_by_role("tab").first.click()
    button = page.locator(BUTTON)
    expect(button).to_be_hidden()
    select(person, "logs")
    person.shoot("folder-selected")
    addresses = []
    for _ in range(2):
        with person.context.expect_page() as opening:
            button.click()
        board = opening.value
        expect(board).to_have_url(re.compile("/neuronhub/tensorboard/"), timeout=BOARD_LIMIT_MS)
        addresses.append(board.url.partition("#")[0])
        board.close()
    assert addresses[0] == addresses[1]
    person.file("iris_ex.ipynb").locator("input").click()
    expect(button).to_be_hidden()
    see_sessions(person, TERMS[person.language].workspace, "logs")


def select(person: Researcher, name: str) -> None:
    """Tick an entry of Notebook's file list, and no other."""
    for box in person.page.locator(".jp-DirListing-item input:checked").all():
        box.click()
    person.file(name).locator("input").click()
    expect(person.page.locator(BUTTON)).to_be_visible()


def shut_down_all(person: Researcher) -> None:
    """One by its own button, the rest by Shut Down All."""
    page = person.page
    session = page.locator(SESSION, has_text="logs")
    session.hover()
    session.locator(".jp-RunningSessions-itemShutdown").click()
    expect(session).to_have_count(0)
    expect(page.locator(SESSION)).to_have_count(1)
    page.locator(".jp-RunningSessions-shutdownAll").nth(1).click()  # as the sections are listed
    person.shoot("shut-down-all")
    page.locator(".jp-Dialog .jp-mod-warn").click()
    expect(page.locator(SESSION)).to_have_count(0)
    assert person.context.request.get(person.url(f"/user/{person.id}/neuronhub/tensorboards")).json() == []


def open_lab(person: Researcher) -> None:
    """Lab with nothing but a Launcher."""
    page = person.page
    page.goto(page.url.partition("/tree")[0] + "/lab?reset")
    expect(page.locator("#jp-main-dock-panel")).to_be_visible(timeout=LAB_LIMIT_MS)
    expect(page.locator("#jupyterlab-splash")).to_have_count(0)
    expect(person.file("logs")).to_be_visible()


def use_the_launcher(person: Researcher) -> None:
    """The card opens a tab, which is there again after a reload and says so when its TensorBoard is shut down."""
    page = person.page
    terms = TERMS[person.language]
    page.locator(".jp-LauncherCard", has_text="TensorBoard").click()
    see_lab_s_board(person)
    person.shoot("lab-tensorboard")
    page.reload()
    see_lab_s_board(person)
    page.locator("[data-id='jp-running-sessions']").click()
    session = page.locator(SESSION)
    expect(session).to_have_text(terms.workspace)
    session.hover()
    session.locator(".jp-RunningSessions-itemShutdown").click()
    expect(page.locator(".nh-board-words")).to_contain_text(terms.was_shut_down)
    person.shoot("lab-shut-down")
    page.get_by_role("button", name=terms.start_again, exact=True).click()
    see_lab_s_board(person)


def see_lab_s_board(person: Researcher) -> Locator:
    """The one tab of Lab in front shows the training."""
    board = person.page.locator(".lm-Widget:not(.lm-mod-hidden) > .nh-board iframe")
    go(board.content_frame, "Scalars")
    expect(board.content_frame.locator("vz-line-chart2 path.line").first).to_be_visible(timeout=BOARD_LIMIT_MS)
    return board


def use_lab_s_button(person: Researcher) -> None:
    """Selecting moves no entry, so that a double click hits; button and context menu open the folder's TensorBoard."""
    page = person.page
    terms = TERMS[person.language]
    page.locator("[data-id='filebrowser']").click()
    folder = person.file("logs")
    before = folder.bounding_box()
    folder.click()
    expect(page.locator(BUTTON)).to_be_visible()
    assert folder.bounding_box() == before
    person.shoot("lab-folder-selected")
    page.locator(BUTTON).click()
    tab = page.locator("#jp-main-dock-panel .lm-TabBar-tab.lm-mod-current")
    expect(tab).to_have_text("logs")
    see_lab_s_board(person)
    folder.click(button="right")
    entry = page.locator(".lm-Menu-item", has_text=terms.open_in)
    expect(entry).to_be_visible()
    person.shoot("lab-folder-menu")
    entry.click()
    expect(tab).to_have_text("logs")
    expect(page.locator("#jp-main-dock-panel .lm-TabBar-tab", has_text="logs")).to_have_count(1)
