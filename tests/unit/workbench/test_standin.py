"""The stand-in that measurements use: for the hub the same as a real server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.unit.workbench.hub_double import TOKEN, HubDouble, run_hub
from tests.unit.workbench.start import Start, make_ticket

from neuronhub.protocol import PROOF_PATH, make_proof

STANDIN = Path(__file__).parents[3] / "bench" / "standin.py"


def make_base(folder: Path) -> Path:
    """A base whose ``python`` is the stand-in."""
    (folder / "base" / "bin").mkdir(parents=True)
    (folder / "base" / "bin" / "python").symlink_to(STANDIN)
    return folder / "base"


@pytest.fixture
def standin(hub: HubDouble, tmp_path: Path) -> Iterator[Start]:
    with Start(make_base(tmp_path), make_ticket(tmp_path, hub.api_url), tmp_path) as start:
        start.announcement = hub.announcements.get(timeout=10)
        yield start


def test_it_keeps_the_contract(standin: Start) -> None:
    assert standin.announcement["authorization"] == f"token {TOKEN}"
    assert standin.announcement["body"] == {"port": standin.port}
    assert standin.ask("api").json == {"version": "0"}
    assert standin.ask("api").headers["x-jupyterhub-version"] == "6.1.1"
    nonce = "ab" * 16
    assert standin.ask(f"{PROOF_PATH}?nonce={nonce}").json == {"proof": make_proof(TOKEN, nonce, standin.port)}
    assert TOKEN not in standin.log.read_text()
    standin.process.terminate()
    assert standin.process.wait(timeout=5) == 0


def test_it_tries_again_and_gives_up_as_a_server_does(tmp_path: Path) -> None:
    with (
        run_hub((503, 403)) as hub,
        Start(make_base(tmp_path), make_ticket(tmp_path, hub.api_url), tmp_path) as start,
    ):
        assert start.process.wait(timeout=10) == 77
        assert hub.announcements.qsize() == 2
