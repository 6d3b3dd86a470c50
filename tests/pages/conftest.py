"""Fixtures of the pages: a browser for all of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser
from tests.chromium import run_chromium


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """It ends with this package: playwright's loop must not run while asyncio tests do."""
    with run_chromium() as chromium:
        yield chromium
