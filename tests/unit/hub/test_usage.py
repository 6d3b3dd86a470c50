"""Who reads the ledger through the hub, and what pages say in its place when it cannot be read."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from neuronhub import language
from neuronhub.billing.ledger import Ledger
from neuronhub.billing.period import Month
from neuronhub.billing.question import Question
from neuronhub.billing.recent import Recent
from neuronhub.errors import LedgerUnavailable, SlurmUnavailable
from neuronhub.hub import reading as rooms
from neuronhub.hub.reading import Reading
from neuronhub.hub.usage import list_months, name_file
from neuronhub.slurm.usage import Association, Associations
from neuronhub.tariff import Billing

MEMBERS = Associations(
    members=(Association("physics", "ada"), Association("maths", "ada"), Association("maths", "emmy")),
    defaults={"ada": "maths"},
    coordinators={"maths": frozenset({"emmy", "carl"})},
)
NOVEMBER = Month(2026, 11)


class Slurm:
    """Says who belongs where, or nothing."""

    def __init__(self) -> None:
        self.silent = False

    async def tell(self) -> Associations:
        if self.silent:
            raise SlurmUnavailable("slurmdbd does not answer")
        return MEMBERS


@pytest.fixture
def slurm() -> Slurm:
    return Slurm()


@pytest.fixture
async def members(slurm: Slurm) -> AsyncIterator[Recent[Associations]]:
    members = Recent("accounts", slurm.tell, 0.0)
    yield members
    await members.close()


@pytest.fixture
def reading(members: Recent[Associations], tmp_path: Path) -> Iterator[Reading]:
    reading = Reading(Ledger(f"sqlite:///{tmp_path}/billing.sqlite", "KRW"), Billing(), members)
    yield reading
    reading.close()


async def test_slurm_says_who_belongs_where(reading: Reading) -> None:
    ada = await reading.find_reader("ada", operator=False)
    assert (ada.accounts, ada.coordinated, ada.choices) == (("maths", "physics"), frozenset(), ())
    emmy = await reading.find_reader("emmy", operator=False)
    assert (emmy.accounts, emmy.coordinated, emmy.choices) == (("maths",), frozenset({"maths"}), ("maths",))
    carl = await reading.find_reader("carl", operator=False)
    assert (carl.accounts, carl.choices) == ((), ("maths",)), "who coordinates need not be a member"
    root = await reading.find_reader("root", operator=True)
    assert (root.accounts, root.coordinated, root.choices) == ((), frozenset(), ("maths", "physics"))


async def test_while_slurm_has_never_answered_nobody_sees_others(
    reading: Reading, slurm: Slurm, members: Recent[Associations]
) -> None:
    slurm.silent = True
    emmy = await reading.find_reader("emmy", operator=False)
    assert (emmy.accounts, emmy.coordinated, emmy.choices) == ((), frozenset(), ())
    assert emmy.problem is not None
    assert "try again" in emmy.problem
    slurm.silent = False
    members.expire()
    assert (await reading.find_reader("emmy", operator=False)).problem is None


async def test_what_slurm_said_before_holds_while_it_is_silent(
    reading: Reading, slurm: Slurm, members: Recent[Associations]
) -> None:
    await reading.find_reader("emmy", operator=False)
    slurm.silent = True
    members.expire()
    assert (await reading.find_reader("emmy", operator=False)).coordinated == {"maths"}


async def test_a_ledger_that_hangs_is_not_waited_for(reading: Reading, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rooms, "LEDGER_PATIENCE_S", 0.05)
    hang = threading.Event()
    try:
        with pytest.raises(LedgerUnavailable):
            await reading.ask(lambda _ledger: hang.wait())
    finally:
        hang.set()


async def test_the_hub_goes_on_while_a_thread_works(reading: Reading) -> None:
    begun, may_end = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def work() -> bool:
        loop.call_soon_threadsafe(begun.set)
        return may_end.wait(10)

    task = asyncio.create_task(reading.work(work))
    await begun.wait()
    may_end.set()
    assert await task


async def test_a_thread_speaks_the_readers_language(reading: Reading) -> None:
    token = language.current.set("ko")
    try:
        assert await reading.ask(lambda _ledger: language.current.get()) == "ko"
    finally:
        language.current.reset(token)


def test_months_to_choose_from_hold_the_chosen_one() -> None:
    months = list_months(NOVEMBER, NOVEMBER)
    assert months[:2] == [NOVEMBER, Month(2026, 10)]
    assert len(months) == 36
    assert list_months(Month(2019, 1), NOVEMBER)[-1] == Month(2019, 1)
    assert list_months(Month(2027, 1), NOVEMBER)[0] == Month(2027, 1)


@pytest.mark.parametrize("account", ["", "*", 'a"; x', "a\r\nb", "../etc", "가"])
def test_a_files_name_is_no_place_for_what_a_url_says(account: str) -> None:
    assert name_file(Question(NOVEMBER, account)) == "usage-2026-11"


def test_a_file_is_named_after_its_account() -> None:
    assert name_file(Question(NOVEMBER, "lab-a")) == "usage-lab-a-2026-11"
