"""The documents as tests read them: Markdown in, headings, links, code and tables out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[3]
DOCS = CHECKOUT / "docs"
LANGUAGES = ("en", "ko")

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^(#{1,6}) (.+)$", re.MULTILINE)
_LINK = re.compile(r"(?<!\\)\[[^\]]*\]\(([^)\s]+)\)")
_CODE = re.compile(r"`([^`\n]+)`")


@dataclass(frozen=True)
class Heading:
    """One heading; ``anchor`` is what the forge makes of it."""

    level: int
    text: str

    @property
    def anchor(self) -> str:
        """Lower case, punctuation away, spaces to hyphens."""
        return re.sub(r"[^\w\- ]", "", self.text.lower()).replace(" ", "-")


@dataclass(frozen=True)
class Page:
    """One Markdown file."""

    path: Path
    text: str

    @classmethod
    def read(cls, path: Path) -> Page:
        """The page at ``path``."""
        return cls(path, path.read_text(encoding="utf-8"))

    @property
    def prose(self) -> str:
        """The text without its fenced blocks."""
        return _FENCE.sub("", self.text)

    @property
    def headings(self) -> list[Heading]:
        """All headings, in order."""
        return [Heading(len(marks), text) for marks, text in _HEADING.findall(self.prose)]

    @property
    def links(self) -> list[str]:
        """Targets of links and pictures."""
        return _LINK.findall(self.prose)

    @property
    def code(self) -> list[str]:
        """Words in backticks."""
        return _CODE.findall(self.prose)

    def blocks(self, *languages: str) -> list[str]:
        """Fenced blocks in one of ``languages``."""
        return [body for language, body in _FENCE.findall(self.text) if language in languages]

    def tables(self) -> Iterator[tuple[str, list[list[str]]]]:
        """Each table as its nearest heading and its rows without the head."""
        heading, rows = "", []
        for line in [*self.prose.splitlines(), ""]:
            if line.startswith("|"):
                rows.append([cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]])
                continue
            if rows:
                yield heading, rows[2:]
                rows = []
            if line.startswith("#"):
                heading = line.lstrip("# ")


def read_pages(language: str) -> list[Page]:
    """All pages of a language."""
    return [Page.read(path) for path in sorted((DOCS / language).glob("*.md"))]


def read_all() -> list[Page]:
    """Every document of the checkout that people read."""
    outside = [CHECKOUT / "README.md", CHECKOUT / "CONTRIBUTING.md", CHECKOUT / "deploy" / "README.md"]
    return [Page.read(path) for path in outside] + [page for language in LANGUAGES for page in read_pages(language)]


def name_page(page: Page) -> str:
    """A page's path in the checkout, to name a test by."""
    return str(page.path.relative_to(CHECKOUT))
