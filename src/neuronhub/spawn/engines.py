"""The engines' jobs of all servers of one hub: submitted, told of, cancelled. In the hub process.

Nothing is kept beside Slurm: after a restart of the hub the jobs' names tell whose they are.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import Any

from neuronhub.errors import SlurmError, SlurmUnavailable, StartRefused
from neuronhub.language import translate as _
from neuronhub.protocol import EnginesOrder
from neuronhub.slurm.types import Job, JobRef, JobRequest
from neuronhub.slurm.watch import Pace
from neuronhub.spawn.desk import Desk
from neuronhub.spawn.engine_jobs import check_order, make_engine_requests
from neuronhub.spawn.options import FIELDS, Choice
from neuronhub.spawn.orders import make_engine_orders
from neuronhub.spawn.reasons import explain_reason
from neuronhub.spawn.record import StartRecord
from neuronhub.spawn.submission import cancel_job, submit_once

log = logging.getLogger("neuronhub.spawn")

MOST_CLUSTERS = 8
"""Of one server at a time."""
MOST_STOPPED = 10_000
"""Stopped clusters that are remembered, of all servers: one may ask for the end of any number."""


class Engines:
    """One per hub process; handlers find it in JupyterHub's tornado settings under SETTING."""

    SETTING = "neuronhub_engines"

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._followed: dict[str, JobRef] = {}
        self._stopped: dict[str, None] = {}
        """How the names of the jobs of stopped clusters begin, the latest last: Slurm may show them for a while, and
        an order of one may still be on its way."""
        self._ends: set[asyncio.Task[None]] = set()
        desk.on_release = self._end_all

    async def start(self, record: StartRecord, order: EnginesOrder, groups: list[str]) -> dict[str, Any]:
        """Submit a job for each node; all or none. Raises StartRefused, SlurmRefused or SlurmUnavailable."""
        desk = self._desk
        fields = {"queue": order.queue, "time_limit": order.time_limit, "account": order.account or record.account}
        assert set(fields) == FIELDS
        choice = await desk.choose(fields, groups)
        snapshot = desk.watch.cluster
        check_order(order, snapshot.queue(choice.queue) if snapshot else None)
        known = self.describe(record)
        prefix = self._prefix_of(record, order.cluster)
        if order.cluster in known:
            raise StartRefused(_("A cluster with this name runs already. Stop it first."))
        if len(known) >= MOST_CLUSTERS:
            words = _("{most} clusters are the most at a time. Stop one of them.")
            raise StartRefused(words.format(most=MOST_CLUSTERS))
        self._check_wanted(prefix)
        requests = make_engine_requests(desk.site, record, order, choice, desk.engine_names)
        self._followed |= {request.name: JobRef(request.user, request.name) for request in requests}
        requests = await self._open(record, choice, requests, prefix)
        outcomes = await asyncio.gather(*(self._submit(request) for request in requests), return_exceptions=True)
        try:
            for outcome in outcomes:
                if isinstance(outcome, BaseException):
                    raise outcome
            self._check_wanted(prefix)
        except BaseException:
            await self._stop_quietly(record, order.cluster)
            raise
        log.info("engines of %s: %d jobs submitted to %s", record.job_name, len(requests), choice.queue)
        return self.describe(record)[order.cluster]

    async def _open(
        self, record: StartRecord, choice: Choice, requests: list[JobRequest], prefix: str
    ) -> list[JobRequest]:
        """``requests`` with the account that pays, once the most that all can cost together is held back."""
        names = [request.name for request in requests]
        try:
            account = await self._desk.till.open(make_engine_orders(record.job_name, choice.account, requests))
            try:
                self._check_wanted(prefix)
            except StartRefused:
                await self._desk.till.close(names)
                raise
        except BaseException:
            for name in names:
                self._forget_job(name)
            raise
        return [replace(request, account=account or None) for request in requests]

    def _prefix_of(self, record: StartRecord, cluster: str | None) -> str:
        """How the names of the jobs of a cluster begin, or those of all clusters of a server."""
        prefix = self._desk.engine_names.prefix_of(record.job_name)
        return prefix if cluster is None else f"{prefix}{cluster}-"

    def _check_wanted(self, prefix: str) -> None:
        if prefix in self._stopped:
            raise StartRefused(_("The cluster was stopped while it was starting."))

    async def _submit(self, request: JobRequest) -> None:
        job_id = await submit_once(self._desk, request)
        self._followed[request.name] = ref = JobRef(request.user, request.name, job_id)
        self._desk.watch.follow(ref, Pace.URGENT)

    def describe(self, record: StartRecord) -> dict[str, dict[str, Any]]:
        """The clusters of a server, by their eight digits: ``{"queue", "jobs": [...]}``, ended jobs included."""
        clusters: dict[str, dict[str, Any]] = {}
        for name, job_id, job in self._find(record):
            meaning = self._desk.engine_names.parse(name)
            assert meaning is not None
            if job is not None and not job.state.waiting:
                self._desk.watch.follow(JobRef(record.user, name, job.id), Pace.RUNNING)
            cluster = clusters.setdefault(meaning.cluster, {"queue": job.partition if job else "", "jobs": []})
            cluster["jobs"].append(describe_job(meaning.node, job_id, job))
        return clusters

    def _find(self, record: StartRecord, cluster: str | None = None) -> list[tuple[str, int | None, Job | None]]:
        """Name, id and newest knowledge of the engines' jobs of a server, or of one cluster of it."""
        prefix = self._prefix_of(record, cluster)
        watch = self._desk.watch
        for job in watch.jobs_of(prefix):  # a hub that was before us submitted it
            meaning = self._desk.engine_names.parse(job.name)
            if job.user != record.user or meaning is None or job.name in self._followed:
                continue
            if self._prefix_of(record, meaning.cluster) not in self._stopped:
                self._followed[job.name] = JobRef(job.user, job.name, job.id)
                watch.follow(self._followed[job.name], Pace.RUNNING)
        mine = {name: ref for name, ref in self._followed.items() if name.startswith(prefix)}
        return [(name, ref.id, watch.job(name)) for name, ref in sorted(mine.items())]

    def _end_all(self, record: StartRecord) -> None:
        """The server is over: its engines end with it. What Slurm does not hear now is an orphan."""
        if self._find(record):
            task = asyncio.create_task(self._forget(record))
            self._ends.add(task)
            task.add_done_callback(self._ends.discard)

    async def _forget(self, record: StartRecord) -> None:
        await self._stop_quietly(record)
        prefix = self._prefix_of(record, None)
        self._stopped = {stopped: None for stopped in self._stopped if not stopped.startswith(prefix)}
        for name in [name for name in self._followed if name.startswith(prefix)]:
            self._forget_job(name)

    async def _stop_quietly(self, record: StartRecord, cluster: str | None = None) -> None:
        try:
            await self.stop(record, cluster)
        except SlurmError as error:
            log.warning("engines of %s have not been cancelled: %s", record.job_name, error)

    async def stop(self, record: StartRecord, cluster: str | None = None) -> None:
        """Cancel the jobs of one cluster, or of all of a server; may be repeated. Raises SlurmError if one is left."""
        if cluster is not None and not self._find(record, cluster) and not await self._desk.watch.fetch_jobs():
            raise SlurmUnavailable("Slurm does not say which jobs there are")  # and this hub may be a new one
        jobs = self._find(record, cluster)
        clusters = {meaning.cluster for name, _id, _job in jobs if (meaning := self._desk.engine_names.parse(name))}
        self._stopped |= {self._prefix_of(record, each): None for each in clusters | ({cluster} if cluster else set())}
        while len(self._stopped) > MOST_STOPPED:
            del self._stopped[next(iter(self._stopped))]
        outcomes = await asyncio.gather(*(self._cancel(record, *job) for job in jobs), return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome

    async def _cancel(self, record: StartRecord, name: str, job_id: int | None, job: Job | None) -> None:
        if job is None or not job.state.ended:
            await cancel_job(self._desk, JobRef(record.user, name, job_id), job)
        self._forget_job(name)

    def _forget_job(self, name: str) -> None:
        self._followed.pop(name, None)
        self._desk.watch.unfollow(name)


def describe_job(node: int, job_id: int | None, job: Job | None) -> dict[str, Any]:
    """One engines' job as JSON-able values, in the current language."""
    return {
        "node": node,
        "job_id": job.id if job else job_id,
        "state": job.state.value if job else "SUBMITTED",
        "reason": explain_reason(job.reason) if job and job.state.waiting else "",
        "host": job.batch_host if job else "",
        "started_at": job.started_at.isoformat() if job and job.started_at and not job.state.waiting else None,
        "ends_at": job.ended_at.isoformat() if job and job.ended_at else None,
        "ended": bool(job and job.state.ended),
        "exit_code": job.exit_code if job else 0,
    }
