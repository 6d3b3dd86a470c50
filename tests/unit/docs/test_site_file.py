"""docs/*/site-file.md tells every setting of the site file, its type and its default; the example is a site file."""

from __future__ import annotations

import re

import pytest
from tests.unit.docs.model import Setting, describe_settings
from tests.unit.docs.pages import CHECKOUT, DOCS, LANGUAGES, Page

from neuronhub.site import read_site


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_setting_has_its_row(language: str) -> None:
    page = Page.read(DOCS / language / "site-file.md")
    told = []
    for heading, rows in page.tables():
        table = re.search(r"`\[+([a-z_.]+)\]+`", heading)
        for name, type_, default, meaning in rows:
            told.append(Setting(table[1] if table else "", name.strip("`"), type_, default))
            assert len(meaning) > 10, name
    assert sorted(told, key=repr) == sorted(describe_settings(language), key=repr)


def test_the_example_can_be_read() -> None:
    site = read_site(CHECKOUT / "deploy" / "site.toml")
    assert site.login is not None
    assert {queue.charged for queue in site.queues} == {True, False}
