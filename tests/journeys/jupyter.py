"""What a person does in Notebook: new documents, cells, terminals, the notebook environment's panel."""

from __future__ import annotations

import re
from urllib.parse import unquote

from playwright.sync_api import Locator, Page, expect
from tests.journeys.people import Researcher
from tests.journeys.shells import PageShell
from tests.journeys.test_environment_page import WORDS
from tests.journeys.test_notebook import CELL_LIMIT_MS, see_idle_kernel

PANEL_LIMIT_MS = 30_000
ERROR = "[data-mime-type='application/vnd.jupyter.error']"


def open_new(person: Researcher, entry: str) -> Page:
    """Choose an entry of New on the page of files; the page that it opens."""
    page = person.page
    page.bring_to_front()
    page.get_by_role("tab").first.click()
    new = page.locator("[data-jp-item-name='new-dropdown'] [role=menuitem]")
    with page.expect_response(re.compile("/api/kernelspecs")):
        new.hover()
    new.click()
    with person.context.expect_page() as opening:
        page.locator(".lm-Menu-item", has_text=entry).first.click()
    return opening.value


def open_file(person: Researcher, name: str) -> Page:
    """Open an entry of the file browser."""
    page = person.page
    page.bring_to_front()
    page.get_by_role("tab").first.click()
    with person.context.expect_page() as opening:
        person.file(name).dblclick()
    return opening.value


def open_terminal(person: Researcher) -> PageShell:
    """New -> Terminal."""
    return PageShell(open_new(person, person.words.terminal))


def see_kernel(person: Researcher, notebook: Page) -> None:
    """Until the kernel of an open notebook waits for work."""
    expect(notebook.locator(".jp-Notebook .jp-Cell").first).to_be_visible()
    see_idle_kernel(person, unquote(notebook.url.rpartition("/")[2]))


def run_cell(notebook: Page, code: str) -> str:
    """Type code into the last cell and run it; returns what it prints. It must not fail."""
    notebook.bring_to_front()
    cells = notebook.locator(".jp-Notebook .jp-CodeCell")
    number = cells.count() - 1
    cells.nth(number).locator(".cm-content").click()
    notebook.keyboard.insert_text(code)
    notebook.keyboard.press("Shift+Enter")
    cell = cells.nth(number)
    expect(cell.locator(".jp-InputPrompt")).to_have_text(re.compile(r"\[\d+\]"), timeout=CELL_LIMIT_MS)
    outputs = cell.locator(".jp-OutputArea-output")
    text = "\n".join(outputs.all_inner_texts()).strip()
    assert cell.locator(ERROR).count() == 0, text
    return text


class EnvironmentTab:
    """The panel of the notebook environment, in Notebook's tab or in Lab."""

    def __init__(self, person: Researcher) -> None:
        self.person = person
        self.root = person.page.locator("#neuronhub-environment .nh-env")
        self.badge = self.root.locator(".nh-env-badge")

    def open(self) -> None:
        """In Notebook."""
        self.person.page.bring_to_front()
        self.person.page.get_by_role("tab", name=self.person.words.environment_tab).click()

    def word(self, key: str) -> str:
        """What the panel says in the reader's language."""
        return WORDS[self.person.language][key]

    def press(self, key: str) -> None:
        """One of the buttons for the whole environment."""
        self.button(key).click()

    def button(self, key: str) -> Locator:
        """The same, to look at."""
        return self.root.locator(".nh-env-actions").get_by_role("button", name=self.word(key), exact=True)

    def see(self, condition: str) -> None:
        """Until the panel says so."""
        expect(self.badge).to_have_text(self.word(condition), timeout=PANEL_LIMIT_MS)
