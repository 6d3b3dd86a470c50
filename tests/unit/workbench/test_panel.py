"""The environment's REST bodies in the user's own server, with a stand-in for the command that does the work."""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.unit.environments.scripted import STATUS, script, tell
from tests.unit.workbench.hub_double import TOKEN, HubDouble
from tests.unit.workbench.start import Reply, Start, make_layout, make_ticket

from neuronhub.environments.types import Status
from neuronhub.protocol import ENVIRONMENT_PATH

ANSWER = tell(status=STATUS.to_json())


@pytest.fixture(scope="module")
def scripted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bases")
    (folder / "current" / "bin").mkdir(parents=True)
    return folder


@pytest.fixture(scope="module")
def panel(base: Path, scripted: Path, hub: HubDouble, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """A server of a user who has no environment, in a site that makes none at a start."""
    folder = tmp_path_factory.mktemp("panel")
    ticket = make_ticket(folder, hub.api_url, bases=scripted, make_environment=False, NEURONHUB_LANGUAGE="ko")
    with Start(base, ticket, folder) as started:
        started.announcement = hub.announcements.get(timeout=30)
        yield started


def answer_with(scripted: Path, text: str) -> None:
    """Have ``python -I -m neuronhub.cli env ...`` of the active base run ``text``."""
    program = script(scripted, text).argv[0]
    Path(program).rename(scripted / "current" / "bin" / "python")


def order(server: Start, action: Any) -> Reply:
    return server.ask(ENVIRONMENT_PATH, method="POST", data={"action": action})


def wait_for_errand(server: Start) -> Any:
    deadline = time.monotonic() + 20
    while not (errand := server.ask(ENVIRONMENT_PATH).json["errand"])["finished"]:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return errand


def wait_for_status(server: Start, status: int) -> Reply:
    """The panel's answer once it has ``status``: what was known before holds for some seconds."""
    deadline = time.monotonic() + 20
    while (reply := server.ask(ENVIRONMENT_PATH)).status != status:
        assert time.monotonic() < deadline, reply
        time.sleep(0.02)
    return reply


def test_nobody_else_sees_or_changes_it(panel: Start) -> None:
    for path in (ENVIRONMENT_PATH, f"{ENVIRONMENT_PATH}/export"):
        assert panel.ask(path, token="").status == 403
        assert panel.ask(path, token="somebody-elses").status == 403
    assert panel.ask(ENVIRONMENT_PATH, method="POST", data={"action": "reset"}, token="").status == 403


def test_a_page_without_the_xsrf_token_changes_nothing(panel: Start, scripted: Path, tmp_path: Path) -> None:
    answer_with(scripted, f"touch {tmp_path}/ran; {ANSWER}")
    request = urllib.request.Request(
        f"http://127.0.0.1:{panel.port}/user/alice/{ENVIRONMENT_PATH}",
        data=b'{"action": "reset"}',
        headers={"Cookie": "jupyterhub-user-alice=forged", "Content-Type": "text/plain"},
    )
    with pytest.raises(urllib.error.HTTPError) as refusal:
        urllib.request.urlopen(request, timeout=10)
    assert refusal.value.code == 403
    refusal.value.close()
    assert not (tmp_path / "ran").exists()


def test_what_is_done_to_it_is_done_by_the_active_base(panel: Start, scripted: Path, tmp_path: Path) -> None:
    step = tell(progress={"step": "Mending.", "done": 0.5})
    answer_with(scripted, f'echo "$@" >>{tmp_path}/words; case " $* " in *" repair "*) {step};; esac; {ANSWER}')
    begun = order(panel, "repair")
    assert begun.status == 202
    assert begun.json["action"] == "repair"
    assert wait_for_errand(panel) == {
        "action": "repair",
        "step": "Mending.",
        "done": 0.5,
        "finished": True,
        "error": None,
    }
    assert Status.from_json(panel.ask(ENVIRONMENT_PATH).json["status"]) == STATUS
    words = (tmp_path / "words").read_text().splitlines()
    assert words[0] == "-I -m neuronhub.cli env repair --json --language ko", "the language of the server's start"


def test_a_page_may_have_its_own_language(panel: Start, scripted: Path, tmp_path: Path) -> None:
    answer_with(scripted, f'echo "$@" >>{tmp_path}/words; {ANSWER}')
    for language in ("en", "xx"):
        assert panel.ask(f"{ENVIRONMENT_PATH}?language={language}").status == 200
    assert "--language en" in (tmp_path / "words").read_text()


def test_one_thing_at_a_time(panel: Start, scripted: Path, tmp_path: Path) -> None:
    answer_with(scripted, f"while ! [ -e {tmp_path}/go ]; do sleep 0.02; done; {ANSWER}")
    assert order(panel, "create").status == 202
    refused = order(panel, "reset")
    assert refused.status == 409
    assert refused.json["message"]
    (tmp_path / "go").touch()
    assert wait_for_errand(panel)["action"] == "create"


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"action": "delete"}', b'{"action": ["reset"]}', b"[" * 100_000])
def test_what_is_no_order_is_refused(panel: Start, body: bytes) -> None:
    assert send(panel, body) == 400


def test_a_failure_is_told_in_its_own_words(panel: Start, scripted: Path) -> None:
    answer_with(scripted, tell(error={"text": "Your quota is used up: 100% of it."}) + "exit 1\n")
    assert order(panel, "create").status == 202
    refused = wait_for_status(panel, 503)
    assert refused.json == {"message": "Your quota is used up: 100% of it."}
    answer_with(scripted, ANSWER)
    told = wait_for_status(panel, 200)
    assert told.json["errand"]["error"] == "Your quota is used up: 100% of it."


def test_the_export_is_a_file_to_keep(panel: Start, scripted: Path) -> None:
    answer_with(scripted, "printf 'name: notebook\\n'")
    reply = panel.ask(f"{ENVIRONMENT_PATH}/export")
    assert reply.status == 200
    assert reply.body == b"name: notebook\n"
    assert reply.headers["content-disposition"] == 'attachment; filename="environment.yml"'
    assert reply.headers["x-content-type-options"] == "nosniff"


def test_a_start_that_could_not_make_it_is_remembered(
    base: Path, scripted: Path, hub: HubDouble, tmp_path: Path
) -> None:
    answer_with(scripted, ANSWER)
    ticket = make_ticket(tmp_path, hub.api_url, bases=scripted)
    with Start(base, ticket, tmp_path) as start:
        start.announcement = hub.announcements.get(timeout=30)
        errand = start.ask(ENVIRONMENT_PATH).json["errand"]
        assert (errand["action"], errand["finished"]) == ("create", True)
        assert "no base environment" in errand["error"]
        assert errand["error"] in start.log.read_text()
        said = start.ask("api/sessions", method="POST", data=SESSION).json["message"]
        assert errand["error"] in said.replace("\n", " ")
        assert not make_layout(tmp_path, scripted).prefix.exists()


SESSION = {"path": "a.ipynb", "name": "a.ipynb", "type": "notebook", "kernel": {"name": "python3"}}


def send(server: Start, body: bytes) -> int:
    request = urllib.request.Request(
        f"http://127.0.0.1:{server.port}/user/alice/{ENVIRONMENT_PATH}",
        data=body,
        headers={"Authorization": f"token {TOKEN}"},
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as reply:
            return int(reply.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code
