"""Row L1: signing in with account ID, OTP and password, and being turned away with a sentence."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect
from tests.embedded import RunningSite
from tests.journeys.people import Researcher
from tests.journeys.words import LANGUAGES, Language

SENTENCE = re.compile(r"\S+ \S+.*[.요다]$", re.DOTALL)
WRONG_OTP = "000000"


@pytest.mark.parametrize("language", LANGUAGES)
def test_L1_the_form_has_three_fields_in_order(meet: Callable[..., Researcher], language: Language) -> None:
    """The browser's language is the page's; the fields have names, and the keyboards and managers that fit."""
    person = meet(language)
    page = person.open("/")
    expect(page.locator("html")).to_have_attribute("lang", language)
    labels = page.locator("#login-form label")
    expect(labels).to_have_text([person.words.account_id, "OTP", person.words.password])
    fields = page.locator("#login-form input:not([type=hidden])")
    assert fields.evaluate_all("fields => fields.map((field) => field.autocomplete)") == [
        "username",
        "one-time-code",
        "current-password",
    ]
    expect(fields.nth(0)).to_be_focused()
    expect(fields.nth(2)).to_have_attribute("type", "password")
    person.look("sign-in")


@pytest.mark.parametrize("language", LANGUAGES)
def test_L1_one_sentence_for_every_refusal(meet: Callable[..., Researcher], language: Language) -> None:
    """Wrong OTP, wrong password, used OTP, unknown account: refused in the form, with the same words."""
    person = meet(language)
    page = person.open("/")
    sentences = set()

    def be_refused(otp: str, password: str, account: str | None = None) -> None:
        person.fill_in(otp, password, account)
        alert = page.get_by_role("alert")
        expect(alert).to_have_text(SENTENCE)
        expect(alert).to_be_focused()
        expect(page.locator("#username_input")).to_have_value(account or person.id)
        expect(page.locator("#password_input")).to_have_value("")
        sentences.add(alert.inner_text())

    be_refused(WRONG_OTP, person.password)
    person.look("sign-in-refused")
    be_refused(person.otp(), "not the password")
    be_refused(WRONG_OTP, person.password, account="nobody-here")
    otp = person.otp()
    person.fill_in(otp, person.password)
    expect(page.locator("#start-form")).to_be_visible()
    page.locator("#logout").click()
    person.open("/hub/login")
    be_refused(otp, person.password)
    assert len(sentences) == 1, sentences


def test_L1_a_form_that_is_not_complete(researcher: Researcher) -> None:
    """The browser does not send it; whoever sends it anyway reads what is missing, and the hub does not break."""
    person, page = researcher, researcher.open("/hub/login")
    page.locator("#username_input").fill(person.id)
    page.locator("#login_submit").click()
    expect(page.locator("#otp_input:invalid")).to_be_focused()

    token = page.locator("#login-form input[name=_xsrf]").input_value()
    complete = {"_xsrf": token, "username": person.id, "otp": person.otp(), "password": person.password}
    for missing in ("username", "otp", "password"):
        form: dict[str, str | float | bool] = {name: value for name, value in complete.items() if name != missing}
        answer = person.context.request.post(person.url("/hub/login"), form=form)
        assert (missing, answer.status) == (missing, 400)
        assert 'role="alert"' in answer.text(), "the refusal is not in the form"
    doubled = "&".join([f"{name}={value}" for name, value in complete.items()] + [f"otp={complete['otp']}"])
    answer = person.context.request.post(
        person.url("/hub/login"), data=doubled, headers={"Content-Type": "application/x-www-form-urlencoded"}
    )
    assert answer.status == 400


def test_L1_the_directory_is_away(site: RunningSite, researcher: Researcher) -> None:
    """The form says so, and does not eat the OTP: the same one is good once the directory is back."""
    person, page = researcher, researcher.open("/hub/login")
    otp = person.otp()
    with site.without("slapd"):
        with page.expect_response(lambda answer: answer.request.method == "POST") as answer:
            person.fill_in(otp, person.password)
        assert answer.value.status == 503
        alert = page.get_by_role("alert")
        expect(alert).to_contain_text("directory does not answer")
        person.shoot("sign-in-directory-away")
    person.fill_in(otp, person.password)
    expect(page.locator("#start-form")).to_be_visible()


@pytest.mark.parametrize("language", LANGUAGES)
def test_L1_the_other_language_is_one_click_away(meet: Callable[..., Researcher], language: Language) -> None:
    """The switch holds for the pages that follow, whatever the browser prefers."""
    person = meet(language)
    person.open("/hub/login")
    person.switch_language("ko" if language == "en" else "en")
    expect(person.page.get_by_role("button", name=person.words.sign_in, exact=True)).to_be_visible()
    person.sign_in()
    expect(person.page.locator("html")).to_have_attribute("lang", person.language)
    expect(person.page.get_by_role("button", name=person.words.submit, exact=True)).to_be_visible()
