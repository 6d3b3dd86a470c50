"""Every test with a ``door`` runs twice: on recorded answers and on the daemons of the embedded site."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.contract.slurm.door import Door
from tests.embedded import RunningSite

USERS = ("u41", "u42", "u43")


@pytest.fixture(params=["recorded", "real"])
def door(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Door]:
    """The way to Slurm; on the real daemons no job of USERS is left after the test."""
    if request.param == "recorded":
        yield Door(None, tmp_path)
        return
    site: RunningSite = request.getfixturevalue("site")
    yield from _open(site, tmp_path)


@pytest.fixture
def real_door(site: RunningSite, tmp_path: Path) -> Iterator[Door]:
    """The way to the real daemons, for what takes several answers and so cannot be recorded."""
    yield from _open(site, tmp_path)


def _open(site: RunningSite, folder: Path) -> Iterator[Door]:
    door = Door(site, folder, record="NEURONHUB_RECORD" in os.environ)
    yield door
    for user in USERS:
        door.inside("/usr/bin/scancel", f"--user={user}")
