"""One researcher at one browser: what a person does with the pages, and what is looked at on every one of them."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyotp
from playwright.sync_api import BrowserContext, ConsoleMessage, Locator, Page, WebError, expect
from tests.embedded import OTP_STEP_S, RunningSite
from tests.journeys.looks import find_violations, find_wide, settle
from tests.journeys.servers import Servers
from tests.journeys.words import WORDS, Language

START_LIMIT_MS = 60_000
"""From Submit to Jupyter, on a machine with much else to do."""
PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1280, "height": 860}


class Researcher:
    """A person with an account of the embedded site, a browser of their own, and a language."""

    def __init__(
        self, site: RunningSite, account: str, context: BrowserContext, language: Language, pictures: Path
    ) -> None:
        self.id = account
        self.site = site
        self.servers = Servers(site)
        self.context = context
        self.language: Language = language
        self.words = WORDS[language]
        self.troubles: list[str] = []
        """What went wrong in the browser on pages of the hub: exceptions, refused scripts and styles."""
        self._pictures = pictures
        self._spent = 0
        context.on("console", self._listen)
        context.on("weberror", self._note)
        self.page: Page = context.new_page()

    def _listen(self, message: ConsoleMessage) -> None:
        address = message.location["url"]
        ours = "/hub/" in address or (message.page is not None and "/hub/" in message.page.url)
        if message.type == "error" and ours and "Failed to load resource" not in message.text:
            self.troubles.append(f"{address}: {message.text}")

    def _note(self, error: WebError) -> None:
        if error.page is None or "/hub/" in error.page.url:
            self.troubles.append(f"{error.page and error.page.url}: {error.error.stack}")

    def url(self, path: str) -> str:
        """The public address of ``path``."""
        return self.site.url.rstrip("/") + path

    def open(self, path: str) -> Page:
        """Go to a page of the site."""
        self.page.goto(self.url(path))
        return self.page

    # Signing in

    def otp(self) -> str:
        """A code that this person has not used: of these 30 s, else of the next, which the site takes as well."""
        while self._spent > time.time() // OTP_STEP_S:
            self.page.wait_for_timeout(200)
        step = max(int(time.time()) // OTP_STEP_S, self._spent + 1)
        self._spent = step
        return pyotp.TOTP(self.site.accounts[self.id].otp_secret).at(step * OTP_STEP_S)

    @property
    def password(self) -> str:
        """The right password."""
        return self.site.accounts[self.id].password

    def fill_in(self, otp: str, password: str, account: str | None = None) -> None:
        """Fill in the three fields and press the button."""
        page = self.page
        page.get_by_label(self.words.account_id, exact=True).fill(account or self.id)
        page.get_by_label("OTP", exact=True).fill(otp)
        page.get_by_label(self.words.password, exact=True).fill(password)
        page.get_by_role("button", name=self.words.sign_in, exact=True).click()

    def sign_in(self) -> Page:
        """Sign in; the start page is there afterwards."""
        self.open("/")
        self.fill_in(self.otp(), self.password)
        expect(self.page.locator("#start-form")).to_be_visible()
        return self.page

    # Starting

    def pick(self, queue: str, time_limit: str | None = None) -> None:
        """Choose a queue and, if given, a time limit on the start page."""
        self.page.get_by_label(self.words.job_queue, exact=True).select_option(queue)
        if time_limit is not None:
            self.page.locator("#time_limit").fill(time_limit)

    def submit(self) -> None:
        """Press Submit."""
        self.page.get_by_role("button", name=self.words.submit, exact=True).click()

    def start(self, queue: str = "jupyter", time_limit: str = "30") -> Page:
        """Start a server from the start page and watch until Notebook has opened."""
        self.pick(queue, time_limit)
        self.submit()
        return self.see_notebook()

    def see_notebook(self) -> Page:
        """Wait until Notebook's file browser shows the workspace."""
        expect(self.page).to_have_url(re.compile(rf"/user/{self.id}/tree"), timeout=START_LIMIT_MS)
        expect(self.file("iris_ex.ipynb")).to_be_visible(timeout=START_LIMIT_MS)
        return self.page

    def file(self, name: str) -> Locator:
        """An entry of the file browser."""
        return self.page.locator(".jp-DirListing-item", has_text=name)

    def stop_my_server(self) -> None:
        """Press Stop My Server on the Control Panel and wait until the page says that nothing runs."""
        self.page.get_by_role("button", name=self.words.stop_my_server, exact=True).click()
        expect(self.page.locator("#stop")).to_have_count(0, timeout=20_000)

    # Asking without the page's own help

    def post_start(self, fields: dict[str, str], *, with_xsrf: bool = True) -> Any:
        """POST the start form's address as a program of this browser would; returns playwright's answer."""
        token = self.page.locator("#start-form input[name=_xsrf]").input_value()
        form: dict[str, str | float | bool] = dict(fields)
        if with_xsrf:
            form["_xsrf"] = token
        return self.context.request.post(self.url("/hub/spawn"), form=form)

    # Looking

    def shoot(self, name: str, page: Page | None = None) -> None:
        """Keep a picture of the page as it is."""
        self._pictures.mkdir(parents=True, exist_ok=True)
        settle(page or self.page)
        (page or self.page).screenshot(path=self._pictures / f"{name}-{self.language}.png")

    def look(self, name: str) -> None:
        """Look at a page of the hub as it is: light and dark, wide and on a phone, and with a screen reader's rules.

        Pictures are kept; fails for anything that breaks a rule of accessibility or is wider than a phone.
        """
        problems: list[str] = []
        for scheme in ("light", "dark"):
            self.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            self.shoot(name if scheme == "light" else f"{name}-dark")
            problems += [f"{scheme}: {violation}" for violation in find_violations(self.page)]
        self.page.emulate_media(color_scheme="light")
        self.page.set_viewport_size({"width": PHONE["width"], "height": PHONE["height"]})
        self.shoot(f"{name}-phone")
        problems += [f"phone: {violation}" for violation in find_violations(self.page)]
        problems += [f"phone: too wide: {wide}" for wide in find_wide(self.page)]
        self.page.set_viewport_size({"width": DESKTOP["width"], "height": DESKTOP["height"]})
        assert not problems, f"{name} ({self.language}):\n" + "\n".join(problems)

    def switch_language(self, language: Language) -> None:
        """Press the other language in the header."""
        self.page.locator(f"header a[hreflang={language}]").click()
        expect(self.page.locator("html")).to_have_attribute("lang", language)
        self.language, self.words = language, WORDS[language]

    def look_in_both_languages(self, name: str, ready: Callable[[], None] | None = None) -> None:
        """``look`` at a page that can be loaded again; ``ready`` waits for what it must show after loading."""
        first: Language = self.language
        other: Language = "ko" if first == "en" else "en"
        for language in (first, other):
            if language != self.language:
                self.switch_language(language)
            if ready is not None:
                ready()
            self.look(name)
        self.switch_language(first)
        if ready is not None:
            ready()
