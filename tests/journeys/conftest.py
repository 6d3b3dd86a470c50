"""Fixtures of the journeys: a browser, and researchers who leave nothing running behind."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser
from tests.chromium import LIMIT_MS, run_chromium
from tests.embedded import RunningSite
from tests.journeys.looks import AXE, WATCH_SHIFTS
from tests.journeys.people import DESKTOP, Researcher
from tests.journeys.servers import Servers
from tests.journeys.words import WORDS, Language

OUTPUT = Path(__file__).parents[1] / "output"
FIRST_ACCOUNT = 11
"""u01 to u10 are left to other tests of the session."""
SHORT_LIVED = "u10"
"""Has a server with a minute to live."""
FULL_QUEUE = "amd_a100nv_8"

failed = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Let fixtures see whether their test has failed."""
    report = yield
    item.stash[failed] = item.stash.get(failed, False) or report.failed
    return report


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """It ends with this package: playwright's loop must not run while asyncio tests do."""
    with run_chromium() as chromium:
        yield chromium


def find_strange_workspaces(site: RunningSite) -> set[str]:
    """Accounts of which other tests have made the workspace: it has no examples, which only a new one is given."""
    looked = "for place in /scratch/*/workspace; do [ -e $place/iris_ex.ipynb ] || echo $place; done"
    return {line.split("/")[2] for line in site.run_inside(["/bin/sh", "-c", looked]).stdout.splitlines()}


@pytest.fixture(scope="session")
def account_names(site: RunningSite) -> Iterator[str]:
    """Accounts in turn, those first that have never signed in: a kept site remembers codes and choices."""
    taken = find_strange_workspaces(site)
    names = [name for name in sorted(site.accounts) if re.fullmatch(r"u\d\d", name) and int(name[1:]) >= FIRST_ACCOUNT]
    names = [name for name in names if name not in taken]
    _, known = Servers(site).ask_hub("GET", "users?limit=200")
    last_seen = {user["name"]: user["last_activity"] or "" for user in known}
    return itertools.cycle(sorted(names, key=lambda name: last_seen.get(name, "")))


@pytest.fixture
def servers(site: RunningSite) -> Servers:
    """The hub's API and Slurm."""
    return Servers(site)


@pytest.fixture
def meet(
    site: RunningSite, browser: Browser, account_names: Iterator[str], request: pytest.FixtureRequest
) -> Iterator[Callable[..., Researcher]]:
    """Meet a researcher with a fresh account and a browser of their own; afterwards nothing of theirs runs."""
    met: list[Researcher] = []

    def meet_one(language: Language = "en", account: str | None = None) -> Researcher:
        context = browser.new_context(
            locale=WORDS[language].locale,
            viewport={"width": DESKTOP["width"], "height": DESKTOP["height"]},
            ignore_https_errors=True,
            reduced_motion="reduce",
        )
        context.add_init_script(path=AXE)
        context.add_init_script(WATCH_SHIFTS)
        context.set_default_timeout(LIMIT_MS)
        met.append(Researcher(site, account or next(account_names), context, language, OUTPUT / "screenshots"))
        return met[-1]

    yield meet_one
    if request.node.stash.get(failed, False):
        _keep_pictures(met, request.node.name)
    for researcher in met:
        researcher.context.close()
    Servers(site).stop(*(researcher.id for researcher in met))
    troubles = [trouble for researcher in met for trouble in researcher.troubles]
    assert not troubles, "the browser complained:\n" + "\n".join(troubles)


def _keep_pictures(met: list[Researcher], test: str) -> None:
    folder = OUTPUT / "failed-journeys"
    folder.mkdir(parents=True, exist_ok=True)
    for number, page in enumerate(page for researcher in met for page in researcher.context.pages):
        page.screenshot(path=folder / f"{test}-{number}.png")


@pytest.fixture
def researcher(meet: Callable[..., Researcher]) -> Researcher:
    """One researcher who reads English."""
    return meet()


@pytest.fixture
def full_queue(servers: Servers) -> Iterator[list[int]]:
    """Both nodes of FULL_QUEUE are taken by others; gives their jobs."""
    jobs = [servers.occupy(FULL_QUEUE, user) for user in ("alice", "bob")]
    yield jobs
    servers.cancel(*jobs)


@pytest.fixture(scope="package", autouse=True)
def minute_to_live(site: RunningSite, request: pytest.FixtureRequest) -> object:
    """Start the short-lived server before all journeys, so that its minute is over when its test comes."""
    if not any("short_lived" in getattr(item, "fixturenames", ()) for item in request.session.items):
        return None
    return Servers(site).start(SHORT_LIVED, "jupyter", "1")


@pytest.fixture
def short_lived(meet: Callable[..., Researcher], minute_to_live: tuple[int, object]) -> Researcher:
    """Somebody whose server had a minute to live."""
    assert minute_to_live[0] in (201, 202), f"the server did not start: {minute_to_live}"
    return meet(account=SHORT_LIVED)
