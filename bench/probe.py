"""How long the hub takes to answer while it is busy, seen from a process of its own: ``python -m bench.probe URL``.

A request goes out every PERIOD_S whether or not the one before was answered, so that a hub that stands still for a
second is seen by every request of that second. Ends when standard input does, and prints the latencies as JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from urllib.parse import urlsplit

PERIOD_S = 0.025
TIMEOUT_S = 30.0


async def measure_once(host: str, port: int, path: str) -> float:
    """Seconds until the whole answer was there; TIMEOUT_S when it never came."""
    began = time.perf_counter()
    try:
        async with asyncio.timeout(TIMEOUT_S):
            reader, writer = await asyncio.open_connection(host, port)
            writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n".encode())
            answer = await reader.read()
            writer.close()
    except (OSError, TimeoutError):
        return TIMEOUT_S
    return time.perf_counter() - began if answer.startswith(b"HTTP/1.1 200") else TIMEOUT_S


async def probe(url: str) -> list[float]:
    """Latencies until standard input ends."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or 80
    ended = asyncio.get_running_loop().run_in_executor(None, sys.stdin.buffer.read)
    await measure_once(host, port, parts.path)
    print("ready", flush=True)
    requests: list[asyncio.Task[float]] = []
    due = time.perf_counter()
    while not ended.done():
        requests.append(asyncio.create_task(measure_once(host, port, parts.path)))
        due += PERIOD_S
        await asyncio.wait({ended}, timeout=max(0.0, due - time.perf_counter()))
    return list(await asyncio.gather(*requests))


if __name__ == "__main__":
    print(json.dumps(asyncio.run(probe(sys.argv[1]))))
