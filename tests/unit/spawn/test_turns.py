"""Heavy steps, one in each round of the loop."""

import asyncio

from neuronhub.spawn.turns import Turns


async def test_between_two_turns_the_loop_serves_others() -> None:
    turns, order = Turns(), []

    async def heavy(name: str) -> None:
        await turns.take()
        order.append(name)
        asyncio.get_running_loop().call_soon(order.append, "other")

    await asyncio.gather(heavy("first"), heavy("second"), heavy("third"))
    assert order[:3] == ["first", "other", "second"]
    assert order[3:5] == ["other", "third"]


async def test_a_cancelled_turn_holds_up_nobody() -> None:
    turns = Turns()
    waiting = asyncio.create_task(turns.take())
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait_for(turns.take(), 1)
    assert waiting.cancelled()
