"""The real base environment, and one started server in it, for all tests of this room."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.unit.workbench.hub_double import HubDouble, run_hub
from tests.unit.workbench.start import Start, make_ticket

CHECKOUT = Path(__file__).parents[3]


@pytest.fixture(scope="session")
def base() -> Path:
    """The base with the present sources; NEURONHUB_TEST_BASE names another folder for it."""
    folder = Path(os.environ.get("NEURONHUB_TEST_BASE", CHECKOUT / ".base"))
    subprocess.run([CHECKOUT / "scripts" / "ensure-base", folder], check=True)
    return folder


@pytest.fixture(scope="session")
def hub() -> Iterator[HubDouble]:
    with run_hub() as running:
        yield running


@pytest.fixture(scope="session")
def server(base: Path, hub: HubDouble, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """A server that is announced."""
    folder = tmp_path_factory.mktemp("server")
    with Start(base, make_ticket(folder, hub.api_url, examples=CHECKOUT / "notebooks"), folder) as started:
        started.announcement = hub.announcements.get(timeout=30)
        yield started
