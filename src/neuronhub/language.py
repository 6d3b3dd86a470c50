"""The language of the person who reads: chosen per request, kept in a context variable.

Runs in the hub and on the command line. Texts in the code are English; the catalogues lie in
``web/locale`` and are compiled when NeuronHub is built.
"""

from __future__ import annotations

import gettext
import os
import re
from contextvars import ContextVar
from functools import cache
from pathlib import Path

LANGUAGES = ("en", "ko")
"""What NeuronHub speaks; the first one is the language of the source texts."""
COOKIE = "neuronhub-language"
DOMAIN = "neuronhub"
LOCALE = Path(__file__).parent / "web" / "locale"

current: ContextVar[str] = ContextVar("neuronhub-language", default="en")
"""The reader's language; the hub sets it at the start of each request."""

_RANGE = re.compile(
    r"\s*([A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*|\*)\s*(?:;\s*q\s*=\s*(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)\s*)?$"
)


def translate(text: str) -> str:
    """Return ``text`` in the reader's language; import it as ``_`` so that the catalogues find the text."""
    return catalogue(current.get()).gettext(text)


def translate_n(singular: str, plural: str, number: int) -> str:
    """Return the form of the text that fits ``number``, in the reader's language."""
    return catalogue(current.get()).ngettext(singular, plural, number)


@cache
def catalogue(language: str) -> gettext.NullTranslations:
    """The compiled catalogue of ``language``, read once; without one the English source texts stand."""
    return gettext.translation(DOMAIN, LOCALE, [language], fallback=True)


def find_locale_language() -> str:
    """Return what the terminal's locale asks for, if NeuronHub speaks it; else English."""
    chosen = next((os.environ[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if os.environ.get(name)), "")
    return choose_language(None, chosen.split(".")[0].replace("_", "-"))


def choose_language(cookie: str | None, accept_language: str | None, default: str = "en") -> str:
    """Return one of LANGUAGES: the cookie's, else what the browser likes best (RFC 9110), else ``default``."""
    if cookie in LANGUAGES:
        return str(cookie)
    best, weight = default, 0.0
    for part in (accept_language or "").split(","):
        match = _RANGE.match(part)
        if match is None:
            continue
        language = match[1].split("-")[0].lower()
        quality = float(match[2] or 1)
        if language in LANGUAGES and quality > weight:
            best, weight = language, quality
    return best
