"""Fixtures for all tests: one embedded site for the whole session, with every real service."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.embedded import RunningSite, run_site

OUTPUT = Path(__file__).parent / "output"


@pytest.fixture(scope="session")
def site(request: pytest.FixtureRequest) -> Iterator[RunningSite]:
    """The embedded site, started at first use. NEURONHUB_TEST_STATE=DIR uses the one that already runs on DIR."""
    running = os.environ.get("NEURONHUB_TEST_STATE")
    if running:
        yield RunningSite.of(Path(running))
        return
    folder = Path(tempfile.mkdtemp(prefix="neuronhub-test-", dir="/var/tmp"))
    folder.chmod(0o755)
    try:
        with run_site(folder / "state") as started:
            yield started
    finally:
        if request.session.testsfailed or not (folder / "state" / "site.toml").exists():
            _keep_logs(folder)
        shutil.rmtree(folder)


def _keep_logs(folder: Path) -> None:
    kept = OUTPUT / "embedded-site"
    shutil.rmtree(kept, ignore_errors=True)
    kept.mkdir(parents=True)
    for log in (*folder.glob("*.out"), *(folder / "state" / "log").glob("*.log")):
        shutil.copy(log, kept)
