"""The hub's latency while something else happens; see probe.py, which does the asking."""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bench.machine import set_priority
from bench.site import CHECKOUT

LINE_LIMIT = 1 << 24


@asynccontextmanager
async def watch_latency(url: str) -> AsyncIterator[list[float]]:
    """Ask ``url`` all the while from a process of its own; the list is filled with seconds when the context ends."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.probe", url),
        stdin=PIPE,
        stdout=PIPE,
        cwd=CHECKOUT,
        limit=LINE_LIMIT,
        start_new_session=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    seconds: list[float] = []
    try:
        set_priority(process.pid)
        await process.stdout.readline()
        yield seconds
        process.stdin.close()
        seconds.extend(json.loads(await process.stdout.readline()))
        await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
