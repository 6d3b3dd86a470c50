"""A compressed day on the embedded site: jobs of every fate, submitted as the hub does it."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from tests.contract.slurm.door import make_become, make_enter
from tests.embedded import RunningSite

from neuronhub.billing.ledger import Ledger
from neuronhub.billing.prices import find_rate
from neuronhub.billing.types import Interval, Start, Use
from neuronhub.protocol import EXIT_BASE_MISSING
from neuronhub.site import Site, read_site
from neuronhub.slurm.commands import Commands
from neuronhub.slurm.types import Job, JobRequest, JobState

FREE, SMALL, MIDDLE, LARGE = "jupyter", "cas_v100_2", "cas_v100nv_4", "amd_a100nv_8"
FAILING_NODE = "a100n02"
PEOPLE = {"u45": "lab-a", "u46": "lab-b", "u47": "lab-a", "u48": "lab-b", "alice": "lab-b"}
FATES = {
    "short": 100,
    "long": 40,
    "failing": 30,
    "away": 30,
    "cancelled-running": 20,
    "cancelled-waiting": 15,
    "requeued": 15,
    "never-ready": 10,
    "base-missing": 8,
    "renamed": 8,
    "id-not-noted": 8,
    "moved": 6,
    "suspended": 5,
    "never-submitted": 3,
    "node-failed": 2,
}
"""300 jobs."""
MANY_AT_ONCE = 40
PATIENCE_S = 40.0
SUSPENDED_S = 1.2
CANCELLED_AFTER_S = 0.7


@dataclass
class Lived:
    """What the test itself knows of one job, for its own sums."""

    start: Start
    fate: str
    number: int | None = None
    away: list[Interval] = field(default_factory=list)


@dataclass
class Day:
    """One day; ``random`` decides everything, but not how quick the machine is."""

    running: RunningSite
    site: Site
    commands: Commands
    ledger: Ledger
    random: random.Random
    lived: dict[str, Lived] = field(default_factory=dict)
    _jobs: dict[int, Job] = field(default_factory=dict)
    _news: asyncio.Condition = field(default_factory=asyncio.Condition)
    _places: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(MANY_AT_ONCE))
    _failing: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def live(self, length: timedelta) -> None:
        """All jobs, begun at random moments of ``length``, until none of them runs or waits any more."""
        fates = list(Counter(FATES).elements())
        self.random.shuffle(fates)
        moments = sorted(self.random.uniform(0, length.total_seconds()) for _ in fates)
        began = time.monotonic()
        async with asyncio.TaskGroup() as group:
            look = group.create_task(self._look())
            lives = []
            for number, (fate, moment) in enumerate(zip(fates, moments, strict=True)):
                await asyncio.sleep(max(0.0, began + moment - time.monotonic()))
                await self._places.acquire()
                lives.append(group.create_task(self._live(number, fate)))
            await asyncio.wait(lives)
            look.cancel()

    async def _live(self, number: int, fate: str) -> None:
        try:
            await getattr(self, f"_be_{fate.replace('-', '_')}", self._be_any)(self._note(number, fate))
        finally:
            self._places.release()

    def _note(self, number: int, fate: str) -> Lived:
        """What the hub does before a submit."""
        user = self.random.choice(list(PEOPLE))
        charged = {"node-failed": LARGE, "moved": FREE, "suspended": FREE}.get(fate)
        queue = charged or self.random.choices([FREE, SMALL, MIDDLE, LARGE], [55, 17, 14, 14])[0]
        account = "" if queue == FREE and self.random.random() < 0.5 else PEOPLE[user]
        engines = fate == "base-missing" or (fate not in ("never-ready", "away") and self.random.random() < 0.3)
        name = self._name(number, engines)
        server = self.random.choice(list(self.lived)) if engines and self.lived else name
        now = datetime.now(UTC)
        found = self.site.queue(queue)
        assert found is not None
        start = Start(
            job_name=name,
            use=Use.ENGINES if engines else Use.SERVER,
            server=server,
            user=user,
            account=account,
            queue=queue,
            rate=find_rate(self.site, found, account, now),
            most_minor=self.random.randrange(1000) if queue != FREE else 0,
            noted_at=now,
            ready_at=now if engines else None,
        )
        self.ledger.open_starts([start], policy="allow")
        self.lived[name] = lived = Lived(start, fate)
        return lived

    def _name(self, number: int, engines: bool) -> str:
        own = f"{self.random.randrange(2**32):08x}{number:08x}"
        return f"{self.site.hub.name}-engines-{own}-{own[:8]}-0" if engines else f"{self.site.hub.name}-server-{own}"

    # Fates

    async def _submit(self, lived: Lived, script: str, *options: str) -> int:
        start = lived.start
        request = JobRequest(
            user=start.user,
            name=start.job_name,
            partition=start.queue,
            time_limit=timedelta(minutes=5),
            script=f"#!/bin/sh\n{script}\n",
            exclusive=start.queue != FREE,
            account=start.account or None,
            options=options,
        )
        lived.number = number = await self.commands.submit(request)
        if lived.fate != "id-not-noted":
            await asyncio.to_thread(self.ledger.note_job, start.job_name, number)
        if start.use is Use.SERVER and lived.fate != "never-ready":
            await asyncio.to_thread(self.ledger.note_ready, start.job_name, datetime.now(UTC))
        return number

    async def _be_any(self, lived: Lived) -> None:
        seconds = {"long": self.random.uniform(2, 5)}.get(lived.fate, self.random.choice([0, 0.7, 1.1, 1.6]))
        code = {"failing": 3, "base-missing": EXIT_BASE_MISSING, "never-ready": 70}.get(lived.fate, 0)
        await self._end(await self._submit(lived, f"sleep {seconds:.2f}; exit {code}"))

    async def _be_never_submitted(self, lived: Lived) -> None:
        assert lived.number is None

    async def _be_away(self, lived: Lived) -> None:
        number = await self._submit(lived, "sleep 3.5")
        await self._until(number, lambda job: job.state is JobState.RUNNING)
        began_at = datetime.now(UTC)
        await asyncio.sleep(self.random.uniform(0.5, 2.6))
        interval = Interval(lived.start.job_name, began_at, datetime.now(UTC))
        await asyncio.to_thread(self.ledger.extend_away, interval.server, interval.began_at, interval.ended_at)
        lived.away.append(interval)
        await self._end(number)

    async def _be_cancelled_running(self, lived: Lived) -> None:
        number = await self._submit(lived, "exec sleep 60")
        await self._until(number, lambda job: job.state is JobState.RUNNING)
        await asyncio.sleep(self.random.uniform(0, CANCELLED_AFTER_S))
        await self.commands.cancel(lived.start.user, [number])
        await self._end(number)

    async def _be_cancelled_waiting(self, lived: Lived) -> None:
        number = await self._submit(lived, "sleep 1", "--begin=now+1hour")
        await self.commands.cancel(lived.start.user, [number])
        await self._end(number)

    async def _be_requeued(self, lived: Lived) -> None:
        number = await self._submit(lived, "sleep 2")
        await self._until(number, lambda job: job.state is JobState.RUNNING)
        await self._control("update", f"JobId={number}", "Requeue=1")
        await self._control("requeue", str(number))
        await self._until(number, lambda job: job.state is JobState.PENDING)
        await self._control("update", f"JobId={number}", "StartTime=now")
        await self._end(number)

    async def _be_renamed(self, lived: Lived) -> None:
        number = await self._submit(lived, "sleep 1.5")
        await self._until(number, lambda job: job.state is JobState.RUNNING)
        changes = ("update", f"JobId={number}", "JobName=mine", "Comment=free")
        await self._control(*changes, user=lived.start.user)
        await self._end(number)

    async def _be_moved(self, lived: Lived) -> None:
        number = await self._submit(lived, "sleep 1.5", "--begin=now+1hour")
        await self._control("update", f"JobId={number}", f"Partition={SMALL}", user=lived.start.user)
        await self._control("update", f"JobId={number}", "StartTime=now")
        await self._end(number)

    async def _be_suspended(self, lived: Lived) -> None:
        number = await self._submit(lived, "sleep 2")
        await self._until(number, lambda job: job.state is JobState.RUNNING)
        await self._control("suspend", str(number))
        await asyncio.sleep(SUSPENDED_S)
        await self._control("resume", str(number))
        await self._end(number)

    async def _be_node_failed(self, lived: Lived) -> None:
        async with self._failing:
            number = await self._submit(lived, "exec sleep 60", f"--nodelist={FAILING_NODE}")
            await self._until(number, lambda job: job.state is JobState.RUNNING)
            await asyncio.sleep(CANCELLED_AFTER_S)
            await self._control("update", f"NodeName={FAILING_NODE}", "State=DOWN", "Reason=test")
            await self._end(number)
            await self.bring_back()

    async def bring_back(self) -> None:
        """The node that failed, unless it comes back by itself (ReturnToService)."""
        down, resume = (
            f"scontrol show node {FAILING_NODE} | grep -q State=DOWN",
            f"NodeName={FAILING_NODE} State=RESUME",
        )
        await self._inside("/bin/sh", "-c", f"while {down}; do scontrol update {resume} || sleep 0.2; done")

    # What the fates are made of

    async def _look(self) -> None:
        """One squeue for all."""
        while True:
            jobs = {job.id: job for job in await self.commands.fetch_jobs()}
            async with self._news:
                self._jobs = jobs
                self._news.notify_all()
            await asyncio.sleep(0.2)

    async def _until(self, number: int, come: Callable[[Job], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S), self._news:
            await self._news.wait_for(lambda: number in self._jobs and come(self._jobs[number]))

    async def _end(self, number: int) -> None:
        await self._until(number, lambda job: job.state.ended)

    async def _control(self, *arguments: str, user: str | None = None) -> None:
        await self._inside("/usr/bin/scontrol", *arguments, user=user)

    async def _inside(self, *argv: str, user: str | None = None) -> None:
        become = make_become(user) if user else ()
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            *make_enter(self.running), *become, *argv, stdout=pipe, stderr=asyncio.subprocess.STDOUT
        )
        printed, _ = await process.communicate()
        assert process.returncode == 0, f"{argv}: {printed.decode()}"


def make_site(running: RunningSite, hub_name: str, zone: str, change_at: datetime) -> Site:
    """The embedded site's file, with prices that change at ``change_at``, a discount, and another hub's names."""
    document = read_site(running.site_file).model_dump(mode="json")
    prices = {
        SMALL: [{"amount": "300000"}, {"amount": "1234567", "valid_from": change_at}],
        MIDDLE: [{"amount": "999999.75", "per": "gpu-hour"}, {"amount": "500000", "valid_from": change_at}],
        LARGE: [{"amount": "77777", "per": "core-hour"}],
    }
    for queue in document["queues"]:
        queue["prices"] = prices.get(queue["name"], [])
    document["hub"]["name"] = hub_name
    document["billing"] = {
        "time_zone": zone,
        "collect_every": 1,
        "away": {"after": 1},
        "discounts": [{"account": "lab-b", "percent": str(Decimal("12.5")), "valid_from": change_at}],
    }
    return Site.model_validate(document)
