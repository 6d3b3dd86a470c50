"""Where the hub's page templates and static files lie, and what the templates may call.

Runs in the hub: ``TEMPLATES`` goes first in JupyterHub's template_paths, and both of its Jinja
environments are given to ``install_translations``.
"""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, pass_context
from jinja2.runtime import Context

from neuronhub.language import LANGUAGES, LOCALE, current, translate, translate_n
from neuronhub.web import formats

TEMPLATES = Path(__file__).parent / "templates"
STATIC = Path(__file__).parent / "static"
UI_LOCALES = {"ko": "ko_KR"}
"""JupyterLab's name of each language but the first."""
LANGUAGE_NAMES = {"en": "English", "ko": "한국어"}


@cache
def read_ui_catalogue(language: str) -> dict[str, Any]:
    """The texts that pages share with JupyterLab, in the form of its catalogues; none in the source language."""
    if language == LANGUAGES[0]:
        return {}
    found: dict[str, Any] = json.loads(
        (LOCALE / UI_LOCALES[language] / "LC_MESSAGES" / "neuronhub.json").read_text("utf-8")
    )
    return found


@cache
def static_version() -> str:
    """Twelve hex digits that change whenever a static file does; read once in a process."""
    digest = hashlib.sha256()
    for path in sorted(file for file in STATIC.rglob("*") if file.is_file()):
        digest.update(path.relative_to(STATIC).as_posix().encode() + b"\0")
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


@pass_context
def _asset(context: Context, path: str) -> str:
    """URL of a static file of ours; the version in it lets browsers keep the file for good."""
    return f"{context['base_url']}neuronhub/{static_version()}/{path}"


def install_translations(environment: Environment) -> None:
    """Give a Jinja environment (async or not) the reader's language and the formats of our templates."""
    environment.add_extension("jinja2.ext.i18n")
    install: Any = environment
    install.install_gettext_callables(translate, translate_n, newstyle=True)
    environment.globals.update(asset=_asset, reader_language=current.get, language_names=LANGUAGE_NAMES)
    environment.globals["ui_catalogue"] = lambda: read_ui_catalogue(current.get())
    environment.filters.update(
        translated=translate,
        money=formats.render_money,
        number=formats.render_number,
        duration=formats.render_duration,
        time_limit=formats.render_time_limit,
        moment=formats.render_moment,
        moment_in=formats.render_moment_in,
        day=formats.render_day,
        month=formats.render_month,
        hours=formats.render_hours,
        clock=formats.render_clock,
        iso=formats.render_iso,
    )
