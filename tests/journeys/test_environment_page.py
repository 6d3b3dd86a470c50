"""The notebook environment on the hub's page, while no server runs: made, broken, repaired, reset, exported."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect
from tests.journeys.people import Researcher
from tests.journeys.words import LANGUAGES, Language

from neuronhub.environments.door import STATUS_AGE_S

LIMIT_MS = 30_000
WORDS = {
    "en": {
        "missing": "Not made yet",
        "ready": "Ready",
        "broken": "Broken",
        "create": "Create",
        "repair": "Repair",
        "reset": "Reset …",
        "confirm": "Reset the environment",
        "export": "Export",
        "line_missing": "not made yet",
        "line_ready": "ready",
        "line_broken": "broken, can be repaired",
    },
    "ko": {
        "missing": "아직 없음",
        "ready": "준비 완료",
        "broken": "고장",
        "create": "만들기",
        "repair": "복구",
        "reset": "초기화 …",
        "confirm": "환경 초기화",
        "export": "내보내기",
        "line_missing": "아직 없음",
        "line_ready": "준비됨",
        "line_broken": "고장, 복구할 수 있음",
    },
}


class Panel:
    """The page as one researcher sees it."""

    def __init__(self, person: Researcher) -> None:
        self.person = person
        self.envs = Path("/scratch", person.id, ".conda", "envs")

    def word(self, key: str) -> str:
        """What the page says in the researcher's language."""
        return WORDS[self.person.language][key]

    def button(self, key: str) -> Locator:
        """One of the panel's buttons."""
        return self.person.page.locator(".nh-env-actions").get_by_role("button", name=self.word(key), exact=True)

    def see(self, condition: str) -> None:
        """Until the panel says so."""
        expect(self.person.page.locator(".nh-env-badge")).to_have_text(self.word(condition), timeout=LIMIT_MS)

    def open(self) -> None:
        """Open the page so long after a change from elsewhere that the hub does not show what was before."""
        self.person.page.wait_for_timeout(1000 * STATUS_AGE_S)
        self.person.open("/hub/environment")

    def see_line(self, key: str) -> None:
        """Until the start page says so."""
        expect(self.person.page.locator("#environment")).to_have_text(self.word(key), timeout=LIMIT_MS)

    def run(self, *argv: str) -> str:
        """Run a command as the researcher, on a login node."""
        return self.person.site.run_inside(argv, user=self.person.id).stdout


@pytest.fixture
def panel_of(meet: Callable[..., Researcher]) -> Callable[[Language], Panel]:
    """Meet somebody who has no environment yet, at the start page."""

    def meet_one(language: Language) -> Panel:
        panel = Panel(meet(language))
        panel.person.site.run_inside(["rm", "-rf", str(panel.envs.parent)])
        panel.person.sign_in()
        return panel

    return meet_one


def test_P1_E5_a_new_environment_and_a_broken_one(panel_of: Callable[[Language], Panel]) -> None:
    panel = panel_of("en")
    person, page = panel.person, panel.person.page
    panel.see_line("line_missing")
    page.locator("#environment").click()
    panel.see("missing")
    person.look_in_both_languages("environment-missing", lambda: panel.see("missing"))
    panel.button("create").click()
    panel.see("ready")
    person.look_in_both_languages("environment-ready", lambda: panel.see("ready"))

    panel.run("rm", str(panel.envs / "notebook" / "pyvenv.cfg"))
    panel.open()
    panel.see("broken")
    person.open("/hub/spawn")
    panel.see_line("line_broken")
    page.locator("#environment").click()
    panel.see("broken")
    person.look_in_both_languages("environment-broken", lambda: panel.see("broken"))
    panel.button("repair").click()
    panel.see("ready")
    assert panel.run(str(panel.envs / "notebook" / "bin" / "python"), "-c", "print('works')").strip() == "works"


@pytest.mark.parametrize("language", LANGUAGES)
def test_P4_E5_export_and_reset_by_keyboard(panel_of: Callable[[Language], Panel], language: Language) -> None:
    panel = panel_of(language)
    person, page = panel.person, panel.person.page
    panel.run("neuronhub", "env", "create")
    panel.run("sh", "-c", f"mkdir -p /scratch/{person.id}/workspace && touch /scratch/{person.id}/workspace/kept")
    kept = panel.run("ls", "-lA", f"/scratch/{person.id}/workspace")
    panel.run("touch", str(panel.envs / "notebook" / "own"))
    panel.open()
    panel.see("ready")
    with page.expect_download() as download:
        panel.button("export").click()
    assert download.value.suggested_filename == "environment.yml"
    assert "name: notebook" in download.value.path().read_text()

    panel.button("reset").focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    person.look("environment-reset")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(panel.button("reset")).to_be_focused()
    assert panel.run("ls", str(panel.envs / "notebook")).split().count("own") == 1

    page.keyboard.press("Enter")
    dialog.get_by_role("button", name=panel.word("confirm"), exact=True).click()
    expect(page.locator(".nh-env-message[role=status]")).not_to_be_empty(timeout=LIMIT_MS)
    panel.see("ready")
    assert "own" not in panel.run("ls", str(panel.envs / "notebook")).split()
    assert panel.run("ls", "-lA", f"/scratch/{person.id}/workspace") == kept
