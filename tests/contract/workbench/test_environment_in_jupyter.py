"""A user's environment as their own Jupyter server has it, on the embedded site: real accounts, jobs and disks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from tests.contract.spawn.rest import Answer, Hub, wait_for
from tests.embedded import RunningSite
from tests.unit.workbench.kernel_client import run_cell_at

from neuronhub.protocol import ENVIRONMENT_PATH

pytestmark = pytest.mark.contract

USER = "u05"
PREFIX = f"/scratch/{USER}/.conda/envs/notebook"


@dataclass
class Jupyter:
    """The user's server at the public address, asked with a token of the user's own."""

    hub: Hub
    token: str

    def ask(self, method: str, path: str, body: Any = None) -> Answer:
        return self.hub.ask(method, f"/user/{USER}/{path}", body, token=self.token, base=self.hub.site.url)

    def open_notebook(self, name: str) -> Answer:
        """What a page asks when a notebook is opened."""
        return self.ask(
            "POST", "api/sessions", {"path": name, "name": name, "type": "notebook", "kernel": {"name": "python3"}}
        )

    def run(self, kernel_id: str, code: str) -> str:
        url = f"{self.hub.site.url.replace('https://', 'wss://').rstrip('/')}/user/{USER}/"
        return run_cell_at(url, kernel_id, code, token=self.token, ca_file=self.hub.site.ca_file)

    def look(self) -> Any:
        answer = self.ask("GET", ENVIRONMENT_PATH)
        assert answer.status == 200, answer.text
        return answer.json

    def do(self, action: str) -> Any:
        """Order it and wait for its end; the errand."""
        assert self.ask("POST", ENVIRONMENT_PATH, {"action": action}).status == 202
        return wait_for(f"{action} ends", lambda: (e := self.look()["errand"])["finished"] and e)


@pytest.fixture(scope="module")
def jupyter(site: RunningSite) -> Iterator[Jupyter]:
    """A server whose start has made the environment."""
    hub = Hub(site)
    hub.wait_until_up()
    site.run_inside(["rm", "-rf", f"/scratch/{USER}/.conda"])
    hub.start_ready(USER)
    made = hub.ask(
        "POST", f"/hub/api/users/{USER}/tokens", {"expires_in": 900, "scopes": [f"access:servers!user={USER}"]}
    )
    assert made.status == 201, made.text
    yield Jupyter(hub, made.json["token"])
    hub.stop(USER)


def break_environment(site: RunningSite, *argv: str) -> None:
    site.run_inside(argv, user=USER)


def test_P1_a_first_start_has_made_a_sound_environment(jupyter: Jupyter, site: RunningSite) -> None:
    seen = jupyter.look()
    assert (seen["status"]["condition"], seen["status"]["prefix"]) == ("ready", PREFIX)
    assert seen["status"]["problems"] == []
    assert seen["errand"] is None
    assert site.run_inside(["stat", "-c", "%U", PREFIX]).stdout == f"{USER}\n"


def test_X6_a_notebook_runs_in_it(jupyter: Jupyter) -> None:
    session = jupyter.open_notebook("one.ipynb")
    assert session.status == 201, session.text
    code = "import os, sys; print(sys.prefix, os.environ['CONDA_DEFAULT_ENV'], os.getcwd())"
    assert jupyter.run(session.json["kernel"]["id"], code) == f"{PREFIX} notebook /scratch/{USER}/workspace\n"


def test_E4_what_pip_installs_is_there_in_a_running_notebook(jupyter: Jupyter, site: RunningSite) -> None:
    kernel = jupyter.open_notebook("two.ipynb").json["kernel"]["id"]
    wheel = "import zipfile; z = zipfile.ZipFile('/tmp/fresh-1-py3-none-any.whl', 'w'); i = 'fresh-1.dist-info/'; "
    wheel += "z.writestr('fresh.py', 'word = 1'); z.writestr(i + 'RECORD', ''); "
    wheel += "z.writestr(i + 'METADATA', 'Metadata-Version: 2.1\\nName: fresh\\nVersion: 1\\n'); "
    wheel += "z.writestr(i + 'WHEEL', 'Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n'); z.close()"
    site.run_inside([f"{PREFIX}/bin/python", "-c", wheel], user=USER)
    site.run_inside([f"{PREFIX}/bin/pip", "install", "-q", "--no-index", "/tmp/fresh-1-py3-none-any.whl"], user=USER)
    assert jupyter.run(kernel, "import fresh; print(fresh.__file__)").startswith(PREFIX)


def test_E5_it_is_repaired_and_reset_in_the_browser_while_jupyter_runs(jupyter: Jupyter, site: RunningSite) -> None:
    break_environment(site, "rm", f"{PREFIX}/bin/python")
    refused = jupyter.open_notebook("three.ipynb")
    assert refused.status == 500
    assert "press Repair" in refused.json["message"].replace("\n", " ")
    assert jupyter.look()["status"]["condition"] == "broken"
    assert jupyter.do("repair")["error"] is None
    assert jupyter.look()["status"]["condition"] == "ready"
    assert jupyter.open_notebook("three.ipynb").status == 201

    break_environment(site, "rm", "-rf", PREFIX)
    assert "press Create" in jupyter.open_notebook("four.ipynb").json["message"].replace("\n", " ")
    assert jupyter.do("create")["error"] is None
    assert jupyter.open_notebook("four.ipynb").status == 201

    break_environment(site, "touch", f"{PREFIX}/mine", f"/scratch/{USER}/workspace/mine")
    assert jupyter.do("reset")["error"] is None
    left = site.run_inside(["ls", PREFIX, f"/scratch/{USER}/workspace"]).stdout.split()
    assert left.count("mine") == 1, "the workspace keeps what is the user's"


def test_P4_the_export_names_the_environment(jupyter: Jupyter) -> None:
    answer = jupyter.ask("GET", f"{ENVIRONMENT_PATH}/export")
    assert answer.status == 200
    assert "name: notebook" in answer.text


@pytest.mark.parametrize(
    ("wanted", "seen"),
    [("html", "<h1 id="), ("slides", "reveal"), ("latex", r"\documentclass"), ("script", "load_iris")],
)
def test_N6_a_notebook_is_converted_on_a_read_only_root(jupyter: Jupyter, wanted: str, seen: str) -> None:
    answer = jupyter.ask("GET", f"nbconvert/{wanted}/iris_ex.ipynb")
    assert answer.status == 200, answer.text
    assert seen in answer.text


def test_N6_pdf_says_what_it_needs(jupyter: Jupyter) -> None:
    answer = jupyter.ask("GET", "nbconvert/pdf/iris_ex.ipynb")
    assert answer.status == 501
    assert "xelatex" in answer.text


def test_N6_r_runs_in_the_environment(jupyter: Jupyter, site: RunningSite) -> None:
    words = f"IRkernel::installspec(prefix = '{PREFIX}', displayname = 'R')"
    path = f"PATH={PREFIX}/bin:/usr/bin:/bin"
    site.run_inside(["env", path, "R", "--no-save", "--quiet", "-e", words], user=USER)
    kernels = jupyter.ask("GET", "api/kernelspecs").json["kernelspecs"]
    assert {name: entry["spec"]["display_name"] for name, entry in kernels.items()} == {
        "python3": "Python 3",
        "ir": "R (notebook)",
    }
    kernel = jupyter.ask("POST", "api/kernels", {"name": "ir"})
    assert kernel.status == 201, kernel.text
    assert jupyter.run(json.loads(kernel.text)["id"], "cat(sum(1:10))") == "55"
