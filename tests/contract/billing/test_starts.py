"""Budgets at the moment of a start, on real Slurm: who pays, what is refused, what is held back, whatever fails."""

from __future__ import annotations

import contextlib
import re
import secrets
import shutil
import sqlite3
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from tests.contract.spawn.conftest import hub
from tests.contract.spawn.rest import Answer, Hub, wait_for
from tests.contract.spawn.test_hostile_servers import token_of

from neuronhub.billing.ledger import Ledger
from neuronhub.billing.types import Balance, Start
from neuronhub.demo.identity import SERVICE_IDS
from neuronhub.demo.installation import PYTHON, SOURCE
from neuronhub.demo.shape import HUB_USER

__all__ = ["hub"]
pytestmark = pytest.mark.contract

QUEUE, PRICE = "cas_v100_2", 3000
GPU_QUEUE, GPU_PRICE = "amd_a100nv_8", 8 * 2000
PAGE_S = 2.5
"""A page comes within this time, whatever is silent."""
STUCK_S = 20.0


@dataclass
class Budget:
    """A Slurm account of the test's own, and the ledger as the operator sees it."""

    hub: Hub
    ledger: Ledger
    account: str

    def add(self, *users: str, partition: str = "") -> None:
        """Make ``users`` members, before anything is granted: the hub knows it when it looks at the money."""
        where = [f"partition={partition}"] if partition else []
        for user in users:
            self.hub.site.run_inside(["sacctmgr", "-i", "add", "user", user, f"account={self.account}", *where])
            self.hub.add_user(user)
            wait_for("the hub knows of it", partial(self.is_too_poor, user))

    def is_too_poor(self, user: str) -> bool:
        return "left for new starts" in message(self.start(user))

    def grant(self, amount: int) -> None:
        self.ledger.grant(self.account, amount, by="operator", note="for a test", at=datetime.now(UTC))

    @property
    def balance(self) -> Balance:
        return self.ledger.balances([self.account])[self.account]

    def starts(self) -> list[Start]:
        """Not settled, of this account."""
        return [start for start in self.ledger.fetch_open() if start.account == self.account]

    def start(self, user: str, queue: str = QUEUE, minutes: int = 60, **fields: Any) -> Answer:
        body = {"queue": queue, "time_limit": minutes, "account": self.account, **fields}
        return self.hub.ask("POST", f"/hub/api/users/{user}/server", body)


def read_ledger(hub: Hub) -> Ledger:
    return Ledger(f"sqlite:///{hub.site.state_dir}/hub/billing.sqlite", "KRW")


@pytest.fixture
def budget(hub: Hub) -> Iterator[Budget]:
    ledger = read_ledger(hub)
    account = f"t-{secrets.token_hex(4)}"
    hub.site.run_inside(["sacctmgr", "-i", "add", "account", account, "description=test", "organization=demo"])
    yield Budget(hub, ledger, account)
    ledger.close()


@contextlib.contextmanager
def locked(hub: Hub) -> Iterator[None]:
    """The ledger's file is in somebody else's hands for a while."""
    connection = sqlite3.connect(hub.site.state_dir / "hub" / "billing.sqlite", isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        connection.execute("ROLLBACK")
        connection.close()


def account_of(hub: Hub, job: int) -> str:
    return hub.site.run_inside(["squeue", "--noheader", f"--jobs={job}", "--format=%a"]).stdout.strip()


def message(answer: Answer) -> str:
    return str(answer.json["message"])


def table(hub: Hub, user: str) -> dict[str, Any]:
    """The resource table, as a page of ``user`` asks for it."""
    hub.add_user(user)
    token = hub.ask("POST", f"/hub/api/users/{user}/tokens", {"expires_in": 300}).json["token"]
    found: dict[str, Any] = hub.ask("GET", "/hub/api/cluster", token=token).json
    return found


def test_the_most_that_a_start_can_cost_is_held_back_and_the_job_is_the_accounts(hub: Hub, budget: Budget) -> None:
    budget.add("u21")
    budget.grant(PRICE)
    assert budget.start("u21", minutes=30).status in (201, 202)
    wait_for("the server is ready", lambda: hub.is_ready("u21"), 60)
    (job,) = hub.jobs("u21")
    assert account_of(hub, job) == budget.account
    (start,) = budget.starts()
    assert (start.user, start.queue, start.job_id, start.most_minor) == ("u21", QUEUE, job, PRICE // 2)
    assert start.rate.amount == PRICE
    assert start.ready_at is not None
    assert budget.balance.available_minor == PRICE - PRICE // 2
    billing = table(hub, "u21")["billing"]
    assert (billing["policy"], billing["currency"], billing["problem"]) == ("refuse", "KRW", None)
    mine = {account["name"]: account for account in billing["accounts"]}[budget.account]
    assert (mine["left"], mine["available"], mine["queues"]) == ("3000", "1500", None)

    hub.stop("u21")
    wait_for("it is charged and nothing is held back", lambda: not budget.starts(), 120)
    assert budget.balance.held_minor == 0
    assert 0 < budget.balance.charged_minor < PRICE // 2


def test_without_a_choice_the_default_account_pays_with_its_discount(hub: Hub) -> None:
    job = hub.start_ready("u22", QUEUE)  # of lab-b, which pays 10 per cent less
    assert account_of(hub, job) == "lab-b"
    ledger = read_ledger(hub)
    (start,) = [start for start in ledger.fetch_open() if start.user == "u22"]
    assert (start.account, start.most_minor) == ("lab-b", PRICE * 9 // 20)
    ledger.close()


def test_whose_account_it_is_not_is_refused_before_anything_is_made(hub: Hub, budget: Budget) -> None:
    budget.add("u24")
    budget.grant(100 * PRICE)
    hub.add_user("u23")
    for account, words in ((budget.account, "not a member"), ("no-such-account", "not a member"), ("-x", "no such")):
        answer = budget.start("u23", account=account)
        assert answer.status == 400
        assert words in message(answer)
    assert hub.model("u23") == {} or not hub.model("u23")["pending"]
    assert budget.balance.held_minor == 0
    assert not hub.jobs("u23", "all")


def test_an_account_may_be_for_one_queue_only(hub: Hub, budget: Budget) -> None:
    budget.add("u25", partition=QUEUE)
    budget.grant(100 * PRICE)
    assert "cannot be charged for the queue" in message(budget.start("u25", GPU_QUEUE))
    billing = {account["name"]: account for account in table(hub, "u25")["billing"]["accounts"]}
    assert billing[budget.account]["queues"] == [QUEUE]
    assert budget.start("u25").status in (201, 202)
    wait_for("the server is ready", lambda: hub.is_ready("u25"), 60)


def test_more_than_there_is_is_refused_with_the_sum_and_what_to_do(hub: Hub, budget: Budget) -> None:
    budget.add("u21")
    budget.grant(2 * GPU_PRICE - 1)
    answer = budget.start("u21", GPU_QUEUE, minutes=120)
    assert answer.status == 400
    assert "₩32,000" in message(answer)
    assert "₩31,999" in message(answer)
    assert "shorter time" in message(answer)
    assert budget.balance.held_minor == 0
    assert budget.start("u21", GPU_QUEUE, minutes=119).status in (201, 202)
    assert budget.balance.held_minor == -(-GPU_PRICE * 119 // 60)


def test_a_free_queue_needs_no_budget_and_is_noted(hub: Hub) -> None:
    job = hub.start_ready("u26")
    ledger = read_ledger(hub)
    (start,) = [start for start in ledger.fetch_open() if start.user == "u26"]
    assert (start.job_id, start.most_minor, start.account) == (job, 0, "")
    ledger.close()


def test_of_two_at_once_on_one_budget_exactly_one_gets_in(hub: Hub, budget: Budget) -> None:
    users = ("u27", "u28")
    budget.add(*users)
    budget.grant(PRICE + PRICE // 2)
    with ThreadPoolExecutor(2) as pool:
        statuses = sorted(answer.status for answer in pool.map(budget.start, users))
    assert statuses[0] in (201, 202)
    assert statuses[1] == 400
    assert budget.balance.available_minor == PRICE // 2
    assert sum(bool(hub.jobs(user)) for user in users) == 1


def test_the_same_click_twice_is_held_back_once(hub: Hub, budget: Budget) -> None:
    budget.add("u29")
    budget.grant(10 * PRICE)
    with ThreadPoolExecutor(4) as pool:
        statuses = {answer.status for answer in pool.map(budget.start, ["u29"] * 4)}
    assert statuses <= {201, 202, 400}
    wait_for("the server is ready", lambda: hub.is_ready("u29"), 60)
    assert len(hub.jobs("u29", "all")) == 1
    assert budget.balance.held_minor == PRICE


def test_what_slurm_refuses_holds_nothing_back(hub: Hub, budget: Budget) -> None:
    budget.add("u30")
    budget.grant(PRICE)
    change = ["sacctmgr", "-i", "modify", "user", "u30", "set"]
    hub.site.run_inside([*change, "maxsubmitjobs=0"])
    try:
        wait_for("Slurm refuses", lambda: budget.start("u30").status == 400)
        assert budget.balance.held_minor == 0
    finally:
        hub.site.run_inside([*change, "maxsubmitjobs=-1"])
    wait_for("Slurm takes it", lambda: budget.start("u30").status in (201, 202))
    assert budget.balance.held_minor == PRICE


def test_the_costs_are_told_to_the_server_itself(hub: Hub, budget: Budget) -> None:
    budget.add("u31")
    budget.grant(10 * PRICE)
    assert budget.start("u31").status in (201, 202)
    wait_for("the server is ready", lambda: hub.is_ready("u31"), 60)
    token = token_of(hub, "u31")

    def cost() -> dict[str, Any]:
        found: dict[str, Any] = hub.ask("GET", "/hub/api/neuronhub/job", token=token).json["cost"]
        return found

    wait_for("something was counted", lambda: int(cost()["so_far"]) >= 1, 60)
    told = cost()
    assert (told["account"], told["per_hour"], told["most"]) == (budget.account, str(PRICE), str(PRICE))
    assert told["engines"] == "0"
    assert told["free"] is False
    other = hub.start_ready("u32")
    assert other
    free = hub.ask("GET", "/hub/api/neuronhub/job", token=token_of(hub, "u32")).json["cost"]
    assert (free["free"], free["so_far"]) == (True, "0")


def test_engines_are_paid_by_the_servers_account_all_or_none(hub: Hub, budget: Budget) -> None:
    budget.add("u33")
    budget.grant(PRICE + 2 * PRICE // 2)
    assert budget.start("u33").status in (201, 202)
    wait_for("the server is ready", lambda: hub.is_ready("u33"), 60)
    token = token_of(hub, "u33")
    order = {
        "cluster": "c1ac1ac1",
        "queue": QUEUE,
        "time_limit": "31",
        "nodes": 1,
        "engines": 1,
        "python": "/usr/bin/python3",
        "folder": "/scratch/u33",
    }
    ask = "/hub/api/neuronhub/engines"
    two = hub.ask("POST", ask, order | {"queue": "cas_v100nv_4", "nodes": 2, "engines": 2}, token=token)
    assert two.status == 400
    assert "can cost up to ₩6,200" in message(two)
    assert budget.balance.held_minor == PRICE
    assert hub.ask("POST", ask, order | {"account": "lab-b"}, token=token).status == 400
    one = hub.ask("POST", ask, order, token=token)
    assert one.status == 201, one.text
    (job,) = one.json["jobs"]
    assert account_of(hub, job["job_id"]) == budget.account
    assert budget.balance.held_minor == PRICE + 1550
    assert {start.server for start in budget.starts()} == {budget.starts()[0].job_name}
    assert hub.ask("DELETE", f"{ask}/c1ac1ac1", token=token).status == 204


class Browser:
    """A browser that is signed in, with JavaScript turned off."""

    def __init__(self, hub: Hub, user: str) -> None:
        self._origin = hub.site.url.rstrip("/")
        self._cookies = CookieJar()
        tls = urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=hub.site.ca_file))
        self._opener = urllib.request.build_opener(tls, urllib.request.HTTPCookieProcessor(self._cookies))
        self.open("/hub/login")
        person = hub.site.accounts[user]
        answer = self.post("/hub/login", username=user, otp=hub.site.otp(user), password=person.password)
        assert answer.status == 200, answer.text

    def open(self, path: str, data: bytes | None = None) -> Answer:
        try:
            with self._opener.open(f"{self._origin}{path}", data, timeout=30) as response:
                return Answer(response.status, response.read().decode())
        except urllib.error.HTTPError as error:
            return Answer(error.code, error.read().decode())

    def post(self, path: str, **fields: str) -> Answer:
        xsrf = {cookie.path: cookie.value or "" for cookie in self._cookies if cookie.name == "_xsrf"}
        return self.open(path, urlencode({"_xsrf": xsrf["/hub/"], **fields}).encode())


def test_a_form_that_is_refused_says_why_and_comes_back_as_it_was_filled_in(hub: Hub) -> None:
    browser = Browser(hub, "bob")
    shown = browser.post("/hub/spawn", queue=GPU_QUEUE, time_limit="1-23:45:00", account="lab-c")
    assert shown.status == 400
    assert "₩764,000" in shown.text
    assert 'value="1-23:45:00"' in shown.text
    assert re.search(rf"<option[^>]*selected[^>]*>\s*{GPU_QUEUE}|value=.{GPU_QUEUE}.[^>]*selected", shown.text)
    assert re.search(r"<option selected>lab-c<", shown.text)
    assert hub.is_gone("bob")


# Silence


def test_a_hung_slurmdbd_delays_no_page_and_no_start(hub: Hub, budget: Budget) -> None:
    budget.add("u34")
    budget.grant(10 * PRICE)
    known = table(hub, "u34")["billing"]
    with hub.site.without("slurmdbd", "pause"):
        begun = time.monotonic()
        assert table(hub, "u34")["billing"] == known
        assert time.monotonic() - begun < PAGE_S
        assert budget.start("u34").status in (201, 202)
        wait_for("the server is ready", lambda: hub.is_ready("u34"), 60)


def test_a_hub_that_never_heard_of_accounts_starts_free_queues_only(hub: Hub) -> None:
    with hub.site.without("slurmdbd"):
        hub.site.part("restart", "hub")
        hub.wait_until_up()
        billing = table(hub, "u35")["billing"]
        assert billing["accounts"] == []
        assert "accounting does not answer" in billing["problem"]
        answer = hub.start("u35", QUEUE)
        assert answer.status == 503
        assert "Free queues can be used" in message(answer)
        assert hub.start_ready("u35", within_s=90)
    hub.stop("u35")
    wait_for("accounts are known again", lambda: table(hub, "u35")["billing"]["problem"] is None)
    assert hub.start_ready("u35", QUEUE)


def test_a_ledger_that_is_locked_starts_free_queues_and_learns_of_them_later(hub: Hub, budget: Budget) -> None:
    budget.add("u36", "u37")
    budget.grant(10 * PRICE)
    with locked(hub):
        begun = time.monotonic()
        table(hub, "u36")
        assert time.monotonic() - begun < PAGE_S
        free = hub.start_ready("u36", within_s=30)
        answer = budget.start("u37")
        assert answer.status in (503, 202), answer.text
        wait_for("it is refused", lambda: hub.is_gone("u37"), STUCK_S)
        assert not hub.jobs("u37", "all")

    def noted() -> bool:
        return any(start.job_id == free and start.ready_at for start in budget.ledger.fetch_open())

    wait_for("the free start is noted", noted, 60)
    wait_for("nothing is held back", lambda: budget.balance.held_minor == 0, 60)
    assert not budget.starts()
    assert budget.start("u37").status in (201, 202)


def test_cancelled_while_the_ledger_is_locked_holds_nothing_back(hub: Hub, budget: Budget) -> None:
    budget.add("u38")
    budget.grant(10 * PRICE)
    table(hub, "u38")
    with locked(hub), ThreadPoolExecutor(1) as pool:
        starting = pool.submit(budget.start, "u38")
        wait_for("it is starting", lambda: hub.model("u38").get("pending") == "spawn")
        assert hub.ask("DELETE", "/hub/api/users/u38/server").status in (202, 204)
        starting.result(timeout=60)
    wait_for("the start is over", lambda: hub.is_gone("u38"), 60)
    assert hub.start_ready("u38")  # by now every note before this one is in the ledger
    wait_for("nothing is held back", lambda: budget.balance.held_minor == 0, 60)
    assert not budget.starts()


# A hub that dies


def test_killed_between_note_and_sbatch_it_submits_one_job_that_is_noted(hub: Hub, budget: Budget) -> None:
    budget.add("u39")
    budget.grant(PRICE + PRICE // 2)
    table(hub, "u39")
    with hub.site.without("slurmctld", "pause"), ThreadPoolExecutor(1) as pool:
        starting = pool.submit(budget.start, "u39")
        (first,) = wait_for("it is noted", budget.starts)
        hub.site.part("kill", "hub")
        with contextlib.suppress(OSError):
            starting.result(timeout=60)
    hub.site.part("start", "hub")
    hub.wait_until_up()
    wait_for("the server is ready", lambda: hub.is_ready("u39"), 90)
    wait_for("one start is open", lambda: len(budget.starts()) == 1, 60)
    (start,) = budget.starts()
    (job,) = hub.jobs("u39")
    assert start.job_id == job
    assert start.ready_at is not None
    assert first.job_id is None
    assert budget.balance.held_minor == PRICE


@pytest.mark.parametrize("after_s", [0.0, 0.2, 0.4, 0.6, 0.8, 1.0, 1.2])
def test_killed_at_any_step_every_job_is_noted_and_nothing_is_held_twice(
    hub: Hub, budget: Budget, after_s: float
) -> None:
    budget.add("u40")
    budget.grant(PRICE + PRICE // 2)
    before = hub.jobs("u40", "all")
    with ThreadPoolExecutor(1) as pool:
        killing = pool.submit(hub.site.part, "kill", "hub")  # a command: it takes a second or so
        time.sleep(after_s)
        with contextlib.suppress(OSError):
            budget.start("u40")
        killing.result(timeout=60)
    hub.site.part("start", "hub")
    hub.wait_until_up()
    if hub.is_gone("u40"):
        assert hub.jobs("u40", "all") == before
        budget.ledger.close_starts([start.job_name for start in budget.starts()])  # as the collector does after a while
        assert budget.start("u40").status in (201, 202)
    wait_for("the server is ready", lambda: hub.is_ready("u40"), 90)
    (job,) = hub.jobs("u40")
    wait_for("it is noted", lambda: any(start.job_id == job for start in budget.starts()), 30)
    assert budget.balance.held_minor == PRICE


# A ledger that cannot be used


def make_unreadable(file: Path) -> None:
    shutil.chown(file, 0, 0)


def make_newer(file: Path) -> None:
    with contextlib.closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")


def make_damaged(file: Path) -> None:
    file.write_bytes(b"not a ledger" * 1000)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (make_unreadable, "unable to open database file"),
        (make_newer, "made by a newer NeuronHub"),
        (make_damaged, "not a database"),
    ],
)
def test_a_hub_whose_ledger_cannot_be_used_does_not_start_and_says_why(
    hub: Hub, spoil: Callable[[Path], None], words: str
) -> None:
    folder = hub.site.state_dir / f"spoiled-{secrets.token_hex(4)}"  # seen inside as well
    folder.mkdir()
    try:
        file = folder / "billing.sqlite"
        made = Ledger(f"sqlite:///{file}", "KRW")
        made.ensure_schema()
        made.close()
        for path in (folder, *folder.iterdir()):
            shutil.chown(path, *[SERVICE_IDS[HUB_USER]] * 2)
        spoil(file)
        site = folder / "site.toml"
        text = re.sub("(?m)^state_dir = .*$", f'state_dir = "{folder}"', hub.site.site_file.read_text())
        site.write_text(text)
        up = f"PYTHONPATH={SOURCE} exec timeout 60 {PYTHON} -m neuronhub.cli up --site {site}"
        done = hub.site.run_inside(["su", "-s", "/bin/sh", HUB_USER, "-c", up], check=False, within_s=90)
        assert done.returncode == 1, done.stdout + done.stderr
        assert words in done.stderr
        assert "Traceback" not in done.stderr
    finally:
        shutil.rmtree(folder)
