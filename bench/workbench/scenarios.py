"""Engines, TensorBoards and servers on the embedded site: ours through the user's own server, the peers by hand."""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import aiohttp

from bench.figures import Figures
from bench.site import CHECKOUT, Site, SiteError

NEURONHUB, PLAIN = "neuronhub", "plain"
SUBJECTS = (NEURONHUB, PLAIN)
USER, PEER = "u41", "u42"
BASE = "/apps/jupyter/bases/current"
QUEUE = "jupyter"
ENGINES = {"engines-4": (4, 1), "engines-20": (20, 5)}
NAMES = (*ENGINES, "tensorboard", "server")
LIMIT_S = 180.0
LOOK_S = 0.1


class Person:
    """A researcher with a running server, by REST."""

    def __init__(self, site: Site, session: aiohttp.ClientSession) -> None:
        self._url = site.status["url"].rstrip("/")
        self._headers = {"Authorization": f"token {site.status['admin_token']}"}
        self._session = session

    async def ask(self, method: str, path: str, body: object = None) -> Any:
        """One request to the hub or the user's server; raises SiteError for a no."""
        data = None if body is None else json.dumps(body)
        async with self._session.request(method, self._url + path, headers=self._headers, data=data) as answer:
            text = await answer.text()
            if answer.status >= 400:
                raise SiteError(f"{method} {path}: {answer.status} {text[:200]}")
            return json.loads(text) if text.startswith(("{", "[")) else None

    async def start_server(self) -> None:
        """A server in the free queue."""
        await self.ask("POST", f"/hub/api/users/{USER}")
        await self.ask("POST", f"/hub/api/users/{USER}/server", {"queue": QUEUE, "time_limit": 60})
        async with asyncio.timeout(LIMIT_S):
            while True:
                user = await self.ask("GET", f"/hub/api/users/{USER}")
                if user["servers"].get("", {}).get("ready"):
                    return
                await asyncio.sleep(LOOK_S)

    async def time_engines(self, engines: int, nodes: int) -> float:
        """Seconds from the order until all are registered."""
        path = f"/user/{USER}/neuronhub/clusters"
        order = {"profile": "slurm", "engines": engines, "nodes": nodes, "queue": QUEUE}
        began = time.monotonic()
        cluster = await self.ask("POST", path, order)
        try:
            async with asyncio.timeout(LIMIT_S):
                while True:
                    (told,) = (await self.ask("GET", path))["clusters"]
                    if told["error"]:
                        raise SiteError(told["error"])
                    if told["registered"] >= engines:
                        return time.monotonic() - began
                    await asyncio.sleep(LOOK_S)
        finally:
            await self.ask("DELETE", f"{path}/{cluster['id']}")

    async def time_tensorboard(self) -> float:
        """Seconds from New until the board's page is there."""
        path = f"/user/{USER}/neuronhub/tensorboards"
        began = time.monotonic()
        board = await self.ask("POST", path, {"folder": ""})
        await self.ask("GET", board["url"])
        seconds = time.monotonic() - began
        await self.ask("DELETE", f"{path}/{board['id']}")
        return seconds


async def measure(site: Site, scenarios: Sequence[str], *, quick: bool) -> AsyncIterator[Figures]:
    """Measure ``scenarios`` of both."""
    folder = site.folder / "workbench"
    folder.mkdir()
    for file in (CHECKOUT / "bench" / "workbench" / "plain_engines.py", CHECKOUT / "bench" / "first_answer.py"):
        (folder / file.name).write_bytes(file.read_bytes())
    # The embedded site's free queue gives a job one node; five are measured here.
    await site.run("/usr/bin/scontrol", "update", f"PartitionName={QUEUE}", "MaxNodes=UNLIMITED")
    await site.run("/usr/local/bin/neuronhub", "env", "create", user=PEER)
    repeat = 1 if quick else 5
    async with aiohttp.ClientSession() as session:
        person = Person(site, session)
        await person.start_server()
        for name in (name for name in scenarios if name in ENGINES):
            ours = [await person.time_engines(*ENGINES[name]) for _ in range(repeat)]
            yield Figures(name, NEURONHUB, {"seconds": statistics.median(ours)})
            theirs = [await time_plain_engines(site, folder, *ENGINES[name]) for _ in range(repeat)]
            yield Figures(name, PLAIN, {"seconds": statistics.median(theirs)})
        if "tensorboard" in scenarios:
            boards = [await person.time_tensorboard() for _ in range(repeat)]
            yield Figures("tensorboard", NEURONHUB, {"seconds": statistics.median(boards)})
            yield await measure_first_answer(site, folder, "tensorboard", "tensorboard", PLAIN, repeat)
    if "server" in scenarios:
        yield await measure_first_answer(site, folder, "server", "workbench", NEURONHUB, repeat)
        yield await measure_first_answer(site, folder, "server", "singleuser", PLAIN, repeat)


async def time_plain_engines(site: Site, folder: Path, engines: int, nodes: int) -> float:
    """ipyparallel's own launcher, from the same environment."""
    scratch = f"/scratch/{PEER}"
    python = f"{scratch}/.conda/envs/notebook/bin/python"
    words = (str(folder / "plain_engines.py"), scratch, QUEUE, str(engines), str(nodes))
    return float((await site.run(python, *words, user=PEER)).split()[-1])


async def measure_first_answer(
    site: Site, folder: Path, scenario: str, kind: str, subject: str, repeat: int
) -> Figures:
    """From exec to the first answer, of the base."""
    words = (str(folder / "first_answer.py"), kind, BASE, f"/scratch/{PEER}")
    outcomes = [json.loads(await site.run("/usr/bin/python3", *words, user=PEER)) for _ in range(repeat)]
    problems = tuple(dict.fromkeys(outcome["problem"] for outcome in outcomes if outcome["problem"]))
    if problems:
        return Figures(scenario, subject, {}, problems)
    values = {key: statistics.median(outcome[key] for outcome in outcomes) for key in ("seconds", "rss_mib")}
    return Figures(scenario, subject, values)
