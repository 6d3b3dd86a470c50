"""What jobs cost, asked of the hub on the embedded site: by browsers and tokens, each within their owner's rights."""

from __future__ import annotations

import csv
import io
import random
import re
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import pytest
from tests.contract.billing.test_starts import read_ledger
from tests.contract.hub.test_environment import Browser, Person
from tests.contract.spawn.conftest import hub
from tests.contract.spawn.rest import NOBODY, Answer, Hub
from tests.contract.spawn.test_hostile_servers import token_of
from tests.embedded import RunningSite
from tests.unit.billing.entries import make_charge, make_start

from neuronhub.billing.ledger import Ledger
from neuronhub.billing.period import Month
from neuronhub.billing.types import Charge, Filter
from neuronhub.hub.usage import PORTION

__all__ = ["hub"]
pytestmark = pytest.mark.contract

PATH = "/hub/api/neuronhub/usage"
COORDINATOR, MEMBER, STRANGER, OPERATOR = "alice", "u01", "bob", "operator"
ACCOUNT, OTHER_ACCOUNT = "lab-a", "lab-b"
SEOUL = ZoneInfo("Asia/Seoul")


@dataclass
class Books:
    """A month of long ago in the site's ledger, which nobody else writes into."""

    ledger: Ledger
    file: str
    month: Month
    charges: list[Charge]

    @contextmanager
    def away(self) -> Iterator[None]:
        """The ledger while it cannot be read."""
        with sqlite3.connect(self.file, timeout=20) as database:
            database.execute("ALTER TABLE charges RENAME TO charges_elsewhere")
        database.close()
        try:
            yield
        finally:
            with sqlite3.connect(self.file, timeout=20) as database:
                database.execute("ALTER TABLE charges_elsewhere RENAME TO charges")
            database.close()


@pytest.fixture(scope="module")
def month() -> Month:
    return Month(random.randrange(2001, 2020), random.randrange(1, 13))


@pytest.fixture
def books(hub: Hub, month: Month) -> Iterator[Books]:
    """Jobs of three users in two accounts: 1, 10, 100 and 1000 won."""
    ledger = read_ledger(hub)
    at = month.since(SEOUL) + timedelta(days=10)
    run = secrets.token_hex(4)
    jobs = [(MEMBER, ACCOUNT), (COORDINATOR, ACCOUNT), (COORDINATOR, OTHER_ACCOUNT), (STRANGER, OTHER_ACCOUNT)]
    charges = []
    if not ledger.sum_by_queue(everything_in(month)):
        for number, (user, account) in enumerate(jobs):
            start = make_start(f"{run}-{number}", user=user, account=account, queue="=1+1")
            ledger.open_starts([start], policy="allow")
            charge = make_charge(start, int(run, 16) + number, amount_minor=10**number)
            charges.append(replace(charge, submitted_at=at, started_at=at, ended_at=at + timedelta(hours=1)))
        ledger.charge(charges, settled=[charge.job_name for charge in charges])
    written = ledger.fetch_charges(everything_in(month))
    yield Books(ledger, f"{hub.site.state_dir}/hub/billing.sqlite", month, written)
    ledger.close()


def everything_in(month: Month) -> Filter:
    return Filter(since=month.since(SEOUL), until=month.until(SEOUL))


def ask(person: Person, month: Month, **values: str) -> Answer:
    return person.ask(path=f"{PATH}?{urlencode({'month': str(month), **values})}")


def amounts(answer: Answer) -> dict[str, str]:
    """Job's amount -> whose it is; fails unless the answer is one."""
    assert answer.status == 200, answer.text
    return {job["amount"]: job["user"] for job in answer.json["jobs"]}


def assert_refused(answer: Answer, name: str) -> None:
    assert answer.status == 403
    assert answer.json["message"].replace(name, "X") == (
        "You may see your own jobs, and accounts that you coordinate. “X” is not among them."
    )


def test_a_member_sees_own_jobs_and_is_told_the_same_of_whatever_else(hub: Hub, books: Books) -> None:
    member = Person(hub, MEMBER)
    answer = ask(member, books.month)
    assert amounts(answer) == {"1": MEMBER}
    assert (answer.json["total"]["amount"], answer.json["time_zone"]) == ("1", "Asia/Seoul")
    assert [balance["account"] for balance in answer.json["balances"]] == [ACCOUNT]
    for account in (ACCOUNT, OTHER_ACCOUNT, "nosuch", "' OR 1=1 --"):
        assert_refused(ask(member, books.month, account=account), account)
    assert_refused(ask(member, books.month, user=COORDINATOR), COORDINATOR)
    assert ask(member, books.month, account="*").status == 403


def test_a_coordinator_sees_the_account_with_its_members(hub: Hub, books: Books) -> None:
    coordinator = Person(hub, COORDINATOR)
    assert amounts(ask(coordinator, books.month)) == {"10": COORDINATOR, "100": COORDINATOR}
    answer = ask(coordinator, books.month, account=ACCOUNT)
    assert amounts(answer) == {"1": MEMBER, "10": COORDINATOR}
    assert {user["user"] for user in answer.json["users"]} == {MEMBER, COORDINATOR}
    assert amounts(ask(coordinator, books.month, account=ACCOUNT, user=MEMBER)) == {"1": MEMBER}
    assert amounts(ask(coordinator, books.month, account=ACCOUNT, user=STRANGER)) == {}
    assert_refused(ask(coordinator, books.month, account=OTHER_ACCOUNT), OTHER_ACCOUNT)


def test_an_operator_sees_all_and_a_token_no_more_than_its_scope(hub: Hub, books: Books) -> None:
    operator = Person(hub, OPERATOR)
    everything = ask(operator, books.month, account="*")
    assert set(amounts(everything)) == {"1", "10", "100", "1000"}
    assert {account["account"] for account in everything.json["accounts"]} == {ACCOUNT, OTHER_ACCOUNT}
    assert everything.json["waits"]
    assert ask(operator, books.month, account="nosuch").status == 400
    narrow = Person(hub, OPERATOR, "read:servers!user={user}")
    assert amounts(ask(narrow, books.month)) == {}
    assert ask(narrow, books.month, account="*").status == 403
    assert_refused(ask(narrow, books.month, account=ACCOUNT), ACCOUNT)


def test_who_lacks_the_scope_reads_nothing(hub: Hub, books: Books) -> None:
    assert ask(Person(hub, MEMBER, "read:users:name!user={user}"), books.month).status == 403
    assert hub.ask("GET", PATH, token=NOBODY).status == 403
    service = hub.ask("GET", f"{PATH}?month={books.month}")
    assert set(amounts(service)) == {"1", "10", "100", "1000"}, "the site's own service is an operator"


def test_a_servers_own_token_reads_nothing(hub: Hub, books: Books) -> None:
    hub.start_ready("u42")
    assert hub.ask("GET", PATH, token=token_of(hub, "u42")).status == 403


@pytest.mark.parametrize(
    "query", ["month=2026-13", "month=%FF", "page=0", "page=-1", "page=x", "day=2001-01-99", "measure=x", "user=%0A%7F"]
)
def test_what_makes_no_sense_is_refused(hub: Hub, query: str) -> None:
    answer = Person(hub, MEMBER).ask(path=f"{PATH}?{query}")
    assert answer.status == 400
    assert answer.json["message"]


def test_while_the_ledger_is_away_it_is_said_and_tried_again(hub: Hub, books: Books) -> None:
    member = Person(hub, MEMBER)
    with books.away():
        answer = ask(member, books.month)
        assert answer.status == 503
        assert answer.json["message"].endswith("Nothing is lost; try again in a minute.")
        assert "sqlite" not in answer.text
    assert ask(member, books.month).status == 200


def test_a_coordinators_browser(site: RunningSite, books: Books) -> None:
    browser = Browser(site, COORDINATOR)
    query = f"month={books.month}&account={ACCOUNT}"
    page = browser.open(f"/hub/usage?{query}")
    assert (page.status, f'href="?month={books.month}' in page.text) == (200, True)
    assert "₩11" in page.text
    rows = list(
        csv.reader(io.StringIO(browser.open(f"/hub/usage.csv?{query}").text.removeprefix("\ufeff"), newline=""))
    )
    assert [(row[2], row[3], row[4], row[17]) for row in rows[1:]] == [
        (MEMBER, ACCOUNT, "'=1+1", "1"),
        (COORDINATOR, ACCOUNT, "'=1+1", "10"),
    ]
    statement = browser.open(f"/hub/statement?{query}")
    assert statement.status == 200
    assert re.findall(r"<b>(₩[\d,]+)</b>", statement.text) == ["₩1", "₩10"]
    for path in ("usage", "usage.csv", "statement"):
        refused = browser.open(f"/hub/{path}?month={books.month}&account={OTHER_ACCOUNT}")
        assert (refused.status, "you coordinate" in refused.text) == (403, True), path
        assert browser.open(f"/hub/{path}?month=x").status == 400, path
    assert browser.open("/hub/statement?account=*").status == 403
    assert browser.open(PATH, Sec_Fetch_Mode="cors", Sec_Fetch_Site="cross-site").status == 403
    with books.away():
        for path in ("usage", "usage.csv", "statement"):
            away = browser.open(f"/hub/{path}?{query}")
            assert (away.status, "Try again" in away.text) == (503, True), path


def test_a_list_that_is_sent_in_portions_has_every_job_once(site: RunningSite, books: Books) -> None:
    user, count = "u20", 2 * PORTION + 1
    run = secrets.token_hex(4)
    at = books.month.since(SEOUL)
    starts = [make_start(f"{run}-{number}", user=user, account=OTHER_ACCOUNT) for number in range(count)]
    books.ledger.open_starts(starts, policy="allow")
    charges = [make_charge(start, number + 1, submitted_at=at, ended_at=at) for number, start in enumerate(starts)]
    first = int(run, 16)
    charges = [replace(charge, job_id=first + charge.job_id, amount_minor=0) for charge in charges]
    books.ledger.charge(charges, settled=[start.job_name for start in starts])
    text = Browser(site, user).open(f"/hub/usage.csv?month={books.month}").text
    rows = list(csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline="")))
    listed = [int(row[0]) for row in rows[1:] if first < int(row[0]) <= first + count]
    assert sorted(listed) == [charge.job_id for charge in charges]
    assert {len(row) for row in rows} == {19}
