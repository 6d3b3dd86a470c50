"""A real channel, and a small real base made from it, for all tests of this room."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from neuronhub.environments.base.build import Order, build_base
from neuronhub.environments.base.versions import CACHE, activate_base, hold_bases
from neuronhub.environments.solution import Source

CHECKOUT = Path(__file__).parents[3]
MINI = ("python", "pip", "ipykernel", "numpy", "packaging", "six")


@pytest.fixture(scope="session")
def channel() -> Path:
    """The checkout's channel: the packages of the embedded site's base and those of row E4."""
    folder = CHECKOUT / ".channel"
    assert (folder / "noarch" / "repodata.json").is_file(), "there is no channel in this checkout: run make base"
    return folder


@pytest.fixture(scope="session")
def mini_bases(channel: Path) -> Iterator[Path]:
    """A folder of bases with one small real one, ``1``, that is active; every user can read it.

    What the checkout's own base has fetched and compiled is taken from its cache.
    """
    folder = Path(tempfile.mkdtemp(prefix="neuronhub-bases-", dir="/var/tmp"))
    folder.chmod(0o755)
    bases = folder / "bases"
    source = Source((channel.as_uri(),), {}, CHECKOUT / ".bases" / CACHE)
    order = Order(MINI, source, bases, bases, folder / "lock", version="1")
    try:
        with hold_bases(bases):
            build_base(order, lambda _progress: None)
        activate_base(bases, "1")
        yield bases
    finally:
        shutil.rmtree(folder)
