"""Budgets at the moment of a start: who pays, what is refused, what is held back when the ledger is slow or away."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, cast

import pytest
from tests.unit.spawn.test_options import HUB

from neuronhub.billing import outbox, till
from neuronhub.billing.ledger import Ledger
from neuronhub.billing.recent import Recent
from neuronhub.billing.till import LedgerTill
from neuronhub.billing.types import Use
from neuronhub.errors import LedgerUnavailable, SlurmUnavailable, StartRefused, StartUndecided
from neuronhub.payment import Order
from neuronhub.site import QueueSite, Site
from neuronhub.slurm.types import ClusterSnapshot, Node, NodeCounts, Queue
from neuronhub.slurm.usage import Association, Associations
from neuronhub.slurm.watch import Watch
from neuronhub.tariff import Billing, Discount, Price

HOUR = timedelta(hours=1)
SITE = Site(
    hub=HUB,
    billing=Billing(discounts=(Discount(account="lab-b", percent=Decimal(10)),)),
    queues=(
        QueueSite(name="jupyter", kind="shared"),
        QueueSite(name="gpu", prices=(Price(amount=Decimal(5000)),)),
        QueueSite(name="gpus", prices=(Price(amount=Decimal(2000), per="gpu-hour"),)),
        QueueSite(name="cores", kind="shared", prices=(Price(amount=Decimal(10), per="core-hour"),)),
        QueueSite(name="soon", prices=(Price(amount=Decimal(1), valid_from=datetime(2999, 1, 1, tzinfo=UTC)),)),
    ),
)
CLUSTER = ClusterSnapshot(
    datetime.now(UTC),
    tuple(Queue(q.name, NodeCounts(idle=1), (Node("n", "a", "idle", gpus={"v100": 8}),)) for q in SITE.queues),
)
MEMBERS = Associations(
    members=(
        Association("lab-a", "alice"),
        Association("lab-b", "alice"),
        Association("lab-a", "bob"),
        Association("lab-c", "carol", "gpu"),
    ),
    defaults={"alice": "lab-a", "bob": "lab-a", "carol": "lab-c"},
    coordinators={"lab-a": frozenset({"ada", "bob"})},
)
ORDER = Order("hub-server-1", "hub-server-1", "alice", "", "gpu", HOUR)


@dataclass
class ScriptedWatch:
    """Only what a till looks at."""

    cluster: ClusterSnapshot | None = CLUSTER

    def job(self, name: str) -> None:
        """Nothing is known of any job."""


@dataclass
class Counter:
    """A till at a ledger, and who answers when."""

    ledger: Ledger
    members: Associations | SlurmUnavailable = MEMBERS
    watch: ScriptedWatch = field(default_factory=ScriptedWatch)
    tills: list[LedgerTill] = field(default_factory=list)

    async def fetch_members(self) -> Associations:
        if isinstance(self.members, SlurmUnavailable):
            raise self.members
        return self.members

    def open(self, policy: str = "refuse") -> LedgerTill:
        billing = cast(Billing, SITE.billing).model_copy(update={"over_budget": policy})
        site = SITE.model_copy(update={"billing": billing})
        made = LedgerTill(site, self.ledger, Recent("accounts", self.fetch_members, 60.0), cast(Watch, self.watch))
        self.tills.append(made)
        return made

    def grant(self, amount: int, account: str = "lab-a") -> None:
        self.ledger.grant(account, amount, by="operator", note="a test", at=datetime.now(UTC))

    def held(self, account: str = "lab-a") -> int:
        return self.ledger.balances([account])[account].held_minor


@pytest.fixture
async def counter(ledger: Ledger) -> AsyncIterator[Counter]:
    made = Counter(ledger)
    yield made
    for each in made.tills:
        await each.end()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "RETRY_S", 0.01)
    monkeypatch.setattr("neuronhub.billing.recent.RETRY_S", 0.0)


def number(count: int, **changes: Any) -> list[Order]:
    """Orders of as many servers."""
    names = [f"hub-server-{index:04}" for index in range(count)]
    return [replace(ORDER, job_name=name, server=name, **changes) for name in names]


class Stuck:
    """In the place of a method of the ledger: it hangs until it is told to go on; then it raises ``error``, if any."""

    def __init__(self, method: Callable[..., None], error: Exception | None = None) -> None:
        self._method = method
        self._error = error
        self.called = threading.Event()
        self.go_on = threading.Event()

    def __call__(self, *arguments: Any, **more: Any) -> None:
        self.called.set()
        self.go_on.wait(30)
        self._method(*arguments, **more)
        if self._error is not None:
            raise self._error


async def see(condition: Callable[[], bool]) -> None:
    """Wait until it is so."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - a thread of the ledger tells nobody
            await asyncio.sleep(0.01)


async def test_what_a_start_can_cost_is_held_back_until_it_is_known_never_to_have_been(counter: Counter) -> None:
    counter.grant(5000)
    till = counter.open()
    await till.check(ORDER)
    assert await till.open([ORDER]) == "lab-a"
    assert counter.held() == 5000
    (start,) = counter.ledger.fetch_open()
    assert (start.use, start.user, start.rate.amount, start.ready_at) == (Use.SERVER, "alice", Decimal(5000), None)
    with pytest.raises(StartRefused, match=r"₩5,000.*lab-a.*₩0 left.*ada, bob"):
        await till.check(replace(ORDER, job_name="hub-server-2"))
    with pytest.raises(StartRefused, match="shorter time"):
        await till.open([replace(ORDER, job_name="hub-server-2", server="hub-server-2")])
    await till.close([ORDER.job_name])
    assert counter.held() == 0
    await till.check(ORDER)


async def test_the_same_start_may_be_opened_again(counter: Counter) -> None:
    counter.grant(5000)
    till = counter.open()
    for _ in range(2):
        assert await till.open([ORDER]) == "lab-a"
    assert counter.held() == 5000


async def test_job_and_readiness_are_noted(counter: Counter) -> None:
    counter.grant(5000)
    till = counter.open()
    await till.open([ORDER])
    await till.note_job(ORDER.job_name, 7)
    await till.note_ready(ORDER.job_name)
    await see(lambda: counter.ledger.fetch_open()[0].ready_at is not None)
    (start,) = counter.ledger.fetch_open()
    await till.note_ready(ORDER.job_name)
    await till.note_job(ORDER.job_name, 7)
    await till.close([])
    assert counter.ledger.fetch_open() == [replace(start, job_id=7)]


async def test_of_many_at_once_as_many_get_in_as_there_is_money_for(counter: Counter) -> None:
    counter.grant(7 * 5000 + 4999)
    tills = [counter.open(), counter.open()]
    orders = number(40)
    opening = (tills[index % 2].open([order]) for index, order in enumerate(orders))
    outcomes = await asyncio.gather(*opening, return_exceptions=True)
    assert sum(outcome == "lab-a" for outcome in outcomes) == 7
    assert sum(isinstance(outcome, StartRefused) for outcome in outcomes) == 33
    assert counter.held() == 7 * 5000
    assert len(counter.ledger.fetch_open()) == 7


async def test_engines_get_in_together_or_not_at_all(counter: Counter) -> None:
    counter.grant(9999)
    till = counter.open()
    engines = [replace(order, server=ORDER.server) for order in number(2)]
    with pytest.raises(StartRefused, match="₩10,000"):
        await till.open(engines)
    assert counter.ledger.fetch_open() == []
    counter.grant(1)
    await till.open(engines)
    assert {(start.use, start.server) for start in counter.ledger.fetch_open()} == {(Use.ENGINES, ORDER.server)}
    assert all(start.ready_at for start in counter.ledger.fetch_open())


@pytest.mark.parametrize("policy", ["warn", "allow"])
async def test_a_site_may_let_starts_in_beyond_the_budget(counter: Counter, policy: str) -> None:
    till = counter.open(policy)
    await till.check(ORDER)
    assert await till.open([ORDER]) == "lab-a"
    assert counter.held() == 5000
    assert till.describe("alice")["policy"] == policy


@pytest.mark.parametrize(
    ("order", "most", "account"),
    [
        (replace(ORDER, account="lab-b"), 4500, "lab-b"),
        (replace(ORDER, queue="gpus", time_limit=timedelta(minutes=1)), 267, "lab-a"),
        (replace(ORDER, queue="cores", cpus=3), 30, "lab-a"),
        (replace(ORDER, queue="jupyter"), 0, ""),
        (replace(ORDER, queue="jupyter", account="lab-b"), 0, "lab-b"),
        (replace(ORDER, user="carol"), 5000, "lab-c"),
    ],
)
async def test_most_and_account(counter: Counter, order: Order, most: int, account: str) -> None:
    opened = counter.open("allow")
    assert await opened.open([order]) == account
    await opened.close([])  # after what was told before
    (start,) = counter.ledger.fetch_open()
    assert (start.most_minor, start.account) == (most, account)


@pytest.mark.parametrize(
    ("order", "words"),
    [
        (replace(ORDER, account="lab-c"), "not a member of the account “lab-c”. Choose one of: lab-a, lab-b"),
        (replace(ORDER, user="mallory"), "belong to no account"),
        (replace(ORDER, user="carol", queue="gpus"), "None of your accounts"),
        (replace(ORDER, user="mallory", queue="jupyter", account="lab-a"), "belong to no account"),
        (replace(ORDER, queue="soon"), "no price yet"),
        (replace(ORDER, queue="gone"), "does not offer this queue"),
    ],
)
async def test_who_cannot_pay_is_told_why(counter: Counter, order: Order, words: str) -> None:
    counter.grant(10**9)
    till = counter.open()
    for attempt in (till.check(order), till.open([order])):
        with pytest.raises(StartRefused, match=words) as refusal:
            await attempt
        assert not isinstance(refusal.value, StartUndecided)
    assert counter.ledger.fetch_open() == []


async def test_who_has_just_become_a_member_is_not_refused(counter: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(till, "MEMBERS_LATEST_S", 0.0)
    counter.grant(5000)
    opened = counter.open()
    dave = replace(ORDER, user="dave")
    with pytest.raises(StartRefused):
        await opened.check(dave)
    counter.members = replace(MEMBERS, members=(*MEMBERS.members, Association("lab-a", "dave")))
    await opened.check(dave)


async def test_where_nodes_were_never_seen_no_price_is_guessed(counter: Counter) -> None:
    counter.watch.cluster = None
    opened = counter.open("allow")
    with pytest.raises(StartUndecided, match="not told yet"):
        await opened.open([replace(ORDER, queue="gpus")])
    assert await opened.open([ORDER]) == "lab-a"


async def test_a_free_start_that_a_dead_hub_did_not_tell_of_is_noted_by_the_next_one(counter: Counter) -> None:
    opened = counter.open()
    submitted_at = datetime(2026, 1, 1, tzinfo=UTC)
    for order in (replace(ORDER, queue="jupyter"), *number(1, queue="gpu"), *number(1, queue="gone")):
        await opened.note_again(order, submitted_at)
    await opened.close([])
    (start,) = counter.ledger.fetch_open()
    assert (start.job_name, start.noted_at, start.most_minor) == (ORDER.job_name, submitted_at, 0)


# Silence


async def test_without_slurms_accounting_only_free_queues_start(counter: Counter) -> None:
    counter.members = SlurmUnavailable("slurmdbd is away")
    opened = counter.open()
    with pytest.raises(StartUndecided, match="Free queues can be used"):
        await opened.open([ORDER])
    free = replace(ORDER, queue="jupyter", account="lab-x")  # Slurm has the last word
    assert await opened.open([free]) == "lab-x"
    assert opened.describe("alice")["accounts"] == []
    assert "accounting does not answer" in opened.describe("alice")["problem"]
    counter.members = MEMBERS
    counter.grant(5000)
    assert await opened.open([replace(ORDER, job_name="n", server="n")]) == "lab-a"


async def test_accounts_of_before_hold_while_slurms_accounting_is_away(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(till, "MEMBERS_LATEST_S", 0.0)
    counter.grant(5000)
    opened = counter.open()
    await opened.check(ORDER)
    counter.members = SlurmUnavailable("slurmdbd is away")
    with pytest.raises(StartRefused, match="not a member"):
        await opened.check(replace(ORDER, account="lab-c"))
    assert await opened.open([ORDER]) == "lab-a"


async def test_a_slow_ledger_refuses_in_time_and_holds_nothing_back(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    counter.grant(5000)
    monkeypatch.setattr(till, "LEDGER_PATIENCE_S", 0.05)
    stuck = Stuck(counter.ledger.open_starts)
    monkeypatch.setattr(counter.ledger, "open_starts", stuck)
    opened = counter.open()
    with pytest.raises(StartUndecided, match="Budgets cannot be looked at"):
        await opened.open([ORDER])
    stuck.go_on.set()
    await see(lambda: counter.ledger.find_start(ORDER.job_name) is not None and counter.held() == 0)


async def test_a_start_cancelled_at_the_till_holds_nothing_back(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    counter.grant(5000)
    stuck = Stuck(counter.ledger.open_starts)
    monkeypatch.setattr(counter.ledger, "open_starts", stuck)
    opening = asyncio.create_task(counter.open().open([ORDER]))
    await see(stuck.called.is_set)
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    stuck.go_on.set()
    await see(lambda: counter.ledger.find_start(ORDER.job_name) is not None and counter.held() == 0)


async def test_a_ledger_that_dies_over_its_commit_holds_nothing_back(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    counter.grant(5000)
    dying = Stuck(counter.ledger.open_starts, LedgerUnavailable("the connection was lost"))
    dying.go_on.set()
    monkeypatch.setattr(counter.ledger, "open_starts", dying)
    with pytest.raises(StartUndecided):
        await counter.open().open([ORDER])
    await see(lambda: counter.held() == 0)


async def test_a_free_start_goes_on_without_the_ledger_which_learns_of_it_later(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(till, "PATIENCE_S", 0.05)
    away = threading.Event()
    away.set()
    told: list[str] = []

    def listen(method: Callable[..., None]) -> Callable[..., None]:
        def attempt(*arguments: Any, **more: Any) -> None:
            if away.is_set():
                raise LedgerUnavailable("away")
            method(*arguments, **more)
            told.append(method.__name__)

        return attempt

    for name in ("open_starts", "note_job", "note_ready"):
        monkeypatch.setattr(counter.ledger, name, listen(getattr(counter.ledger, name)))
    opened = counter.open()
    order = replace(ORDER, queue="jupyter")
    assert await opened.open([order]) == ""
    assert counter.ledger.fetch_open() == []
    await opened.note_job(order.job_name, 7)
    await opened.note_ready(order.job_name)
    away.clear()
    await see(lambda: told == ["open_starts", "note_job", "note_ready"])
    (start,) = counter.ledger.fetch_open()
    assert (start.job_id, start.account) == (7, "")
    assert start.ready_at is not None


async def test_a_page_is_drawn_from_memory_when_nobody_answers(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    counter.grant(5000)
    opened = counter.open()
    assert opened.describe("alice")["problem"] is not None
    await opened.refresh("alice")
    known = opened.describe("alice")
    assert known == {
        "policy": "refuse",
        "currency": "KRW",
        "problem": None,
        "accounts": [
            {
                "name": "lab-a",
                "left": "5000",
                "available": "5000",
                "discount_percent": "0",
                "queues": None,
                "coordinated": False,
            },
            {
                "name": "lab-b",
                "left": "0",
                "available": "0",
                "discount_percent": "10",
                "queues": None,
                "coordinated": False,
            },
        ],
    }
    monkeypatch.setattr(till, "PATIENCE_S", 0.05)
    stuck = Stuck(lambda _accounts: None)
    monkeypatch.setattr(counter.ledger, "balances", stuck)
    other = counter.open()
    async with asyncio.timeout(5):
        await other.refresh("alice")
    assert [account["left"] for account in other.describe("alice")["accounts"]] == [None, None]
    stuck.go_on.set()


async def test_a_ledger_that_is_away_is_told_on_the_page(counter: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_accounts: Sequence[str] | None) -> dict[str, Any]:
        raise LedgerUnavailable("away")

    monkeypatch.setattr(counter.ledger, "balances", refuse)
    opened = counter.open()
    await opened.refresh("carol")
    assert "Budgets cannot be looked at" in opened.describe("carol")["problem"]
    assert opened.describe("carol")["accounts"][0]["queues"] == ["gpu"]
    with pytest.raises(StartUndecided):
        await opened.check(ORDER)


async def test_somebody_without_an_account_reads_so(counter: Counter) -> None:
    opened = counter.open()
    await opened.refresh("mallory")
    assert "no account" in opened.describe("mallory")["problem"]


async def test_what_a_server_costs_is_told_to_its_user_only(counter: Counter) -> None:
    counter.grant(5000)
    opened = counter.open()
    await opened.open([ORDER])
    assert opened.describe_cost(ORDER.server, "alice") is None
    await opened.refresh_cost(ORDER.server)
    told = opened.describe_cost(ORDER.server, "alice")
    assert told is not None
    assert (told["account"], told["so_far"], told["most"], told["free"]) == ("lab-a", "0", "5000", False)
    assert opened.describe_cost(ORDER.server, "bob") is None
    await opened.refresh_cost("hub-server-unknown")
    assert opened.describe_cost("hub-server-unknown", "alice") is None
