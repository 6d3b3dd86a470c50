"""Which language a reader gets, and that the catalogues hold everything."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest
from tests.unit.web.conftest import ROOT

from neuronhub import language


@pytest.fixture
def korean(catalogues: None) -> Iterator[None]:
    token = language.current.set("ko")
    yield
    language.current.reset(token)


@pytest.mark.parametrize(
    ("cookie", "accepted", "chosen"),
    [
        (None, None, "en"),
        (None, "", "en"),
        ("ko", "en-US,en;q=0.9", "ko"),
        ("en", "ko", "en"),
        ("fr", "ko-KR", "ko"),
        (None, "ko-KR,ko;q=0.9,en-US;q=0.8", "ko"),
        (None, "en;q=0.5, ko;q=0.8", "ko"),
        (None, "fr, de;q=0.9, ko;q=0.1", "ko"),
        (None, "ko;q=0, en;q=0.1", "en"),
        (None, "fr-FR", "en"),
        (None, "*", "en"),
        (None, "ko;q=2, en", "en"),
        (None, ";;;,,ko\x00", "en"),
        (None, "KO", "ko"),
    ],
)
def test_the_cookie_comes_first_then_what_the_browser_likes_best(
    cookie: str | None, accepted: str | None, chosen: str
) -> None:
    assert language.choose_language(cookie, accepted) == chosen


def test_a_site_may_prefer_korean_where_the_reader_says_nothing() -> None:
    assert language.choose_language(None, "fr", default="ko") == "ko"
    assert language.choose_language(None, "en", default="ko") == "en"


def test_texts_come_in_the_readers_language(korean: None) -> None:
    assert language.translate("Submit") == "제출"
    assert language.translate("a text that no catalogue has") == "a text that no catalogue has"


def test_numbers_choose_the_form_of_a_text() -> None:
    assert language.translate_n("{n} node", "{n} nodes", 1) == "{n} node"
    assert language.translate_n("{n} node", "{n} nodes", 2) == "{n} nodes"


def test_both_catalogues_are_complete() -> None:
    script = ROOT / "scripts" / "translations"
    result = subprocess.run([sys.executable, script, "check"], capture_output=True, text=True, check=False)
    assert result.stderr == ""
    assert result.returncode == 0
