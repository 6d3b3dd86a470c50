from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from tests.unit.environments.scripted import STATUS, script, tell, until

from neuronhub import language
from neuronhub.environments import door as doors
from neuronhub.environments.door import Door, Traffic, parse_order
from neuronhub.environments.types import Action
from neuronhub.errors import EnvironmentBusy, EnvironmentFailed, TooManyAtOnce

Calls = Callable[[], list[str]]


@pytest.fixture
def calls(tmp_path: Path) -> Calls:
    """What was called so far: action and language of each."""
    path = tmp_path / "calls"
    path.touch()
    return lambda: path.read_text().splitlines()


@pytest.fixture
async def open_door(tmp_path: Path, calls: Calls) -> AsyncIterator[Callable[..., Door]]:
    """Make a door to a scripted command that counts its calls; what goes on is ended after the test."""
    opened: list[Door] = []

    def make(text: str = "", traffic: Traffic | None = None) -> Door:
        told = tell(status=STATUS.to_json())
        opened.append(Door(script(tmp_path, f'echo "$4 $7" >>{tmp_path}/calls\n{text}{told}'), traffic))
        return opened[-1]

    yield make
    for door in opened:
        await door.close()


async def finish(door: Door) -> None:
    assert door.errand is not None
    async with asyncio.timeout(10):
        await door.errand.wait()


async def test_many_readers_are_one_process(open_door: Callable[..., Door], calls: Calls) -> None:
    door = open_door()
    bodies = await asyncio.gather(*(door.describe() for _ in range(20)))
    assert bodies == [{"status": STATUS.to_json(), "errand": None}] * 20
    assert await door.fetch_status() == STATUS
    assert calls() == ["status en"]


async def test_each_language_is_read_for_itself(open_door: Callable[..., Door], calls: Calls) -> None:
    door = open_door()
    await door.fetch_status()
    token = language.current.set("ko")
    await door.fetch_status()
    language.current.reset(token)
    assert calls() == ["status en", "status ko"]


async def test_a_status_grows_old(
    open_door: Callable[..., Door], calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    door = open_door()
    await door.fetch_status()
    monkeypatch.setattr(doors, "STATUS_AGE_S", 0)
    await door.fetch_status()
    assert calls() == ["status en"] * 2


async def test_one_errand_at_a_time_and_the_status_before_it_is_shown(
    open_door: Callable[..., Door], calls: Calls, tmp_path: Path
) -> None:
    goes_on = tmp_path / "goes-on"
    door = open_door(f'while [ "$4" = reset ] && ! [ -e {goes_on} ]; do sleep 0.02; done\n')
    await door.fetch_status()
    errand = door.begin(Action.RESET)
    with pytest.raises(EnvironmentBusy):
        door.begin(Action.CREATE)
    body = await door.describe()
    assert body["errand"] == {"action": "reset", "step": "", "done": 0.0, "finished": False, "error": None}
    goes_on.touch()
    await finish(door)
    assert errand.error is None
    assert (await door.describe())["errand"]["finished"] is True
    assert calls()[:3] == ["status en", "reset en", "status en"]
    door.begin(Action.REPAIR)
    await finish(door)


async def test_a_status_read_before_an_errand_is_not_shown_after_it(
    open_door: Callable[..., Door], calls: Calls, tmp_path: Path
) -> None:
    slow = tmp_path / "slow"
    slow.touch()
    door = open_door(f'while [ "$4" = status ] && [ -e {slow} ]; do sleep 0.02; done\n')
    reading = asyncio.create_task(door.fetch_status())
    async with asyncio.timeout(10):
        await until(lambda: calls() == ["status en"])
    door.begin(Action.CREATE)
    await finish(door)
    slow.unlink()
    await reading
    await door.fetch_status()
    assert calls()[:3] == ["status en", "create en", "status en"]


async def test_a_failed_read_is_tried_again_but_not_at_once(
    open_door: Callable[..., Door], calls: Calls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "broken"
    broken.touch()
    door = open_door(f"[ -e {broken} ] && exit 3\n")
    for _ in range(3):
        with pytest.raises(EnvironmentFailed):
            await door.describe()
    assert calls() == ["status en"]
    broken.unlink()
    monkeypatch.setattr(doors, "STATUS_AGE_S", 0)
    assert await door.fetch_status() == STATUS


async def test_a_reader_who_goes_away_takes_nothing_from_the_others(
    open_door: Callable[..., Door], calls: Calls
) -> None:
    door = open_door("sleep 0.2\n")
    first, second = (asyncio.create_task(door.fetch_status()) for _ in range(2))
    async with asyncio.timeout(10):
        await until(lambda: calls() == ["status en"])
        first.cancel()
        assert await second == STATUS
    assert calls() == ["status en"]


async def test_errands_of_all_doors_have_one_limit(open_door: Callable[..., Door], tmp_path: Path) -> None:
    traffic = Traffic(most_errands=1)
    goes_on = tmp_path / "goes-on"
    first, second = (open_door(f"while ! [ -e {goes_on} ]; do sleep 0.02; done\n", traffic) for _ in range(2))
    first.begin(Action.CREATE)
    with pytest.raises(TooManyAtOnce):
        second.begin(Action.CREATE)
    assert second.errand is None
    goes_on.touch()
    await finish(first)
    second.begin(Action.CREATE)
    await finish(second)


async def test_questions_of_all_doors_have_one_limit(
    open_door: Callable[..., Door], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doors, "PATIENCE_S", 0.2)
    monkeypatch.setattr(doors, "STATUS_AGE_S", 0)
    traffic = Traffic(most_questions=1)
    goes_on = tmp_path / "goes-on"
    first, second = (open_door(f"while ! [ -e {goes_on} ]; do sleep 0.02; done\n", traffic) for _ in range(2))
    reading = asyncio.create_task(first.fetch_status())
    await asyncio.sleep(0)
    with pytest.raises(TooManyAtOnce):
        await second.fetch_status()
    goes_on.touch()
    assert await reading == STATUS
    assert await second.fetch_status() == STATUS


async def test_one_user_takes_one_place_of_all(open_door: Callable[..., Door], tmp_path: Path) -> None:
    traffic = Traffic(most_questions=2)
    goes_on = tmp_path / "goes-on"
    hanging = open_door(f"while ! [ -e {goes_on} ]; do sleep 0.02; done\n", traffic)
    reading = asyncio.create_task(hanging.fetch_status())
    await asyncio.sleep(0)
    token = language.current.set("ko")
    again = asyncio.create_task(hanging.fetch_status())
    language.current.reset(token)
    export = asyncio.create_task(hanging.fetch_export())
    await asyncio.sleep(0)
    assert await open_door("", traffic).fetch_status() == STATUS
    goes_on.touch()
    assert await reading == await again == STATUS
    assert await export


async def test_one_user_takes_one_place_for_exports(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    door = Door(script(tmp_path, f"mkdir {lock} || exit 5\nsleep 0.05\nrmdir {lock}\necho 'name: notebook'\n"))
    texts = await asyncio.gather(*(door.fetch_export() for _ in range(5)))
    assert texts == ["name: notebook\n"] * 5


@pytest.mark.parametrize("action", list(Action))
def test_an_order_names_its_action(action: Action) -> None:
    assert parse_order(f'{{"action": "{action}"}}'.encode()) is action


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b"\xff",
        b'"create"',
        b'{"action": "status"}',
        b'{"action": []}',
        b'{"action": "create", "more": 1}',
        b'{"action": ' + b"[" * 100_000,
    ],
)
def test_what_is_no_order_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        parse_order(body)
