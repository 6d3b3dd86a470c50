"""The one poller: it asks Slurm for everybody, within a budget, and everyone reads what it knows. Runs in the hub.

It asks in turns, at most one in TURN_S. A turn puts the questions that are due, the most overdue first (measured in
their own intervals, so that jobs and lookers share a short budget in proportion), as far as the budget goes. What
nobody waits for is not asked.
"""

from __future__ import annotations

import asyncio
import logging
import os
import pwd
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from neuronhub.errors import SlurmError, SlurmUnavailable
from neuronhub.slurm.budget import Budget
from neuronhub.slurm.nodes import fill_queue
from neuronhub.slurm.questions import News, Question, Questions
from neuronhub.slurm.sightings import Followed, Pace, Sightings
from neuronhub.slurm.types import ClusterSnapshot, Configuration, Job, JobRef, Node, Queue

__all__ = ["Pace", "Watch"]

log = logging.getLogger("neuronhub.slurm")

TURN_S = 2.0
COUNTS_S = 7.0
"""How old the job counts of the resource table may get, if jobs are not asked for more often anyway."""
PARTITIONS_S = 60.0
CONFIGURATION_S = 3600.0
RECORDS_S = 6.0
"""Accounting is slow (about 0.1 s) and asked rarely, for all absent jobs at once."""
PATIENCE_S = 3.0
"""A looker gets the older snapshot after that time, unless it asks for another."""
FIRST_PATIENCE_S = 30.0
"""The same while there is nothing to get yet."""


class Watch:
    """Knows the cluster and the followed jobs; nothing else in a hub asks Slurm anything."""

    def __init__(
        self,
        commands: Questions,
        queue_names: Sequence[str],
        commands_per_minute: int = 30,
        *,
        user: str | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``user`` is who asks, by default who runs this process; ``clock`` is the event loop's."""
        self.cluster: ClusterSnapshot | None = None
        """The newest snapshot."""
        self.problem: SlurmUnavailable | None = None
        """Why Slurm did not answer the latest questions; None when it did. Accounting does not count here."""
        self._commands = commands
        self._queue_names = tuple(queue_names)
        self._clock = clock
        self._budget = Budget(commands_per_minute, clock)
        self._sightings = Sightings(user or pwd.getpwuid(os.geteuid()).pw_name)
        self._jobs = Question(self._ask_jobs)
        self._nodes = Question(self._ask_nodes)
        self._partitions = Question(self._ask_partitions)
        self._configuration = Question(self._ask_configuration)
        self._records = Question(self._ask_records)
        self._named = Question(self._ask_named)
        self._known_jobs: tuple[Job, ...] = ()
        self._known_nodes: tuple[tuple[str, Node], ...] = ()
        self._known_partitions: tuple[Queue, ...] = ()
        self._known_configuration: Configuration | None = None
        self._nodes_taken = (float("-inf"), datetime.now(UTC))
        self._cluster_wanted_s: float | None = None
        self._jobs_wanted = False
        self._turn_at = float("-inf")
        self._wake = asyncio.Event()
        self._cluster_news = News()
        self._jobs_news = News()
        self._task: asyncio.Task[None] | None = None
        self._aside: dict[Question, asyncio.Task[None]] = {}

    # For everybody

    def start(self) -> None:
        """Begin to ask; needs a running event loop."""
        self._task = asyncio.create_task(self._run(), name="neuronhub-watch")

    async def close(self) -> None:
        """Ask no more."""
        tasks = [*self._aside.values(), *([self._task] if self._task else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._task = None

    @property
    def asked(self) -> Mapping[str, int]:
        """How many commands were run so far, by name."""
        return self._commands.asked

    async def fetch_cluster(self, max_age_s: float = 4.0, patience_s: float = PATIENCE_S) -> ClusterSnapshot:
        """Look at the cluster: at most ``max_age_s`` old if Slurm and the budget allow it, else the newest snapshot.

        ``patience_s``: how long to wait for a new one while there is an older one. Raises SlurmUnavailable only
        when there never was one.
        """
        if self.cluster is not None and self._clock() - self._nodes_taken[0] <= max_age_s:
            return self.cluster
        until = self._clock() + (FIRST_PATIENCE_S if self.cluster is None else patience_s)
        while True:
            wanted_s = max(TURN_S, max_age_s)
            self._cluster_wanted_s = min(wanted_s, self._cluster_wanted_s or wanted_s)
            self._wake.set()
            told = await self._cluster_news.wait(until - self._clock())
            if self.cluster is not None:
                return self.cluster
            if self.problem is not None:
                raise self.problem
            if not told:
                raise SlurmUnavailable("Slurm has not answered yet. Try again in a minute.")

    def follow(self, ref: JobRef, pace: Pace) -> None:
        """Keep an eye on a job from now on; may be repeated to change the pace or to add the id."""
        entry = self._sightings.followed.get(ref.name)
        if entry is None or entry.ref.user != ref.user or (ref.id or entry.ref.id) != entry.ref.id:
            # Also when the id has just become known: what was missed by name before the submit means nothing.
            self._sightings.followed[ref.name] = Followed(ref, pace, self._clock())
            self._jobs_wanted = True
        else:
            entry.pace = pace
        self._wake.set()

    def unfollow(self, name: str) -> None:
        """Forget a job; nothing happens to it."""
        self._sightings.followed.pop(name, None)

    def job(self, name: str) -> Job | None:
        """The newest knowledge of a followed job; see sightings for what ends one.

        None: nothing was heard of it yet in an answer taken after follow(). UNKNOWN: Slurm is silent at present, or
        its answers lack the job and nothing proves an end. LOST, for a ref without id: there is no such job.
        """
        entry = self._sightings.followed.get(name)
        return None if entry is None else entry.describe(silent=self._jobs.failure is not None)

    async def changed(self, timeout_s: float) -> bool:
        """Wait until Slurm was asked for jobs the next time, whether it answered or not; False after ``timeout_s``.

        Waiting does not have it asked: following does, or fetch_jobs.
        """
        return await self._jobs_news.wait(timeout_s)

    async def fetch_jobs(self) -> bool:
        """Have Slurm asked for all jobs, though none may be followed; True when it answered to that."""
        wanted_at = self._clock()
        self._jobs_wanted = True
        self._wake.set()
        while await self._jobs_news.wait(FIRST_PATIENCE_S):
            if self._jobs.put_at >= wanted_at:
                return self._jobs.failure is None
        return False

    def jobs_of(self, prefix: str) -> tuple[Job, ...]:
        """Jobs that have not ended and whose name starts with ``prefix``, as of the newest good answer."""
        return tuple(job for job in self._known_jobs if job.name.startswith(prefix) and not job.state.ended)

    # The turns

    async def _run(self) -> None:
        while True:
            try:
                await self._await_turn()
                await self._take_turn()
            except Exception:
                log.exception("a turn of the watch failed; going on")
                await asyncio.sleep(TURN_S)

    async def _await_turn(self) -> None:
        while True:
            self._wake.clear()
            due_at = min((question.put_at + every_s for question, every_s in self._list_wanted()), default=None)
            if due_at is None:
                await self._wake.wait()
                continue
            now = self._clock()
            delay_s = max(due_at - now, self._turn_at + TURN_S - now, self._budget.delay_s())
            if delay_s <= 0:
                return
            try:
                async with asyncio.timeout(delay_s):
                    await self._wake.wait()
            except TimeoutError:
                continue

    def _list_wanted(self) -> list[tuple[Question, float]]:
        """What somebody waits for, and how often it may be asked for their sake; urgent things first."""
        wanted: list[tuple[Question, float]] = []
        paces = [self._sightings.pace_s, TURN_S if self._jobs_wanted else None]
        pace_s = min((pace for pace in paces if pace is not None), default=None)
        if pace_s is not None:
            wanted.append((self._jobs, pace_s))
        if self._cluster_wanted_s is not None:
            wanted.append((self._nodes, self._cluster_wanted_s))
            wanted.append((self._partitions, PARTITIONS_S if self._known_partitions else TURN_S))
            if pace_s is None or pace_s > COUNTS_S:
                wanted = [entry for entry in wanted if entry[0] is not self._jobs] + [(self._jobs, COUNTS_S)]
        configuration = self._known_configuration
        if self._sightings.missing:
            wanted.append((self._configuration, CONFIGURATION_S if configuration else RECORDS_S))
        if configuration is not None and configuration.accounting:
            absent = self._sightings.absent
            if any(entry.ref.id is not None for entry in absent):
                wanted.append((self._records, RECORDS_S))
            if any(entry.ref.id is None for entry in absent):
                wanted.append((self._named, RECORDS_S))
        return [entry for entry in wanted if entry[0] not in self._aside]

    async def _take_turn(self) -> None:
        now = self._turn_at = self._clock()
        late = [((now - question.put_at) / every_s, question) for question, every_s in self._list_wanted()]
        due = sorted((entry for entry in late if entry[0] >= 1), key=lambda entry: -entry[0])
        chosen = []
        for _, question in due:
            if not self._budget.take():
                break
            question.put_at = now
            if question in (self._records, self._named):
                self._aside[question] = asyncio.create_task(self._put_aside(question))
            else:
                chosen.append(question)
        await asyncio.gather(*(self._put(question) for question in chosen))
        self._conclude(chosen)

    async def _put_aside(self, question: Question) -> None:
        """Accounting is slow and may hang: the turns go on without it."""
        await self._put(question)
        self._aside.pop(question, None)
        self._conclude([question])
        self._wake.set()

    async def _put(self, question: Question) -> None:
        try:
            await question.put()
        except SlurmError as error:
            self._note_failure(question, error)
        except Exception as error:
            log.exception("a question to Slurm failed in an unexpected way")
            self._note_failure(question, error)
        else:
            if question.failure is not None:
                log.info("Slurm answers again")
            question.failure = None

    def _note_failure(self, question: Question, error: Exception) -> None:
        if question.failure is None:
            log.warning("Slurm is silent: %s", error)
        question.failure = error if isinstance(error, SlurmUnavailable) else SlurmUnavailable(str(error))

    def _conclude(self, chosen: Sequence[Question]) -> None:
        told = [question for question in chosen if question not in (self._records, self._named)]
        if told:
            self.problem = next((question.failure for question in told if question.failure is not None), None)
        if self._nodes in chosen or self._partitions in chosen:
            if self._known_nodes and self._known_partitions and self._nodes.failure is None:
                self.cluster = self._make_snapshot()
            self._cluster_wanted_s = None
            self._cluster_news.tell()
        if {self._jobs, self._records, self._named} & set(chosen):
            self._jobs_news.tell()

    def _make_snapshot(self) -> ClusterSnapshot:
        partitions = {queue.name: queue for queue in self._known_partitions}
        queues = [partitions[name] for name in self._queue_names if name in partitions]
        filled = tuple(fill_queue(queue, self._known_nodes, self._known_jobs) for queue in queues)
        return ClusterSnapshot(self._nodes_taken[1], filled)

    # The questions

    async def _ask_nodes(self) -> None:
        taken = (self._clock(), datetime.now(UTC))
        self._known_nodes = await self._commands.fetch_nodes()
        self._nodes_taken = taken

    async def _ask_partitions(self) -> None:
        self._known_partitions = await self._commands.fetch_partitions()

    async def _ask_jobs(self) -> None:
        self._jobs_wanted = False
        asked_at = self._clock()
        self._known_jobs = await self._commands.fetch_jobs()
        self._sightings.take_answer(self._known_jobs, asked_at)
        if self._known_configuration is not None and not self._known_configuration.accounting:
            self._decide((), self._sightings.absent)

    async def _ask_configuration(self) -> None:
        self._known_configuration = await self._commands.fetch_configuration()

    async def _ask_records(self) -> None:
        absent = [entry for entry in self._sightings.absent if entry.ref.id is not None]
        records = await self._commands.fetch_ended([entry.ref.id for entry in absent if entry.ref.id is not None])
        self._decide(records, absent)

    async def _ask_named(self) -> None:
        absent = [entry for entry in self._sightings.absent if entry.ref.id is None]
        records = await self._commands.fetch_named([entry.ref.name for entry in absent])
        self._decide(records, absent)

    def _decide(self, records: Sequence[Job], absent: Sequence[Followed]) -> None:
        if self._known_configuration is not None:
            self._sightings.take_records(records, absent, self._known_configuration)
