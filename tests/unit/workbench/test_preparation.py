"""A start that finds no environment: made beside the start, told to the hub, and never in the start's way."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest
from tests.unit.workbench.hub_double import TOKEN, HubDouble, run_hub
from tests.unit.workbench.kernel_client import start_session
from tests.unit.workbench.start import Start, make_layout, make_ticket

from neuronhub.environments.layout import Layout
from neuronhub.environments.shell_files import BEGIN
from neuronhub.workbench import preparation
from neuronhub.workbench.preparation import HubAddress, prepare_environment

LAYOUT = Layout(Path("/scratch/alice/.conda"), Path("/apps/jupyter/bases"), "full", ("conda-forge",), {}, None)


@pytest.fixture
def maker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What runs in the place of the process that makes the environment."""
    program = tmp_path / "python"
    program.touch(mode=0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    return program


def do_instead(maker: Path, text: str) -> None:
    maker.write_text(f"#!/bin/sh\n{text}")


async def prepare(api_url: str, said: list[str]) -> str | None:
    return await prepare_environment(LAYOUT, HubAddress(api_url, TOKEN, "127.0.0.1"), said.append)


def step(text: str, done: float) -> str:
    return f"echo '{json.dumps({'step': text, 'done': done})}'\n"


async def test_steps_go_to_the_log_and_shares_to_the_hub(maker: Path, tmp_path: Path) -> None:
    work = step("Fetching.", 0.1) + step("Fetching.", 0.2) + step("Linking.", 0.9)
    do_instead(maker, f"cat >{tmp_path}/asked; {work} while ! [ -e {tmp_path}/heard ]; do sleep 0.02; done\n")
    said: list[str] = []

    with run_hub() as hub:
        making = asyncio.create_task(prepare(hub.api_url, said))
        heard = await asyncio.to_thread(hub.preparing.get, timeout=20)
        (tmp_path / "heard").touch()
        assert await making is None
    assert said == ["Fetching.", "Linking."]
    assert heard["authorization"] == f"token {TOKEN}"
    assert heard["body"]["done"] in (0.1, 0.2, 0.9)
    assert Layout.from_json(json.loads((tmp_path / "asked").read_text())) == LAYOUT


async def test_a_hub_that_is_away_is_said_once(maker: Path) -> None:
    do_instead(maker, f"{step('Linking.', 0.5)}sleep 0.2\n{step('Linking.', 0.6)}sleep 0.5\n")
    said: list[str] = []
    assert await prepare("http://127.0.0.1:9/hub/api", said) is None
    assert [line for line in said if line != "Linking."] == [
        "the hub does not take word of the environment (ConnectionRefusedError [Errno 111] "
        "Connect call failed ('127.0.0.1', 9))"
    ]


async def test_what_failed_is_returned_and_nothing_is_raised(maker: Path) -> None:
    do_instead(maker, 'echo \'{"error": "Your quota is used up."}\'\n')
    assert await prepare("http://127.0.0.1:9/hub/api", []) == "Your quota is used up."


async def test_a_maker_that_crashes_is_told(maker: Path) -> None:
    do_instead(maker, "echo 'Segmentation fault' >&2\nexit 139\n")
    said: list[str] = []
    trouble = await prepare("http://127.0.0.1:9/hub/api", said)
    assert trouble is not None
    assert "could not be made" in trouble
    assert said == ["Segmentation fault"]


async def test_a_start_does_not_wait_for_ever(maker: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preparation, "LIMIT_S", 0.2)
    do_instead(maker, "exec sleep 60\n")
    trouble = await prepare("http://127.0.0.1:9/hub/api", [])
    assert trouble is not None
    assert "could not be made in time" in trouble


def test_a_first_start_makes_it_and_says_how_far_it_is(base: Path, bases: Path, tmp_path: Path) -> None:
    with run_hub() as hub:
        ticket = make_ticket(tmp_path, hub.api_url, bases=bases)
        with Start(base, ticket, tmp_path) as start:
            hub.announcements.get(timeout=30)
            log = start.log.read_text()
        assert hub.preparing.get(timeout=5)["authorization"] == f"token {TOKEN}"
    assert (make_layout(tmp_path, bases).prefix / "bin" / "python").exists()
    assert "the environment is made" in log
    assert "Traceback" not in log
    assert TOKEN not in log
    home = tmp_path / "home"
    assert (home / ".bashrc").read_text().count(BEGIN) == 1
    assert (home / ".ipython" / "profile_slurm").is_dir()


def make_wreck(prefix: Path, kind: str) -> None:
    prefix.parent.mkdir(parents=True)
    if kind == "a file":
        prefix.write_text("not a folder")
    elif kind == "a link to itself":
        prefix.symlink_to(prefix.name)
    elif kind == "an empty folder":
        prefix.mkdir()
    else:
        packages = prefix / "lib" / "python3.11" / "site-packages"
        for module in ("sitecustomize", "usercustomize", "tornado", "jupyter_server", "json", "neuronhub"):
            (packages / module).mkdir(parents=True)
            (packages / module / "__init__.py").write_text("raise SystemExit('imported from the environment')")
        (packages / "x.pth").write_text("import os; os._exit(99)")
        (prefix / "bin").mkdir()
        for program in ("python", "node", "sh", "git", "env"):
            (prefix / "bin" / program).write_text("#!/bin/false")
        (prefix / "share" / "jupyter" / "kernels").mkdir(parents=True)
        (prefix / "share" / "jupyter" / "kernels" / "python3").write_text("a file")
        (prefix / "share" / "jupyter" / "labextensions").write_text("a file")


def describe(prefix: Path) -> object:
    """What lies there, but for when it was read."""
    if prefix.is_dir():
        return [path.name for path in sorted(prefix.rglob("*"))]
    status = os.lstat(prefix)
    return status.st_mode, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


@pytest.mark.parametrize("kind", ["a file", "a link to itself", "an empty folder", "one that poisons everything"])
def test_a_server_starts_whatever_the_environment_is(
    base: Path, bases: Path, hub: HubDouble, tmp_path: Path, kind: str
) -> None:
    prefix = make_layout(tmp_path, bases).prefix
    make_wreck(prefix, kind)
    before = describe(prefix)
    with Start(base, make_ticket(tmp_path, hub.api_url, bases=bases), tmp_path) as start:
        start.announcement = hub.announcements.get(timeout=30)
        assert [start.ask(page).status for page in ("tree", "lab", "api/kernelspecs")] == [200, 200, 200]
        refused = start_session(start)
        assert refused.status == 500
        assert "press Repair" in refused.json["message"].replace("\n", " ")
        assert "making it" not in start.log.read_text()
    assert describe(prefix) == before, "a start leaves what is there alone"


def test_a_site_may_leave_the_making_to_its_users(base: Path, bases: Path, hub: HubDouble, tmp_path: Path) -> None:
    ticket = make_ticket(tmp_path, hub.api_url, bases=bases, make_environment=False)
    with Start(base, ticket, tmp_path):
        hub.announcements.get(timeout=30)
    assert not (tmp_path / "scratch" / ".conda").exists()
