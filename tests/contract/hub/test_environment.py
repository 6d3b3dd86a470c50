"""The notebook environment through the hub: by real sudo, as its user, and nobody else's (rows P1, P4, E5)."""

from __future__ import annotations

import http.cookiejar
import json
import re
import ssl
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from tests.contract.spawn.rest import NOBODY, Answer, Hub, wait_for
from tests.contract.spawn.test_hostile_servers import token_of
from tests.embedded import RunningSite

pytestmark = pytest.mark.contract

PATH = "/hub/api/neuronhub/environment"
SUDOERS = "/etc/sudoers.d/neuronhub"
PROGRAM = ["/apps/jupyter/bases/current/bin/python", "-I", "-m", "neuronhub.cli"]
OPTIONS = ["--json", "--language", "en"]


class Person:
    """A user with a token for the hub."""

    def __init__(self, hub: Hub, user: str, *scopes: str) -> None:
        self.user = user
        self.envs = f"/scratch/{user}/.conda/envs"
        self._hub = hub
        hub.add_user(user)
        wanted = {"scopes": [scope.format(user=user) for scope in scopes]} if scopes else {}
        answer = hub.ask("POST", f"/hub/api/users/{user}/tokens", {"expires_in": 600, **wanted})
        assert answer.status == 201, answer.text
        self._token = answer.json["token"]

    def ask(self, method: str = "GET", body: Any = None, path: str = PATH) -> Answer:
        """One request with the user's token."""
        return self._hub.ask(method, path, body, token=self._token)

    def status(self) -> dict[str, Any]:
        """The environment's status."""
        answer = self.ask()
        assert answer.status == 200, answer.text
        status: dict[str, Any] = answer.json["status"]
        return status

    def act(self, action: str) -> dict[str, Any]:
        """Do ``action``; returns the errand when it has ended."""
        answer = self.ask("POST", {"action": action})
        assert answer.status == 202, answer.text
        assert answer.json["action"] == action
        return self.wait()

    def wait(self) -> dict[str, Any]:
        """The latest errand, once it has ended."""
        ended: dict[str, Any] = wait_for("the errand has ended", self._ended, 60)
        return ended

    def _ended(self) -> dict[str, Any] | None:
        errand: dict[str, Any] = self.ask().json["errand"]
        return errand if errand["finished"] else None

    def run(self, *argv: str) -> str:
        """Run a command as the user."""
        return self._hub.site.run_inside(argv, user=self.user).stdout


@pytest.fixture
def hub(site: RunningSite) -> Hub:
    """The embedded site's hub, up."""
    hub = Hub(site)
    hub.wait_until_up()
    return hub


@pytest.fixture
def person(hub: Hub) -> Iterator[Person]:
    """u40, who has no environment before the test."""
    person = Person(hub, "u40")
    hub.site.run_inside(["rm", "-rf", "/scratch/u40/.conda", "/home/u40/.local"])
    wait_for("the hub has forgotten what was before", lambda: person.status()["condition"] == "missing")
    yield person
    hub.site.run_inside(["rm", "-rf", "/scratch/u40/.conda", "/home/u40/.local"])


@contextmanager
def sudoers(site: RunningSite, text: str) -> Iterator[None]:
    """The site with another sudoers file for the hub."""
    before = site.run_inside(["cat", SUDOERS]).stdout
    write = ["sh", "-c", f"cat >{SUDOERS}.new && chmod 440 {SUDOERS}.new && mv {SUDOERS}.new {SUDOERS}"]
    site.run_inside(write, stdin=text)
    try:
        yield
    finally:
        site.run_inside(write, stdin=before)


def test_P1_P4_an_environment_is_made_shown_exported_and_reset(person: Person) -> None:
    status = person.status()
    assert (status["condition"], status["prefix"]) == ("missing", f"{person.envs}/notebook")
    errand = person.act("create")
    assert (errand["error"], errand["done"]) == (None, 1.0)
    assert person.status()["condition"] == "ready"
    assert person.run("stat", "--format=%U", person.envs).strip() == "u40"
    assert person.run(f"{person.envs}/notebook/bin/python", "-c", "print(6 * 7)").strip() == "42"
    exported = person.ask(path=f"{PATH}/export")
    assert (exported.status, "name: notebook" in exported.text) == (200, True)
    person.run("touch", f"{person.envs}/notebook/something")
    assert person.act("reset")["error"] is None
    assert person.run("find", person.envs, "-name", "something") == ""
    assert person.status()["condition"] == "ready"


def test_E5_a_broken_environment_is_shown_and_repaired(person: Person) -> None:
    person.act("create")
    person.run("rm", f"{person.envs}/notebook/pyvenv.cfg")
    wait_for("the damage is seen", lambda: person.status()["condition"] == "broken")
    assert {problem["remedy"] for problem in person.status()["problems"] if problem["serious"]} <= {"repair", "reset"}
    assert person.act("repair")["error"] is None
    assert person.status()["condition"] == "ready"


def test_packages_in_the_home_folder_do_not_get_in_the_way(person: Person) -> None:
    folder = "/home/u40/.local/lib/python3.11/site-packages"
    person.run("mkdir", "-p", folder)
    for name in ("click", "pydantic", "usercustomize", "json"):
        person.run("sh", "-c", f"echo 'raise SystemExit(9)' >{folder}/{name}.py")
    assert person.status()["condition"] == "missing"
    assert person.act("create")["error"] is None


def test_two_orders_at_once_are_one_errand(person: Person) -> None:
    with ThreadPoolExecutor(4) as pool:
        answers = [answer.status for answer in pool.map(lambda _: person.ask("POST", {"action": "create"}), range(4))]
    assert sorted(answers) == [202, 409, 409, 409]
    assert person.wait()["error"] is None
    assert person.run("ls", person.envs).split() == ["notebook"]


def test_what_is_no_order_is_refused(person: Person) -> None:
    bodies: list[object] = [{}, {"action": "import"}, {"action": "create", "user": "u41"}, ["create"], None]
    for body in bodies:
        assert person.ask("POST", body).status == 400, body
    assert person.ask().json["errand"] is None or person.ask().json["errand"]["finished"]


def test_the_environment_is_the_askers_own(hub: Hub, person: Person) -> None:
    other = Person(hub, "u41")
    for path in (f"{PATH}?user=u40", f"{PATH}?name=u40&user_name=u40"):
        assert other.ask(path=path).json["status"]["prefix"] == "/scratch/u41/.conda/envs/notebook"
    assert other.ask(path=f"{PATH}/u40").status == 404
    assert hub.ask("GET", PATH).status == 403, "a service has no environment"
    assert hub.ask("GET", PATH, token=NOBODY).status == 403
    assert hub.ask("POST", PATH, {"action": "reset"}, token=NOBODY).status == 403


def test_a_token_needs_the_right_scope(hub: Hub) -> None:
    reader = Person(hub, "u41", "read:servers!user={user}")
    assert reader.status()
    assert reader.ask("POST", {"action": "create"}).status == 403
    stranger = Person(hub, "u41", "read:users:name!user={user}")
    assert stranger.ask().status == 403
    assert stranger.ask(path=f"{PATH}/export").status == 403
    assert Person(hub, "u41", "servers!user={user}").ask("POST", {"action": "other"}).status == 400


def test_a_servers_own_token_opens_nothing_here_and_prepares_nothing_any_more(hub: Hub) -> None:
    hub.start_ready("u42")
    try:
        token = token_of(hub, "u42")
        assert hub.ask("GET", PATH, token=token).status == 403
        assert hub.ask("POST", PATH, {"action": "reset"}, token=token).status == 403
        bodies: list[object] = [{}, {"done": 2}, {"done": "1"}, {"done": True}, {"done": 0.5, "step": "x"}, [], None]
        for body in bodies:
            assert hub.ask("POST", "/hub/api/neuronhub/preparing", body, token=token).status == 400, body
        for present in (token, NOBODY, hub.site.admin_token):
            assert hub.ask("POST", "/hub/api/neuronhub/preparing", {"done": 0.5}, token=present).status == 403
    finally:
        hub.stop("u42")


def test_a_first_start_makes_the_environment(hub: Hub) -> None:
    hub.site.run_inside(["rm", "-rf", "/scratch/u43/.conda"])
    person = Person(hub, "u43")
    hub.start_ready("u43")
    try:
        assert person.status()["condition"] == "ready"
        assert "does not take word" not in hub.site.run_inside(["sh", "-c", "cat /scratch/u43/log/*.log"]).stdout, (
            "the hub hears how far it is"
        )
    finally:
        hub.stop("u43")


def test_a_hub_that_is_restarted_over_an_errand_leaves_the_environment_whole(hub: Hub, person: Person) -> None:
    person.act("create")
    assert person.ask("POST", {"action": "reset"}).status == 202
    hub.site.part("restart", "hub")
    hub.wait_until_up()
    assert person.status()["condition"] == "ready"
    assert person.ask().json["errand"] is None
    assert person.act("reset")["error"] is None
    assert person.run("ls", "-A", person.envs).split() == ["notebook"]


def test_without_the_right_of_sudo_the_user_and_the_operators_are_told(hub: Hub, person: Person) -> None:
    text = hub.site.run_inside(["cat", SUDOERS]).stdout
    with sudoers(hub.site, text[: text.index("# It shows and mends")]):
        wait_for("the status cannot be had", lambda: person.ask().status == 503)
        assert "Tell the operators" in person.ask().json["message"]
        assert person.ask("POST", {"action": "create"}).status == 202
        assert "sudo does not let" in hub.site.log("hub")
    wait_for("it works again", lambda: person.ask().status == 200)
    assert "Tell the operators" in person.wait()["error"]
    assert person.status()["condition"] == "missing"


@pytest.mark.parametrize(
    "words",
    [
        ["-u", "u40", *PROGRAM, "--site", "/etc/neuronhub/site.toml", "env", "import", "-", *OPTIONS],
        ["-u", "u40", *PROGRAM, "--site", "/etc/neuronhub/site.toml", "env", "export", "/tmp/x", *OPTIONS],
        ["-u", "u40", *PROGRAM, "--site", "/tmp/site.toml", "env", "status", *OPTIONS],
        ["-u", "u40", *PROGRAM, "--site", "/etc/neuronhub/site.toml", "env", "status", *OPTIONS, "--help"],
        ["-u", "u40", PROGRAM[0], "-c", "print(1)"],
        ["-u", "u40", "/apps/jupyter/bases/current/bin/python"],
        ["-u", "root", *PROGRAM, "--site", "/etc/neuronhub/site.toml", "env", "status", *OPTIONS],
        ["-u", "slurm", *PROGRAM, "--site", "/etc/neuronhub/site.toml", "env", "status", *OPTIONS],
        ["-u", "u40", "PYTHONPATH=/tmp", *PROGRAM, "--site", "/etc/neuronhub/site.toml", "env", "status", *OPTIONS],
    ],
    ids=["import", "export", "site", "more", "code", "python", "root", "slurm", "variable"],
)
def test_the_hub_may_run_nothing_else(site: RunningSite, words: list[str]) -> None:
    done = site.run_inside(["/usr/bin/sudo", "-n", *words], user="neuronhub", check=False)
    assert done.returncode != 0
    assert "sudo:" in done.stderr
    assert done.stdout == ""


class Browser:
    """A signed-in browser: cookies, and the form's token."""

    def __init__(self, site: RunningSite, user: str) -> None:
        tls = urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=site.ca_file))
        jar = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        self._browser = urllib.request.build_opener(tls, jar)
        self._url = site.url.rstrip("/")
        fields = {"username": user, "password": site.accounts[user].password, "otp": site.otp(user)}
        fields["_xsrf"] = self.token("/hub/login")
        self.open("/hub/login", urllib.parse.urlencode(fields).encode())

    def token(self, path: str) -> str:
        """The XSRF token that a page holds."""
        found = re.search(r'"?_?xsrf"?(?:"\s+value=|:\s*)"([^"]+)"', self.open(path).text)
        assert found is not None
        return found[1]

    def open(self, path: str, data: bytes | None = None, **headers: str) -> Answer:
        """A GET, or a POST of ``data``."""
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(self._url + path, data=data, headers=names)
        try:
            with self._browser.open(request, timeout=60) as response:
                return Answer(response.status, response.read().decode())
        except urllib.error.HTTPError as error:
            return Answer(error.code, error.read().decode(errors="replace"))


def test_the_page_is_for_people_who_are_signed_in_and_its_orders_need_its_token(site: RunningSite) -> None:
    browser = Browser(site, "u44")
    page = browser.open("/hub/environment", Accept_Language="ko")
    assert (page.status, "notebook 환경" in page.text) == (200, True)
    order = json.dumps({"action": "other"}).encode()
    plain = {"Content_Type": "application/json", "Sec_Fetch_Mode": "cors"}
    assert browser.open(PATH, order, **plain).status == 403
    token = browser.token("/hub/environment")
    assert browser.open(PATH, order, **plain, X_XSRFToken=token).status == 400
    assert browser.open(PATH, Sec_Fetch_Mode="cors").status == 403
    read = browser.open(PATH, Sec_Fetch_Mode="cors", X_XSRFToken=token)
    assert (read.status, json.loads(read.text)["status"]["prefix"]) == (200, "/scratch/u44/.conda/envs/notebook")
