"""Notebooks that are offered again: on the start page as a list, on the Control Panel to be opened or dismissed."""

from __future__ import annotations

import re

import pytest
from tests.unit.web.conftest import Render, make_spawner
from tests.unit.web.test_pages import HOSTILE, Outline, home, start_page

NOTEBOOKS = ("a.ipynb", "b/c d.ipynb")


def find_buttons(page: str, name: str) -> list[str | None]:
    return [attributes.get("value") for tag, attributes in Outline(page).tags if attributes.get("name") == name]


def find_action(page: str) -> str | None:
    (form,) = (attributes for tag, attributes in Outline(page).tags if attributes.get("id") == "start-form")
    return form.get("action")


@pytest.mark.parametrize(("pending", "expected"), [(None, list(NOTEBOOKS)), ("spawn", []), ("stop", [])])
def test_the_control_panel_opens_them_once_there_is_a_server(
    render: Render, reader: str, pending: str | None, expected: list[str]
) -> None:
    page = render("home.html", **home(make_spawner(active=True, pending=pending)), unopened=NOTEBOOKS)
    assert find_buttons(page, "open") == expected
    assert find_buttons(page, "dismiss") == [*expected, ""]
    assert find_buttons(page, "_xsrf") == ["token-of-the-form"]


def test_nothing_is_offered_to_whoever_has_none(render: Render, reader: str) -> None:
    page = render("home.html", **home(make_spawner(active=True)), unopened=())
    assert "nh-notebooks" not in page


def test_names_of_notebooks_are_text(render: Render, reader: str) -> None:
    page = render("home.html", **home(make_spawner(active=True)), unopened=[HOSTILE])
    assert HOSTILE not in page
    assert find_buttons(page, "open") == [HOSTILE]


def test_submit_leads_to_them(render: Render, reader: str) -> None:
    page = render("spawn.html", **start_page(), unopened=NOTEBOOKS)
    assert re.findall("<code>(.*?)</code>", page)[:2] == list(NOTEBOOKS)
    assert find_action(page) == "/hub/spawn?next=/hub/home"
    assert find_action(render("spawn.html", **start_page(), unopened=())) is None


def test_somebody_who_was_on_the_way_elsewhere_gets_there(render: Render, reader: str) -> None:
    context = start_page() | {"url": "/hub/spawn?next=%2Fuser%2Falice%2Flab&_xsrf=x"}
    assert find_action(render("spawn.html", **context, unopened=NOTEBOOKS)) is None
