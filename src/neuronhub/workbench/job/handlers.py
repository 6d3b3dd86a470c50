"""The job by REST: ``neuronhub/job``, for the clock and the meters in the pages. In the user's Jupyter server."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import Any

from jupyter_server.base.handlers import APIHandler
from tornado.web import authenticated

from neuronhub.workbench.hub import HubRefused, fetch_job
from neuronhub.workbench.job.meter import Meter

PATH = "neuronhub/job"
FACTS_AGE_S = 20.0
"""The hub is asked at most so often, however many pages are open: a time limit seldom changes."""


class Facts:
    """What the hub says of this server's job, and when it said so."""

    def __init__(self) -> None:
        self._told: dict[str, Any] | None = None
        self._asked_at = float("-inf")
        self._asking = asyncio.Lock()
        self.problem = ""

    async def fetch(self) -> dict[str, Any] | None:
        """The newest facts; older ones while the hub does not answer, with ``problem`` saying so."""
        async with self._asking:
            if time.monotonic() - self._asked_at > FACTS_AGE_S:
                self._asked_at = time.monotonic()
                try:
                    self._told = await asyncio.to_thread(fetch_job)
                    self.problem = ""
                except HubRefused as error:
                    self.problem = str(error)
            return self._told


class JobHandler(APIHandler):  # type: ignore[misc]
    """The job and its use."""

    def initialize(self, facts: Facts, meter: Meter) -> None:
        """Of this server."""
        self.facts, self.meter = facts, meter

    @authenticated
    async def get(self) -> None:
        """200: ``{"job": queue, job_id, node, started_at, ends_at ... | null, "problem", "usage", "now"}``."""
        job, usage = await asyncio.gather(self.facts.fetch(), asyncio.to_thread(self.meter.read))
        self.set_header("Cache-Control", "no-store")
        now = datetime.now(UTC).isoformat(timespec="seconds")
        self.finish({"job": job, "problem": self.facts.problem, "usage": usage, "now": now})


def make_job_handlers(meter: Meter) -> list[tuple[str, type[APIHandler], dict[str, Any]]]:
    """Routes below the server's base URL."""
    return [(f"/{PATH}", JobHandler, {"facts": Facts(), "meter": meter})]
