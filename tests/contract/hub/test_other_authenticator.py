"""The authenticator is the site's to set: with JupyterHub's ``dummy`` everything behind the login works unchanged."""

from __future__ import annotations

import http.cookiejar
import re
import socket
import subprocess
import tomllib
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from tests.contract.spawn.rest import Hub, wait_for
from tests.embedded import COMMAND, RunningSite

from neuronhub.demo.installation import NODE, PROXY, PYTHON, SOURCE

pytestmark = pytest.mark.contract


def free_port() -> int:
    """A loopback port that nobody uses at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class OtherHub:
    """A second hub on the same Slurm, with another authenticator."""

    url: str
    hub: Hub


@pytest.fixture
def other(site: RunningSite) -> Iterator[OtherHub]:
    """Run a second hub and proxy inside the embedded site."""
    folder = site.state_dir / "hub" / "other"
    site.run_inside(["rm", "-rf", str(folder)])
    site.run_inside(["install", "-d", "-m", "700", "-o", "neuronhub", str(folder)])
    public, api, proxy_api = free_port(), free_port(), free_port()
    document = site.site_file.read_text()
    document = document[: document.index("[login]")] + document[document.index("[[queues]]") :]
    for pattern, value in (
        (r'name = "demo"', 'name = "other"'),
        (r'public_url = ".*"', f'public_url = "http://127.0.0.1:{public}/"'),
        (r'^api_url = ".*"', f'api_url = "http://127.0.0.1:{api}"'),
        (r'proxy_api_url = ".*"', f'proxy_api_url = "http://127.0.0.1:{proxy_api}"'),
        (r'state_dir = ".*"', f'state_dir = "{folder}"\nextra_config = ["{folder}/jupyterhub_config.py"]'),
    ):
        document, changed = re.subn(pattern, value, document, count=1, flags=re.MULTILINE)
        assert changed, pattern
    assert "login" not in tomllib.loads(document)
    (folder / "site.toml").write_text(document)
    (folder / "jupyterhub_config.py").write_text(
        "c = get_config()\nc.JupyterHub.authenticator_class = 'dummy'\nc.Authenticator.allow_all = True\n"
    )
    token_file = tomllib.loads(document)["hub"]["proxy_token_file"]
    inside = (*COMMAND, "--state", str(site.state_dir), "exec", "--")
    proxy = [NODE, PROXY, "--ip=127.0.0.1", f"--port={public}", "--api-ip=127.0.0.1", f"--api-port={proxy_api}"]
    up = f"PYTHONPATH={SOURCE} exec {PYTHON} -m neuronhub.cli up --site {folder}/site.toml"
    with (folder / "log").open("wb") as log:
        processes = [
            subprocess.Popen(
                (*inside, "sh", "-c", f'CONFIGPROXY_AUTH_TOKEN="$(cat {token_file})" exec "$@"', "sh", *proxy),
                stdout=log,
                stderr=log,
            ),
            subprocess.Popen((*inside, "su", "-s", "/bin/sh", "neuronhub", "-c", up), stdout=log, stderr=log),
        ]
    hub = Hub(site)
    hub.origin = f"http://127.0.0.1:{api}"
    try:
        hub.wait_until_up()
        yield OtherHub(f"http://127.0.0.1:{public}/", hub)
    finally:
        site.run_inside(["scancel", "--user=u30"])
        site.run_inside(["pkill", "-f", f"{folder}/site.toml"], check=False)
        site.run_inside(["pkill", "-f", "--", f"--api-port={proxy_api}"], check=False)
        for process in processes:
            process.wait(20)


def test_L1_Q1_Q4_with_another_authenticator(other: OtherHub) -> None:
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))
    page = browser.open(other.url + "hub/login", timeout=20).read().decode()
    assert 'name="otp"' not in page
    xsrf = re.search(r'name="_xsrf"\s+value="([^"]+)"', page)
    assert xsrf
    form = {"username": "u30", "password": "anything", "_xsrf": xsrf[1]}
    start = browser.open(other.url + "hub/login", urllib.parse.urlencode(form).encode(), timeout=20).read().decode()
    assert "cas_v100nv_4" in start
    xsrf = re.search(r'name="_xsrf"\s+value="([^"]+)"', start)
    assert xsrf
    form = {"queue": "jupyter", "time_limit": "10", "_xsrf": xsrf[1]}
    browser.open(other.url + "hub/spawn", urllib.parse.urlencode(form).encode(), timeout=60).close()
    wait_for("the server is ready", lambda: other.hub.is_ready("u30"), 60)
    assert "Jupyter" in browser.open(other.url + "user/u30/tree", timeout=30).read().decode()
    assert browser.open(other.url + "user/u30/api/contents", timeout=30).status == 200
    other.hub.ask("DELETE", "/hub/api/users/u30/server")
    wait_for("the server is gone", lambda: other.hub.is_gone("u30"))
