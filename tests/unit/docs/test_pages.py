"""Both languages have the same pages; links and pictures exist; figures stand where their commands are."""

from __future__ import annotations

import re

import pytest
from tests.unit.docs.pages import CHECKOUT, DOCS, LANGUAGES, Page, name_page, read_all, read_pages

LARGEST_PICTURE = 300_000
PAGES = read_all()
ENGLISH, KOREAN = ({page.path.name: page for page in read_pages(language)} for language in LANGUAGES)
MEASURED = re.compile(
    r"\b(median|p50|p9[059]|percentile|throughput)\b|\btimes (as|faster)\b|중앙값|백분위"
    r"|\b\d+(\.\d+)? ?(ms|MB|MiB|GiB|%)(?!\w)"
)
ROOTS = {"apps", "bin", "etc", "hub", "opt", "scratch", "user", "usr", "var"}
"""First parts of the absolute paths and addresses that a document may name: a site's, never one machine's."""
HOSTS = re.compile(r"127\.0\.0\.1|(\w+\.)?example\.org|host\[|ID|\$|address")


def test_both_languages_have_the_same_pages() -> None:
    # The English front page is the checkout's own README.
    assert set(KOREAN) - {"README.md"} == set(ENGLISH)


@pytest.mark.parametrize("name", [*sorted(ENGLISH), "README.md"])
def test_both_languages_have_the_same_structure(name: str) -> None:
    english = Page.read(CHECKOUT / "README.md") if name == "README.md" else ENGLISH[name]
    korean = KOREAN[name]
    assert [heading.level for heading in english.headings] == [heading.level for heading in korean.headings]
    assert [len(rows) for _, rows in english.tables()] == [len(rows) for _, rows in korean.tables()]
    for language in ("python", "nginx", "sh"):
        assert drop_comments(english.blocks(language)) == drop_comments(korean.blocks(language))
    assert len(english.blocks("mermaid")) == len(korean.blocks("mermaid"))


def drop_comments(blocks: list[str]) -> list[str]:
    """Blocks of code without what is said in a language of people."""
    return [re.sub(r" *#.*", "", block) for block in blocks]


@pytest.mark.parametrize("page", PAGES, ids=name_page)
def test_every_link_leads_somewhere(page: Page) -> None:
    for target in page.links:
        if target.startswith("https://"):
            continue
        path, _, anchor = target.partition("#")
        found = (page.path.parent / path).resolve() if path else page.path
        assert found.exists(), target
        assert found.is_relative_to(CHECKOUT), target
        if anchor:
            assert anchor in [heading.anchor for heading in Page.read(found).headings], target


@pytest.mark.parametrize("page", PAGES, ids=name_page)
def test_a_page_begins_with_its_one_title(page: Page) -> None:
    assert page.text.startswith("# ")
    assert [heading.level for heading in page.headings].count(1) == 1


def test_pictures_are_small_and_shown() -> None:
    shown = {(page.path.parent / target).resolve() for page in PAGES for target in page.links if "images/" in target}
    pictures = set((DOCS / "images").iterdir())
    assert pictures == shown
    for picture in pictures:
        assert picture.suffix == ".png"
        assert picture.stat().st_size < LARGEST_PICTURE


def test_the_front_pages_show_the_start_page() -> None:
    assert "docs/images/start.en.png" in Page.read(CHECKOUT / "README.md").links
    assert "../images/start.ko.png" in KOREAN["README.md"].links


@pytest.mark.parametrize("page", PAGES, ids=name_page)
def test_figures_are_only_where_their_command_is(page: Page) -> None:
    if not page.path.name.startswith("measured"):
        found = MEASURED.search(page.prose)
        assert found is None, f"{found}: figures belong to the measured pages"
        return
    rows = [row for _, rows in page.tables() for row in rows if any(re.search(r"\d", cell) for cell in row[1:-1])]
    assert rows
    for row in rows:
        assert re.fullmatch(r"`.venv/bin/python -m bench(\.\w+)? .+`", row[-1]), row


@pytest.mark.parametrize("page", PAGES, ids=name_page)
def test_paths_and_hosts_are_of_any_site(page: Page) -> None:
    roots = set(re.findall(r"(?<![\w.~/:}\]()-])/([a-z]+)/", page.text))
    assert roots <= ROOTS
    for rest in re.findall(r"(?:https?|ldaps?)://([^\s`\"')]+)", page.text):
        assert HOSTS.match(rest), rest
