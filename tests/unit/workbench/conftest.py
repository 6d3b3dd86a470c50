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
def bases() -> Path:
    """The bases with the present sources in the active one; NEURONHUB_TEST_BASES names another folder for them."""
    if elsewhere := os.environ.get("NEURONHUB_TEST_BASES"):
        return Path(elsewhere)
    subprocess.run([CHECKOUT / "scripts" / "ensure-base"], check=True)
    return CHECKOUT / ".bases"


@pytest.fixture(scope="session")
def base(bases: Path) -> Path:
    """The active base."""
    return (bases / "current").resolve()


@pytest.fixture(scope="session")
def hub() -> Iterator[HubDouble]:
    with run_hub() as running:
        yield running


@pytest.fixture(scope="session")
def server(base: Path, bases: Path, hub: HubDouble, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """A server that is announced, with the environment that its start has made."""
    folder = tmp_path_factory.mktemp("server")
    ticket = make_ticket(folder, hub.api_url, examples=CHECKOUT / "notebooks", bases=bases)
    with Start(base, ticket, folder) as started:
        started.announcement = hub.announcements.get(timeout=30)
        yield started
