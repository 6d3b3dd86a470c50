"""What all spawners of one hub share: the site, the door to Slurm, the watcher, and who owns which job."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping
from typing import Any

from tornado.httpclient import AsyncHTTPClient

from neuronhub.errors import SlurmNotPermitted, SlurmRefused, SlurmUnavailable
from neuronhub.language import translate as _
from neuronhub.payment import NothingCharged, Till
from neuronhub.site import Site
from neuronhub.slurm.commands import Commands
from neuronhub.slurm.types import ClusterSnapshot, Job
from neuronhub.slurm.watch import Pace, Watch
from neuronhub.spawn.engine_jobs import EngineNames
from neuronhub.spawn.options import Choice, check_choice, describe_cluster, parse_choice
from neuronhub.spawn.record import JobNames, Seal, StartRecord
from neuronhub.spawn.turns import Turns

log = logging.getLogger("neuronhub.spawn")

ORPHAN_CHECK_S = 60.0
SUSPECT_CHECK_S = 6.0
"""A job is an orphan when two answers of Slurm, this far apart, show it and no server owns it."""
PATIENCE_S = 0.3
FIRST_LOOK_S = 5.0
"""A hub that has just started, with Slurm away, shows its pages all the same."""
FORM_AGE_S = 60.0
"""A start is checked against what Slurm said at most this long ago, if it answers within PATIENCE_S."""


class Desk:
    """One per hub process; spawners find it in JupyterHub's tornado settings under SETTING."""

    SETTING = "neuronhub_desk"

    def __init__(
        self,
        site: Site,
        commands: Commands,
        watch: Watch,
        seal: Seal,
        http_client: AsyncHTTPClient,
        till: Till | None = None,
    ) -> None:
        self.site = site
        self.commands = commands
        self.watch = watch
        self.seal = seal
        self.http_client = http_client
        """For proofs; its own, since a burst of starts needs more connections at once than the shared one has."""
        self.till: Till = till or NothingCharged()
        """Who keeps the money."""
        self.turns = Turns()
        self.names = JobNames(site.hub.name)
        self.engine_names = EngineNames(site.hub.name, self.names)
        self.on_release: Callable[[StartRecord], None] | None = None
        """Told of each start that is over."""
        self.adopting: set[str] = set()
        """Users whose waiting start is about to be taken up again after a restart of the hub."""
        self._held: dict[str, StartRecord] = {}
        self._orphan_task: asyncio.Task[None] | None = None
        self._ask_for_orphans = True
        self._hopeless: set[int] = set()
        """Orphans that the hub may not cancel: reported once."""

    def hold(self, record: StartRecord) -> None:
        """Own the job of ``record``; may be repeated with newer knowledge."""
        self._held[record.job_name] = record

    def follow(self, record: StartRecord, pace: Pace) -> None:
        """Have the job of ``record`` watched at ``pace``, once it may exist."""
        self.watch.follow(record.ref, pace)

    def release(self, job_name: str) -> None:
        """Own this job no longer. If Slurm still runs it, it is an orphan from now on."""
        record = self._held.pop(job_name, None)
        self.watch.unfollow(job_name)
        self.look_for_orphans()
        if record is not None and self.on_release is not None:
            self.on_release(record)

    def look_for_orphans(self) -> None:
        """Ask Slurm for jobs without an owner soon, also if nobody looks."""
        self._ask_for_orphans = True

    async def choose(self, fields: Mapping[str, Any], groups: Collection[str]) -> Choice:
        """Check what a user wants to start; raises StartRefused, or SlurmUnavailable if Slurm never answered."""
        snapshot = await self.watch.fetch_cluster(FORM_AGE_S, PATIENCE_S)
        choice = parse_choice(fields, self.site, snapshot)
        check_choice(choice, self.site, snapshot, groups)
        return choice

    def describe_cluster(self, groups: Collection[str], user: str | None) -> dict[str, Any]:
        """The resource table of the newest snapshot, for a member of ``groups``, in the current language.

        ``billing``: budgets of ``user``; None where nothing is charged, or for a reader who is no user.
        """
        table = describe_cluster(self.site, self.watch.cluster, groups, self.explain_problem())
        return table | {"billing": self.till.describe(user) if user else None}

    def explain_problem(self) -> str | None:
        """A sentence while Slurm does not answer, else None."""
        if self.watch.problem is None:
            return None
        return _("Slurm does not answer at the moment. Running servers and waiting jobs are not affected.")

    async def refresh(self, user: str | None, patience_s: float = PATIENCE_S) -> None:
        """Look up what a page is about to show to ``user``: the table, and what the till knows. Soon over."""
        billing = [self.till.refresh(user)] if user else []
        await asyncio.gather(self.fetch_cluster(patience_s), *billing)

    async def fetch_cluster(self, patience_s: float = PATIENCE_S) -> ClusterSnapshot | None:
        """The newest snapshot for somebody who looks now, or None if Slurm has never answered.

        A page does not keep its reader waiting for a newer one than there is: it shows the age, and renews itself.
        """
        try:
            async with asyncio.timeout(FIRST_LOOK_S):
                return await self.watch.fetch_cluster(patience_s=patience_s)
        except (SlurmUnavailable, TimeoutError) as error:
            log.warning("no resource table yet: %s", error or "Slurm has not answered")
            return None

    def start_orphan_checks(self) -> None:
        """Begin to look for jobs of ours that no server owns: at once, and from time to time."""
        self._orphan_task = asyncio.create_task(self._check_orphans(), name="neuronhub-orphans")

    async def close(self) -> None:
        """End the watcher and the orphan checks."""
        if self._orphan_task:
            self._orphan_task.cancel()
            await asyncio.gather(self._orphan_task, return_exceptions=True)
        await self.watch.close()

    async def _check_orphans(self) -> None:
        """Ask Slurm at the hub's start and after a server has ended, and once more to make sure of a suspect."""
        suspects: set[int] = set()
        while True:
            try:
                suspects = await self._look_for_orphans(suspects)
            except Exception:
                log.exception("a look for orphans failed; going on")
            await asyncio.sleep(SUSPECT_CHECK_S if suspects else ORPHAN_CHECK_S)

    async def _look_for_orphans(self, suspects: set[int]) -> set[int]:
        """Cancel those of ``suspects`` that are still there without an owner; return the ids to suspect from now on."""
        if not suspects and not self._ask_for_orphans:
            return {job.id for job in self.find_orphans()}
        self._ask_for_orphans = False
        if not await self.watch.fetch_jobs():
            self._ask_for_orphans = True
            return suspects
        orphans = self.find_orphans()
        for job in orphans:
            if job.id in suspects:
                await self._cancel_orphan(job)
        return {job.id for job in orphans}

    def find_orphans(self) -> list[Job]:
        """Jobs with one of our names that no server owns, or that bear the name of a start with another id."""
        orphans = [job for job in self.watch.jobs_of(self.engine_names.prefix) if self._is_orphaned_engine(job)]
        for job in self.watch.jobs_of(self.names.prefix):
            if not self.names.match(job.name) or job.state.ended or job.id in self._hopeless:
                continue
            record = self._held.get(job.name)
            if record is None or (record.job_id is not None and record.job_id != job.id):
                orphans.append(job)
        return orphans

    def _is_orphaned_engine(self, job: Job) -> bool:
        name = self.engine_names.parse(job.name)
        record = self._held.get(name.start) if name else None
        owned = name is None or (record is not None and record.user == job.user)
        return not owned and not job.state.ended and job.id not in self._hopeless

    async def _cancel_orphan(self, job: Job) -> None:
        log.warning("job %s of %s (%s, %s) belongs to no server: cancelling it", job.id, job.user, job.name, job.state)
        try:
            await self.commands.cancel(job.user, [job.id], name=job.name)
        except (SlurmNotPermitted, SlurmRefused, ValueError) as error:
            self._hopeless.add(job.id)
            log.error("orphan %s of %s cannot be cancelled by the hub; cancel it by hand: %s", job.id, job.user, error)
        except SlurmUnavailable as error:
            log.warning("orphan %s could not be cancelled, will try again: %s", job.id, error)
