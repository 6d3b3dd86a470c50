"""A real server in the real base, started as a job starts it, with a double of the hub."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from pathlib import Path

import pytest
from tests.unit.workbench.hub_double import TOKEN, HubDouble, run_hub
from tests.unit.workbench.start import Start, make_ticket

from neuronhub.protocol import EXIT_HUB_REFUSED, PROOF_PATH, make_proof

NONCE = "00112233445566778899aabbccddeeff"


def wait_until(path: Path, text: str) -> None:
    """Wait until ``text`` stands in the file at ``path``."""
    deadline = time.monotonic() + 30
    while text not in path.read_text():
        assert time.monotonic() < deadline, path.read_text()
        time.sleep(0.02)


def test_it_announces_its_port_and_nothing_else(server: Start) -> None:
    assert server.announcement == {
        "body": {"port": server.port},
        "authorization": f"token {TOKEN}",
        "from": "127.0.0.1",
        "status": 200,
    }


def test_the_hubs_poll_is_answered_as_jupyterhub_expects_it(server: Start) -> None:
    reply = server.ask("api", token="")
    assert reply.status == 200
    assert reply.headers["x-jupyterhub-version"] == "6.1.1"


def test_it_listens_on_its_one_address_only(server: Start) -> None:
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.9", server.port), timeout=5)


@pytest.mark.parametrize("nonce", [NONCE, NONCE.upper(), "a" * 16, "b" * 128])
def test_it_proves_that_it_holds_the_token_of_its_start(server: Start, nonce: str) -> None:
    reply = server.ask(f"{PROOF_PATH}?nonce={nonce}", token="")
    assert reply.status == 200
    assert reply.json == {"proof": make_proof(TOKEN, nonce, server.port)}


@pytest.mark.parametrize("query", ["", "?nonce=", "?nonce=abc", "?nonce=" + "a" * 129, "?nonce=" + "x" * 32])
def test_it_proves_nothing_for_what_is_no_nonce(server: Start, query: str) -> None:
    reply = server.ask(PROOF_PATH + query, token="")
    assert reply.status == 400
    assert b"proof" not in reply.body.replace(b"neuronhub/proof", b"")


def test_nobody_else_gets_in(server: Start) -> None:
    assert server.ask("api/contents", token="").status == 403
    assert server.ask("api/contents", token="somebody-elses").status == 403
    assert server.ask("api/contents").status == 200


def test_the_root_is_the_workspace_with_the_examples(server: Start) -> None:
    names = [entry["name"] for entry in server.ask("api/contents").json["content"]]
    assert "iris_ex.ipynb" in names


def test_both_notebook_and_lab_are_there(server: Start) -> None:
    tree, lab = server.ask("tree"), server.ask("lab")
    assert (tree.status, lab.status) == (200, 200)
    for page in (tree, lab):
        assert b'"hubPrefix": "/hub/"' in page.body, "without it there is no File -> Hub Control Panel"
        assert b'"quitButton": false' in page.body
        assert b"apputils-extension:announcements" in page.body


def test_control_panel_and_logout_are_buttons_on_every_page(server: Start) -> None:
    schema = server.ask("lab/api/settings/@jupyterlab/application-extension:top-bar").json["schema"]
    assert [item["command"] for item in schema["properties"]["toolbar"]["default"]] == [
        "hub:control-panel",
        "hub:logout",
    ]


def test_a_notebook_is_converted(server: Start) -> None:
    reply = server.ask("nbconvert/html/iris_ex.ipynb")
    assert reply.status == 200
    assert b"A first look at the iris data" in reply.body


def test_the_job_tells_the_server_what_it_is_and_nothing_else_leaks(server: Start) -> None:
    environment = Path(f"/proc/{server.process.pid}/cmdline").read_text()
    assert TOKEN not in environment
    server.ask("api/terminals", method="POST", data={})
    shells = subprocess.run(
        ["pgrep", "-P", str(server.process.pid), "bash"], capture_output=True, text=True, check=True
    )
    seen = Path(f"/proc/{shells.stdout.split()[0]}/environ").read_text()
    assert "SLURM_JOB_ID=42" in seen
    assert "LEAKED" not in seen


def test_the_log_tells_each_step_and_no_secret(server: Start) -> None:
    log = server.log.read_text()
    for step in ("job 42 on node localhost", "workspace", "listening on 127.0.0.1:", "answers", "announced"):
        assert step in log
    assert TOKEN not in log
    assert "Traceback" not in log


def test_what_only_the_hub_needs_is_not_loaded(base: Path) -> None:
    program = """
import json, sys
import neuronhub.workbench.server
from jupyterhub import httpclient, utils, log
from jupyterhub.singleuser import extension
import jupyterlab.extensions, requests, sqlalchemy
print(json.dumps({
    "real client afterwards": httpclient.__file__.endswith("httpclient.py") and httpclient.fetch is not extension.fetch,
    "late names load": utils.aiohttp.ClientSession.__name__,
    "real requests afterwards": requests.__version__ > "2",
    "real sqlalchemy afterwards": sqlalchemy.create_engine.__name__,
}))
"""
    before = "import sys, neuronhub.workbench.server; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    python = base / "bin" / "python"
    loaded = subprocess.run([python, "-I", "-c", before], capture_output=True, text=True, check=True).stdout.split()
    assert "jupyterhub" in loaded
    assert not {"sqlalchemy", "alembic", "aiohttp", "requests", "httpx"} & set(loaded)
    told = subprocess.run([python, "-I", "-c", program], capture_output=True, text=True, check=True).stdout
    assert json.loads(told) == {
        "real client afterwards": True,
        "late names load": "ClientSession",
        "real requests afterwards": True,
        "real sqlalchemy afterwards": "create_engine",
    }


def test_it_ends_quickly_with_a_busy_kernel(base: Path, hub: HubDouble, tmp_path: Path) -> None:
    with Start(base, make_ticket(tmp_path, hub.api_url), tmp_path) as start:
        start.announcement = hub.announcements.get(timeout=30)
        kernel = start.ask("api/kernels", method="POST", data={"name": "python3"})
        assert kernel.status == 201
        kernels = subprocess.run(
            ["pgrep", "-P", str(start.process.pid)], capture_output=True, text=True, check=True
        ).stdout.split()
        subprocess.run(["kill", "-STOP", *kernels], check=True)
        began = time.monotonic()
        start.process.terminate()
        assert start.process.wait(timeout=10) == 0
        assert time.monotonic() - began < 3
        assert not any(Path(f"/proc/{pid}").exists() for pid in kernels)


def test_a_refused_start_ends_and_says_why(base: Path, tmp_path: Path) -> None:
    with run_hub((403,)) as hub, Start(base, make_ticket(tmp_path, hub.api_url), tmp_path) as start:
        assert start.process.wait(timeout=30) == EXIT_HUB_REFUSED
        log = start.log.read_text()
        assert "The hub refused this server with HTTP 403" in log
        assert TOKEN not in log


def test_a_hub_that_is_away_kills_nobody(base: Path, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with Start(base, make_ticket(tmp_path, f"http://127.0.0.1:{port}/hub/api"), tmp_path) as start:
        wait_until(start.log, "cannot be told yet")
        with run_hub(port=port) as hub:
            start.announcement = hub.announcements.get(timeout=30)
            assert start.ask("api").status == 200
        assert start.process.poll() is None


def test_a_port_in_the_users_own_configuration_changes_nothing(base: Path, hub: HubDouble, tmp_path: Path) -> None:
    ticket = make_ticket(tmp_path, hub.api_url)
    settings = tmp_path / "home" / ".jupyter" / "jupyter_server_config.json"
    settings.parent.mkdir()
    settings.write_text(json.dumps({"ServerApp": {"port": 1, "ip": "0.0.0.0", "base_url": "/mine/", "certfile": "/x"}}))
    with Start(base, ticket, tmp_path) as start:
        start.announcement = hub.announcements.get(timeout=30)
        assert start.ask("api").status == 200
        proof = start.ask(f"{PROOF_PATH}?nonce={NONCE}", token="").json
        assert proof == {"proof": make_proof(TOKEN, NONCE, start.port)}
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.9", start.port), timeout=5)


def test_node_is_not_run_at_a_start(base: Path, hub: HubDouble, tmp_path: Path) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "node").write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    (tools / "node").chmod(0o755)
    ticket = make_ticket(tmp_path, hub.api_url, PATH=f"{tools}:/usr/bin:/bin")
    with Start(base, ticket, tmp_path) as start:
        start.announcement = hub.announcements.get(timeout=30)
        start.ask("lab")
    assert not (tmp_path / "ran").exists()


def test_lab_speaks_the_readers_language_unless_told_otherwise(base: Path, hub: HubDouble, tmp_path: Path) -> None:
    plugin = "lab/api/settings/@jupyterlab/translation-extension:plugin"
    with Start(base, make_ticket(tmp_path, hub.api_url, NEURONHUB_LANGUAGE="ko"), tmp_path) as start:
        start.announcement = hub.announcements.get(timeout=30)
        assert start.ask(plugin).json["schema"]["properties"]["locale"]["default"] == "ko_KR"
        own = start.ask(plugin, method="PUT", data={"raw": '{"locale": "en"}'})
        assert own.status == 204
        assert start.ask(plugin).json["settings"] == {"locale": "en"}
