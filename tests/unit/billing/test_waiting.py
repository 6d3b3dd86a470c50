"""Who waits for whom: answers that are slow in coming, and notes that nobody takes yet."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field

import pytest

from neuronhub.billing import outbox, recent
from neuronhub.billing.outbox import Outbox
from neuronhub.billing.recent import Recent
from neuronhub.errors import EntryRefused, LedgerUnavailable, SlurmUnavailable


@dataclass
class Oracle:
    """Answers with a number, one more each time, once ``speaks`` is set."""

    asked: int = 0
    error: SlurmUnavailable | None = None
    speaks: asyncio.Event = field(default_factory=asyncio.Event)

    async def answer(self) -> int:
        self.asked += 1
        number = self.asked
        await self.speaks.wait()
        if self.error is not None:
            raise self.error
        return number


@pytest.fixture
def oracle() -> Oracle:
    made = Oracle()
    made.speaks.set()
    return made


async def test_an_answer_is_kept_for_its_time(oracle: Oracle) -> None:
    number = Recent("number", oracle.answer, 60.0)
    assert [await number.refresh(1.0) for _ in range(3)] == [1, 1, 1]
    assert await number.refresh(1.0, age_s=-1) == 2
    number.expire()
    assert await number.refresh(1.0) == 3


async def test_readers_at_once_ask_once_and_nobody_waits_longer_than_he_would(oracle: Oracle) -> None:
    oracle.speaks.clear()
    number = Recent("number", oracle.answer, 60.0)
    begun = time.monotonic()
    assert await asyncio.gather(*(number.refresh(0.2) for _ in range(50))) == [None] * 50
    assert time.monotonic() - begun < 5  # one after the other they would wait for 10 s
    assert oracle.asked == 1
    oracle.speaks.set()
    assert await number.refresh(1.0) == 1


async def test_a_reader_that_goes_away_does_not_stop_the_question(oracle: Oracle) -> None:
    oracle.speaks.clear()
    number = Recent("number", oracle.answer, 60.0)
    reading = asyncio.create_task(number.refresh(10.0))
    await asyncio.sleep(0)
    reading.cancel()
    oracle.speaks.set()
    assert await number.refresh(1.0) == 1
    assert oracle.asked == 1


async def test_silence_keeps_what_was_known_and_is_told(oracle: Oracle, monkeypatch: pytest.MonkeyPatch) -> None:
    number = Recent("number", oracle.answer, 0.0)
    assert await number.refresh(1.0) == 1
    oracle.error = SlurmUnavailable("away")
    monkeypatch.setattr(recent, "RETRY_S", 60.0)
    assert [await number.refresh(1.0) for _ in range(5)] == [1] * 5
    assert number.problem is oracle.error
    assert oracle.asked == 2, "who does not answer is left alone for a while"
    monkeypatch.setattr(recent, "RETRY_S", 0.0)
    oracle.error = None
    assert await number.refresh(1.0) == 3
    assert number.problem is None


async def test_an_end_waits_for_nobody(oracle: Oracle) -> None:
    oracle.speaks.clear()
    number = Recent("number", oracle.answer, 60.0)
    await number.close()
    await number.refresh(0.0)
    async with asyncio.timeout(1):
        await number.close()


@dataclass
class Listener:
    """Takes notes, except while it is away or when it refuses."""

    heard: list[str] = field(default_factory=list)
    away: bool = False

    def note(self, text: str) -> Callable[[], Coroutine[None, None, None]]:
        async def tell() -> None:
            await asyncio.sleep(0)
            if self.away:
                raise LedgerUnavailable("away")
            if text == "nonsense":
                raise EntryRefused("nonsense")
            if text == "mistake":
                raise TypeError("a mistake of ours")
            self.heard.append(text)

        return tell


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "RETRY_S", 0.01)


async def test_notes_are_told_in_order_however_often_it_takes() -> None:
    listener, box = Listener(away=True), Outbox()
    for text in ("one", "two", "nonsense", "mistake", "three"):
        await box.tell(listener.note(text))
    await asyncio.sleep(0.05)
    assert listener.heard == []
    listener.away = False
    await box.tell(listener.note("four"), 5.0)
    assert listener.heard == ["one", "two", "three", "four"]


async def test_nobody_waits_longer_for_a_note_than_he_would() -> None:
    listener, box = Listener(away=True), Outbox()
    begun = time.monotonic()
    await box.tell(listener.note("one"), 0.05)
    assert time.monotonic() - begun < 5
    await box.close(0.05)


async def test_what_is_on_its_way_at_the_end_is_told(caplog: pytest.LogCaptureFixture) -> None:
    listener, box = Listener(), Outbox()
    await box.tell(listener.note("one"))
    await box.close(5.0)
    assert listener.heard == ["one"]
    assert not caplog.records
    listener.away = True
    await box.tell(listener.note("two"))
    await box.close(0.05)
    assert "1 notes have not reached" in caplog.text
