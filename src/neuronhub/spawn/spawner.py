"""JupyterHub's Spawner on Slurm: one start is one job, and a job has ended only when Slurm says so.

Runs in the hub process.
"""

from __future__ import annotations

import asyncio
import hmac
import time
from collections.abc import AsyncIterator, Iterable
from typing import Any, NoReturn

from jupyterhub.spawner import Spawner
from traitlets import default

from neuronhub.errors import SlurmError, SlurmUnavailable, StartRefused
from neuronhub.language import translate as _
from neuronhub.slurm.types import Job, JobState
from neuronhub.slurm.watch import Pace
from neuronhub.spawn.arrival import Arrival
from neuronhub.spawn.desk import Desk
from neuronhub.spawn.endings import SLOW, Ending, describe_ending
from neuronhub.spawn.job_log import fetch_ending
from neuronhub.spawn.notebooks import keep_notebooks
from neuronhub.spawn.options import Choice, parse_form
from neuronhub.spawn.orders import make_order
from neuronhub.spawn.progress import describe_facts, describe_progress
from neuronhub.spawn.record import SealBroken, StartRecord, now
from neuronhub.spawn.refusal import refuse, refuse_start
from neuronhub.spawn.request import make_request
from neuronhub.spawn.submission import cancel_job, find_job, submit_once

NO_LIMIT_S = 10 * 365 * 86400
"""JupyterHub's start_timeout counts the waiting in the queue too: it is put out of the way."""
LOOK_S = 0.5
RECANCEL_S = 10.0
PATIENT_AFTER_S = 10.0
"""A job that has waited for that long is asked for less often."""


class SlurmSpawner(Spawner):  # type: ignore[misc]  # JupyterHub has no types
    """Runs a user's Jupyter server as one Slurm job of that user."""

    record: StartRecord | None = None
    """The present start, from before sbatch until Slurm says that the job has ended."""
    adopted: StartRecord | None = None
    """A start of a hub that was before us; start() takes it up instead of submitting."""
    ending: Ending | None = None
    """How the latest server ended, if the user did not ask for it."""
    unopened: tuple[str, ...] = ()
    """Notebooks that were open when the hub ended a server, and are still to be offered again."""

    def __init__(self, **kwargs: Any) -> None:
        self.arrival = Arrival()
        self._submission: asyncio.Task[int] | None = None
        self._end_asked = False
        super().__init__(**kwargs)

    @default("start_timeout")
    def _default_start_timeout(self) -> int:
        return NO_LIMIT_S

    @default("default_url")
    def _default_default_url(self) -> str:
        return "/tree"

    @default("poll_interval")
    def _default_poll_interval(self) -> int:
        return 5  # our poll only reads the watcher's memory

    @default("options_form")
    def _default_options_form(self) -> Any:
        return SlurmSpawner._make_form

    @default("options_from_form")
    def _default_options_from_form(self) -> Any:
        return self._read_form

    @default("apply_user_options")
    def _default_apply_user_options(self) -> Any:
        return lambda _spawner, _options: None  # start() checks and applies them, since that may have to wait

    @property
    def desk(self) -> Desk:
        """What the spawners of this hub share."""
        desk: Desk = self.user.settings[Desk.SETTING]
        return desk

    @property
    def groups(self) -> list[str]:
        """Names of the user's groups, as the directory told them at sign-in."""
        return [group.name for group in self.user.groups]

    # What is chosen

    async def _make_form(self) -> str:
        await self.desk.refresh(self.user.name)
        return "neuronhub"  # drawn by the page from template variables; JupyterHub asks only whether there is a form

    async def _read_form(self, form: dict[str, list[str]]) -> dict[str, str]:
        try:
            fields = parse_form(form)
        except StartRefused as error:
            refuse(400, error)
        return (await self.check_options(fields)).to_options()

    def options_from_query(self, query_data: dict[str, list[str]]) -> NoReturn:
        """No link can start a job: what a link carries is refused, and the form is shown."""
        refuse(400, StartRefused(_("A link cannot start a server. Choose a queue below and press Submit.")))

    async def check_options(self, options: dict[str, Any] | None) -> Choice:
        """Check form or REST values, or those of last time when ``options`` is None; raises HTTPError 400 or 503."""
        given = options if options is not None else self.orm_spawner.user_options or {}
        try:
            choice = await self.desk.choose(given, self.groups)
            await self.desk.till.check(make_order(self.desk.site, self.user.name, "", choice))
            return choice
        except StartRefused as error:
            refuse_start(error)
        except SlurmUnavailable:
            refuse(503, StartRefused(_("Slurm does not answer at the moment. Try again in a minute.")))

    # What is kept

    def load_state(self, state: dict[str, Any]) -> None:
        """Take up what an earlier hub saved; JupyterHub calls this when it makes the spawner."""
        super().load_state(state)
        if state.get("ending"):
            self.ending = Ending.from_state(state["ending"])
        self.unopened = keep_notebooks(state.get("unopened", ()))
        if state.get("start"):
            self._hold(StartRecord.from_state(state["start"]), Pace.RUNNING)

    def get_state(self) -> dict[str, Any]:
        """What a later hub must know."""
        state: dict[str, Any] = super().get_state()
        if self.record:
            state["start"] = self.record.to_state()
        if self.ending:
            state["ending"] = self.ending.to_state()
        if self.unopened:
            state["unopened"] = list(self.unopened)
        return state

    def clear_state(self) -> None:
        """Forget the present start (its job has ended, or a new one begins); how it ended is kept."""
        super().clear_state()
        if self.record:
            self.desk.release(self.record.job_name)
        self.record = None

    def offer(self, notebooks: Iterable[str]) -> None:
        """Offer these, and no others, to be opened again."""
        self.unopened = keep_notebooks(notebooks)
        self._save()

    def _hold(self, record: StartRecord, pace: Pace) -> None:
        self.record = record
        try:
            self.api_token = self.desk.seal.open(record.sealed_token)
        except SealBroken as error:
            self.log.error("%s (job %s): %s", self._log_name, record.job_id, error)
        self.desk.hold(record)
        self.desk.follow(record, pace)

    def _save(self) -> None:
        self.orm_spawner.state = self.get_state()
        self.user.db.commit()

    # Start

    async def start(self) -> str:
        """Submit the job, or take up an adopted one, and return the server's URL once it answers.

        The time in the queue is not limited. Cancelled by JupyterHub (a shutdown, or a user's Cancel), this
        leaves the job alone: stop() is what ends it.
        """
        self.arrival = Arrival()
        self._submission = None
        self._end_asked = False
        self.ending = None
        record, self.adopted = self.adopted, None
        if record is None:
            choice = await self.check_options(self.user_options)
            await self.desk.turns.take()
            await self._submit(choice)
        else:
            self._hold(record, Pace.URGENT)
            self.desk.adopting.discard(self.user.name)
            if record.job_id is None:
                await self._find_or_submit(record)
        return await self._await_server()

    async def _find_or_submit(self, record: StartRecord) -> None:
        """Go on where an earlier hub died around its sbatch: only Slurm knows whether the job exists."""
        job_id = await find_job(self.desk, record.ref)
        if job_id is not None:
            self._know_job(job_id)
            await self.desk.till.note_job(record.job_name, job_id)
            return
        self.desk.release(record.job_name)
        self.record = None
        await self.desk.till.close([record.job_name])
        await self._submit(Choice(record.queue, record.time_limit, record.account))

    async def _submit(self, choice: Choice) -> None:
        name = self.desk.names.draw()
        try:
            account = await self.desk.till.open([make_order(self.desk.site, self.user.name, name, choice)])
        except StartRefused as error:
            refuse_start(error)
        self.record = StartRecord(
            user=self.user.name,
            job_name=name,
            queue=choice.queue,
            time_limit=choice.time_limit,
            submitted_at=now(),
            sealed_token=self.desk.seal.close(self.api_token),
            account=account,
        )
        self.user_options = self.orm_spawner.user_options = choice.to_options()
        self.desk.hold(self.record)
        self._save()
        await self._hand_over(self.record)

    async def _hand_over(self, record: StartRecord) -> None:
        try:
            request = make_request(self.desk.site, record, self.get_env(), self.server.base_url, self.get_args())
        except StartRefused as error:
            refuse(400, error)
        self._submission = asyncio.create_task(submit_once(self.desk, request))
        try:
            # A cancelled start must not leave an sbatch behind whose job nobody knows: stop() waits for the task.
            job_id = await asyncio.shield(self._submission)
        except SlurmError as error:
            self.log.warning("%s was not submitted: %s", record.job_name, error)
            self.desk.release(record.job_name)
            self.record = None
            self._fail(Ending.from_error(error, queue=record.queue))
        self._know_job(job_id)

    def _know_job(self, job_id: int) -> None:
        assert self.record is not None
        self.record = self.record.with_job(job_id)
        self.desk.hold(self.record)
        self.desk.follow(self.record, Pace.URGENT)
        self._save()
        self.log.info("%s: submitted as job %d to %s", self._log_name, job_id, self.record.queue)

    async def _await_server(self) -> str:
        assert self.record is not None
        while self.record.url is None:
            job = self.job
            if job and job.state.ended:
                self._fail(await fetch_ending(self.desk.site, self.record, job))
            if job and self.arrival.is_late(job.state, self.desk.site.slurm.startup_timeout_s):
                self._fail((await fetch_ending(self.desk.site, self.record, job)).with_state(SLOW))
            patient = job is not None and job.state.waiting and self.arrival.has_waited(PATIENT_AFTER_S)
            self.desk.follow(self.record, Pace.WAITING if patient else Pace.URGENT)
            await self.arrival.wait(LOOK_S)
        url = self.record.url
        await self.desk.turns.take()
        return url

    async def get_url(self) -> str:
        """Where the server is: a hub that died before it had saved this in JupyterHub's own place finds it here."""
        known = self.record.url if self.record else None
        return f"{known}{self.server.base_url}" if known else str(self.server.url)

    def holds_token(self, token: str) -> bool:
        """True when ``token`` is the API token of the present start."""
        return bool(self.api_token) and hmac.compare_digest(self.api_token.encode(), token.encode())

    def announce(self, url: str) -> None:
        """The server at ``url`` has announced itself and proved whose it is; saved before the server is told so."""
        assert self.record is not None
        self.record = self.record.with_url(url)
        self.desk.hold(self.record)
        self._save()
        self.arrival.announce()

    @property
    def job(self) -> Job | None:
        """The watcher's newest knowledge of the present job, or None when nothing was heard of it yet."""
        return self.desk.watch.job(self.record.job_name) if self.record else None

    @property
    def facts(self) -> dict[str, Any] | None:
        """The present start and its job, as the pages show them; None when there is none."""
        return describe_facts(self.record, self.job) if self.record else None

    async def progress(self) -> AsyncIterator[dict[str, Any]]:
        """JupyterHub's progress events, with the job's id, state, reason and times beside the message."""
        latest: dict[str, Any] | None = None
        while self._spawn_pending:
            event = describe_progress(self.record, self.job, self.desk.explain_problem(), self.arrival.preparing)
            if event != latest:
                latest = event
                yield event
            await self.arrival.wait(LOOK_S)
            if self.arrival.announced:
                return

    # Poll, stop, end

    async def poll(self) -> int | None:
        """None while the job runs, waits, or nothing certain is known of it; else its exit code."""
        if self.record is None:
            return 0
        if self._submission is not None and not self._submission.done():
            return None  # sbatch has not said yet whether there is a job
        if self.job is None and not self._spawn_pending:
            await self.desk.watch.changed(3.0)
        job = self.job
        if job is not None and job.submitted_at is not None and self.record.accepted_at is None:
            self.record = self.record.with_acceptance(job.submitted_at)
            self.desk.hold(self.record)
            self._save()
        if job is None or not job.state.ended:
            if not self._spawn_pending and not self._stop_pending:
                known = job is not None and job.started_at is not None and not job.state.waiting
                self.desk.follow(self.record, Pace.RUNNING if known else Pace.URGENT)
            return None
        if not self._end_asked and self.ending is None:
            ending = await fetch_ending(self.desk.site, self.record, job)
            self.ending = ending if ending.worth_telling else None
        return job.exit_code or (0 if job.state is JobState.COMPLETED else 1)

    async def stop(self, now: bool = False) -> None:
        """Cancel the job and return when Slurm says that it has ended; while Slurm is silent this goes on asking."""
        self._end_asked = True
        if self._submission is not None:
            await asyncio.wait({self._submission})
            if self._submission.exception() is not None:
                return  # Slurm has no such job: submit_once looked
            if self.record is not None and self.record.job_id is None:
                self._know_job(self._submission.result())
        asked_at = float("-inf")
        while self.record is not None:
            self.desk.follow(self.record, Pace.URGENT)
            job = self.job
            if job and job.state.ended:
                return
            if time.monotonic() - asked_at > RECANCEL_S:
                asked_at = time.monotonic()
                await self._cancel(self.record)
            await self.desk.watch.changed(LOOK_S)

    async def _cancel(self, record: StartRecord) -> None:
        try:
            await cancel_job(self.desk, record.ref, self.job)
        except SlurmError as error:
            self.log.warning("%s: the job could not be cancelled, will try again: %s", self._log_name, error)

    def _fail(self, ending: Ending) -> NoReturn:
        self.ending = ending
        words = describe_ending(ending)
        refuse(ending.http_status, StartRefused(f"{words['cause']} {words['next_step']}"))
