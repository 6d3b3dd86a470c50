"""Sentences for pages of Jupyter that show a text as it is, without breaking its lines."""

from __future__ import annotations

import textwrap

LINE_COLUMNS = 100
"""Fits into Lab's dialog."""


def wrap(text: str) -> str:
    """Break ``text`` into lines; Korean letters are nearly twice as wide."""
    width = LINE_COLUMNS if text.isascii() else LINE_COLUMNS * 6 // 10
    return textwrap.fill(text, width, break_long_words=False, break_on_hyphens=False)
