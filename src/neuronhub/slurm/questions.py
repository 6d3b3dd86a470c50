"""What the watch may ask Slurm, when it asked it last, and how it tells that there is an answer. Runs in the hub."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol

from neuronhub.errors import SlurmUnavailable
from neuronhub.slurm.types import Configuration, Job, Node, Queue


class Questions(Protocol):
    """The part of slurm.commands.Commands that the watch uses."""

    @property
    def asked(self) -> Mapping[str, int]: ...
    async def fetch_nodes(self) -> tuple[tuple[str, Node], ...]: ...
    async def fetch_partitions(self) -> tuple[Queue, ...]: ...
    async def fetch_configuration(self) -> Configuration: ...
    async def fetch_jobs(self) -> tuple[Job, ...]: ...
    async def fetch_ended(self, ids: Sequence[int]) -> tuple[Job, ...]: ...
    async def fetch_named(self, names: Sequence[str]) -> tuple[Job, ...]: ...


class News:
    """Something that happens again and again; whoever waits is told of the next time."""

    def __init__(self) -> None:
        self._next = asyncio.Event()

    def tell(self) -> None:
        self._next.set()
        self._next = asyncio.Event()

    async def wait(self, timeout_s: float) -> bool:
        happened = self._next
        try:
            async with asyncio.timeout(timeout_s):
                await happened.wait()
        except TimeoutError:
            return False
        return True


class Question:
    """One kind of question: how to put it, when that was done last, and how it failed then."""

    def __init__(self, put: Callable[[], Awaitable[None]]) -> None:
        self.put = put
        self.put_at = float("-inf")
        self.failure: SlurmUnavailable | None = None
