"""``neuronhub billing`` on the embedded site: real accounts of Slurm's, a real ledger, and who may write it."""

from __future__ import annotations

import csv
import io
import json
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest
from tests.contract.spawn.rest import Hub, wait_for
from tests.embedded import RunningSite

from neuronhub.demo.shape import GRANTS, HUB_USER

pytestmark = pytest.mark.contract

COMMAND = "/opt/neuronhub/bin/neuronhub"
NOTE = ("--note", "A test")
AS_HUB = ("setpriv", f"--reuid={HUB_USER}", f"--regid={HUB_USER}", "--clear-groups")
QUEUE, PRICE = "cas_v100_2", Decimal(3000)
DIFFERENT, SILENT = 1, 3


class Operator:
    """The command, run as somebody of the embedded site."""

    def __init__(self, site: RunningSite, user: str | None = HUB_USER) -> None:
        self.site = site
        self.user = user

    def run(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run ``neuronhub billing WORDS``."""
        return self.site.run_inside([COMMAND, "billing", *words], self.user, check=check)

    def read(self, *words: str) -> Any:
        """The same, for programs."""
        return json.loads(self.run(*words, "--json").stdout)

    def balance(self, account: str) -> dict[str, Any]:
        """What is left of an account."""
        (found,) = self.read("balance", account)
        return dict(found)

    def granted(self) -> dict[str, str]:
        """Everything that was ever granted or corrected, by account."""
        return {entry["account"]: entry["granted"] for entry in self.read("balance")}


@pytest.fixture
def operator(site: RunningSite) -> Operator:
    """The hub's own user."""
    return Operator(site)


@pytest.fixture
def hub(site: RunningSite) -> Iterator[Hub]:
    """The embedded site's hub, up; the test ends its own server."""
    hub = Hub(site)
    hub.wait_until_up()
    yield hub
    hub.stop("u07")


def test_accounts_have_their_first_budgets(operator: Operator) -> None:
    credits = {account: operator.read("statement", account)["credits"] for account in GRANTS}
    for account, amount in GRANTS.items():
        assert [entry["amount"] for entry in credits[account] if entry["note"] == "First budget"] == [str(amount)]
    assert {entry["by"] for entries in credits.values() for entry in entries if entry["note"] == "First budget"} == {
        HUB_USER
    }


@pytest.mark.parametrize(
    ("prefix", "by"),
    [((), "root"), (AS_HUB, HUB_USER), (("env", "SUDO_USER=root", *AS_HUB), f"root as {HUB_USER}")],
    ids=["root", "hub", "sudo"],
)
def test_an_entry_names_who_made_it(operator: Operator, prefix: tuple[str, ...], by: str) -> None:
    argv = [*prefix, COMMAND, "billing", "grant", "lab-b", "7", *NOTE, "--json"]
    entry = json.loads(operator.site.run_inside(argv).stdout)
    assert (entry["by"], entry["amount"], entry["note"]) == (by, "7", NOTE[1])
    assert operator.read("statement", "lab-b")["credits"][-1] == entry


@pytest.mark.parametrize(
    ("user", "words"),
    [("alice", ("grant", "lab-b", "7", *NOTE)), ("alice", ("charges", "--csv")), ("operator", ("balance",))],
)
def test_researchers_are_turned_away(operator: Operator, user: str, words: tuple[str, ...]) -> None:
    before = operator.granted()
    done = Operator(operator.site, user).run(*words, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"sudo -u {HUB_USER}" in done.stderr
    assert "Traceback" not in done.stderr
    assert operator.granted() == before


@pytest.mark.parametrize(("account", "meant"), [("lab-aa", "lab-a"), ("alice", "lab-a"), ("physics", "lab-c")])
def test_accounts_that_slurm_does_not_know_get_nothing(operator: Operator, account: str, meant: str) -> None:
    before = operator.granted()
    done = operator.run("grant", account, "7", *NOTE, check=False)
    assert done.returncode == 1
    assert meant in done.stderr
    assert operator.granted() == before


def test_nothing_is_granted_while_accounting_is_away(operator: Operator) -> None:
    before = operator.granted()
    with operator.site.without("slurmdbd"):
        done = operator.run("grant", "lab-b", "7", *NOTE, check=False)
        assert done.returncode == SILENT
        assert len(done.stderr.splitlines()) == 1
        assert operator.granted() == before
        assert operator.run("reconcile", check=False).returncode == SILENT


def test_grants_at_once_are_all_kept(operator: Operator) -> None:
    before = int(operator.balance("lab-c")["granted"])
    with ThreadPoolExecutor(4) as pool:
        done = [pool.submit(operator.run, "grant", "lab-c", "1", *NOTE) for _ in range(4)]
    assert [one.result().returncode for one in done] == [0] * 4
    assert int(operator.balance("lab-c")["granted"]) == before + 4


def test_the_books_can_be_kept_while_the_hub_is_away(operator: Operator) -> None:
    with operator.site.without("hub"):
        before = int(operator.balance("lab-b")["granted"])
        operator.run("grant", "lab-b", "7", *NOTE)
        assert int(operator.balance("lab-b")["granted"]) == before + 7


def test_a_charge_is_what_sacct_says_and_can_be_given_back(operator: Operator, hub: Hub) -> None:
    job = hub.start_ready("u07", QUEUE)
    held = operator.balance("lab-a")
    assert Decimal(held["available"]) < Decimal(held["left"])
    hub.stop("u07")
    charge = wait_for("the charge", lambda: find_charge(operator, job), 60)
    fields = ["sacct", "-n", "-P", "-X", f"--jobs={job}", "--format=ElapsedRaw,NNodes"]
    elapsed, nodes = operator.site.run_inside(fields).stdout.strip().split("|")
    paid = Decimal(int(nodes) * (int(elapsed) - charge["away_s"])) * PRICE / 3600
    assert charge["amount"] == str(paid.quantize(Decimal(1), ROUND_HALF_UP))
    assert (charge["user"], charge["account"], charge["queue"]) == ("u07", "lab-a", QUEUE)

    row = next(row for row in read_csv(operator, "--user", "u07") if row[0] == str(job))
    assert charge["amount"] in row
    left = int(operator.balance("lab-a")["left"])
    operator.run("correct", str(charge["id"]), charge["amount"], "--note", "The node's fan was broken")
    assert int(operator.balance("lab-a")["left"]) == left + int(charge["amount"])
    again = operator.run("correct", str(charge["id"]), "1", *NOTE, check=False)
    assert again.returncode == 1
    statement = operator.read("statement", "lab-a")
    assert int(statement["opening"]) + int(statement["credited"]) - int(statement["charged"]) == int(
        statement["closing"]
    )
    assert job in [one["job_id"] for one in statement["charges"]]


def find_charge(operator: Operator, job: int) -> dict[str, Any] | None:
    """The charge of the latest job of that id."""
    return next((one for one in reversed(operator.read("charges", "--user", "u07")) if one["job_id"] == job), None)


def read_csv(operator: Operator, *words: str) -> list[list[str]]:
    """The rows of ``charges --csv``."""
    return list(csv.reader(io.StringIO(operator.run("charges", "--csv", *words).stdout.removeprefix("\ufeff"))))


def test_reconcile_tells_by_its_exit_code(operator: Operator) -> None:
    done = operator.run("reconcile", check=False)
    assert done.returncode in (0, DIFFERENT), done.stderr
    assert (done.returncode == DIFFERENT) == bool(done.stdout.strip())
    assert operator.run("reconcile", "--day", "2026-02-30", check=False).returncode == 1
    assert operator.read("reconcile", "--day", "2001-01-01") == []


def test_the_check_looks_at_money(operator: Operator) -> None:
    lines = operator.site.run_inside([COMMAND, "check"], HUB_USER).stdout.splitlines()
    looked = {line.split(":")[0].split(maxsplit=1)[1] for line in lines if line.startswith("ok ")}
    assert {"prices", "ledger", "accounting", "sudo"} <= looked
