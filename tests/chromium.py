"""The browser of the tests: Debian's Chromium, driven by playwright."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, expect, sync_playwright

PROGRAM = "/usr/bin/chromium"
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--no-first-run",
)
LIMIT_MS = 20_000
"""For whatever should be there at once; machines that run tests are busy."""


@contextmanager
def run_chromium() -> Iterator[Browser]:
    """A running browser. No asyncio test may run meanwhile: playwright has a loop of its own in this thread."""
    expect.set_options(timeout=LIMIT_MS)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=PROGRAM, args=list(ARGUMENTS))
        try:
            yield chromium
        finally:
            chromium.close()
