"""Looks at all ready servers that cost money: are they away, and for too long (row T2)? Runs in the hub."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from aiohttp import ClientError

from neuronhub.billing.away import AwayKeeper, Watched
from neuronhub.billing.ledger import Ledger
from neuronhub.billing.types import Interval, Start, Use
from neuronhub.errors import LedgerUnavailable, SlurmError
from neuronhub.hub.nobody import make_handler
from neuronhub.site import Site
from neuronhub.slurm.types import Job
from neuronhub.spawn.desk import Desk
from neuronhub.spawn.endings import AWAY, Ending
from neuronhub.spawn.engines import Engines
from neuronhub.spawn.notebooks import fetch_notebooks
from neuronhub.spawn.record import StartRecord
from neuronhub.spawn.spawner import SlurmSpawner

log = logging.getLogger("neuronhub.hub")

PROXY_PATIENCE_S = 10.0


@dataclass(frozen=True, slots=True)
class Charged:
    """A ready server of which something is charged: itself, or engines of it."""

    spawner: SlurmSpawner
    record: StartRecord
    starts: tuple[Start, ...]
    """Its own and its engines' that are not settled."""


class AwayWatch:
    """One per hub process that has a ledger; ``hub`` is JupyterHub's application."""

    def __init__(self, hub: Any, site: Site, desk: Desk, engines: Engines, ledger: Ledger) -> None:
        assert site.billing is not None, "nothing is charged without billing in the site file"
        self._hub = hub
        self._site = site
        self._every = site.billing.away.look_every
        self._warn_before = site.billing.away.warn_before
        self._desk = desk
        self._engines = engines
        self._ledger = ledger
        self._keeper = AwayKeeper(site.billing.away, ledger, desk.commands)
        self._ends: dict[str, asyncio.Task[None]] = {}
        """Server -> its end that is under way."""
        self._warned: dict[tuple[str, datetime], datetime] = {}
        """Job and the begin of its time away -> since when this hub's pages have warned of its end."""
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to look."""
        self._task = asyncio.create_task(self._run(), name="neuronhub-away")

    async def close(self) -> None:
        """Look no more. An end that has begun goes on with the next hub."""
        tasks = [*self._ends.values(), *([self._task] if self._task else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            sleep = asyncio.create_task(asyncio.sleep(self._every.total_seconds()))
            try:
                await self.look()
            except Exception:
                log.exception("a look for servers that are away failed; going on")
            await sleep

    async def look(self) -> None:
        """One look; whoever is silent is asked again by the next one."""
        try:
            groups = group_starts(await asyncio.to_thread(self._ledger.fetch_open))
        except LedgerUnavailable as error:
            log.warning("the ledger does not say which servers are charged: %s", error)
            return
        names = {start.job_name for starts in groups.values() for start in starts}
        self._warned = {key: at for key, at in self._warned.items() if key[0] in names}
        charged = list(self._find_charged(groups))
        if not charged or not await self._desk.watch.fetch_jobs():
            return
        jobs = self._desk.watch.jobs_of("")
        traffic = await self._fetch_traffic()
        watched = [self._watch(one, jobs, traffic.get(one.spawner.proxy_spec)) for one in charged]
        away = await self._keeper.look([each for each in watched if each is not None])
        for one in charged:
            if one.record.job_name in away:
                self._enforce(one, away[one.record.job_name], traffic[one.spawner.proxy_spec])

    def _find_charged(self, groups: Mapping[str, Sequence[Start]]) -> Iterator[Charged]:
        for user in list(self._hub.users.values()):
            for spawner in list(user.spawners.values()):
                record = spawner.record if isinstance(spawner, SlurmSpawner) and spawner.ready else None
                starts = groups.get(record.job_name, ()) if record else ()
                if record and any(start.rate.amount > 0 for start in starts):
                    yield Charged(spawner, record, tuple(starts))

    async def _fetch_traffic(self) -> dict[str, datetime]:
        """Route -> when something last passed through it, by the proxy's own record; {} when it is silent.

        What servers tell JupyterHub of their own activity is never looked at.
        """
        try:
            async with asyncio.timeout(PROXY_PATIENCE_S):
                routes = await self._hub.proxy.get_all_routes()
            return {spec: datetime.fromisoformat(route["data"]["last_activity"]) for spec, route in routes.items()}
        except (TimeoutError, OSError, ClientError, KeyError, TypeError, ValueError) as error:
            log.warning("the proxy does not say which servers are used: %s", error or "it is silent")
            return {}

    def _watch(self, one: Charged, jobs: Sequence[Job], traffic_at: datetime | None) -> Watched | None:
        """The server with its jobs that run; None while one of them may be hidden.

        Known by id, since users may rename their jobs, and by name, since an order of engines may be under way.
        """
        mine = [job for job in jobs if job.user == one.record.user]
        if {start.job_name for start in one.starts if start.job_id is None} - {job.name for job in mine}:
            return None
        ids = {start.job_id for start in one.starts}
        engines = self._desk.engine_names.prefix_of(one.record.job_name)
        group = [job for job in mine if job.id in ids or job.name.startswith((one.record.job_name, engines))]
        running = frozenset(job.id for job in group if not job.state.waiting)
        return Watched(one.record.job_name, one.record.user, running, traffic_at)

    # Limits

    def _enforce(self, one: Charged, interval: Interval, traffic_at: datetime) -> None:
        """End what has been away for too long: the server, or only engines of it."""
        name = one.record.job_name
        over = [start for start in one.starts if self._is_over(start, interval)]
        if not over or name in self._ends:
            return
        whole = any(start.use is Use.SERVER for start in over)
        end = self._end_server(one, interval, traffic_at) if whole else self._end_engines(one, over)
        self._ends[name] = asyncio.create_task(end, name=f"neuronhub-away-{name}")
        self._ends[name].add_done_callback(partial(self._note_ended, name))

    def _is_over(self, start: Start, interval: Interval) -> bool:
        queue = self._site.queue(start.queue)
        limit = queue.away_limit if queue and start.rate.amount > 0 else None
        away = interval.ended_at - interval.began_at
        if limit is None or away < limit - self._warn_before:
            return False
        # While no hub looked, nobody was warned: the next one gives its users the same time to come back.
        warned_at = self._warned.setdefault((start.job_name, interval.began_at), interval.ended_at)
        return away >= limit and interval.ended_at - warned_at >= min(limit, self._warn_before) - self._every

    def _note_ended(self, name: str, task: asyncio.Task[None]) -> None:
        del self._ends[name]
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("%s has been away for too long and could not be ended, will try again", name, exc_info=error)

    async def _end_server(self, one: Charged, interval: Interval, traffic_at: datetime) -> None:
        """As a user would, unless somebody has come back at the last moment."""
        spawner, record = one.spawner, one.record
        url = f"{record.url}{spawner.server.base_url}"
        notebooks = await fetch_notebooks(self._desk.http_client, url, spawner.api_token)
        traffic = await self._fetch_traffic()
        if traffic.get(spawner.proxy_spec) != traffic_at or not spawner.ready or spawner.record != record:
            return
        log.warning("%s: away since %s, ending it", record.job_name, interval.began_at)
        spawner.ending = Ending(
            AWAY,
            record.queue,
            ready=True,
            job_id=record.job_id,
            node=spawner.job.batch_host if spawner.job else "",
            ended_at=datetime.now(UTC).isoformat(),
        )
        spawner.offer(notebooks)
        await make_handler(self._hub.tornado_application).stop_single_user(spawner.user, spawner.name)

    async def _end_engines(self, one: Charged, over: Sequence[Start]) -> None:
        """The server costs nothing, or may be away for longer: only its engines go."""
        names = [self._desk.engine_names.parse(start.job_name) for start in over]
        for cluster in sorted({name.cluster for name in names if name is not None}):
            log.warning("%s: its engines have been away for too long, ending cluster %s", one.record.job_name, cluster)
            try:
                await self._engines.stop(one.record, cluster)
            except SlurmError as error:
                log.warning("cluster %s could not be ended, will try again: %s", cluster, error)


def group_starts(starts: Sequence[Start]) -> dict[str, list[Start]]:
    """Server -> its own start and those of its engines."""
    groups: dict[str, list[Start]] = {}
    for start in starts:
        groups.setdefault(start.server, []).append(start)
    return groups
