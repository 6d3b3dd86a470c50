"""The other side of a journey: the hub's API with admin scopes, and Slurm itself."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from tests.embedded import RunningSite

LOOK_EVERY_S = 0.15


@dataclass(frozen=True, slots=True)
class QueuedJob:
    """A job that Slurm has not forgotten yet."""

    id: int
    user: str
    queue: str
    state: str
    name: str


class Servers:
    """What runs on the embedded site."""

    def __init__(self, site: RunningSite) -> None:
        self._site = site

    def ask_hub(self, method: str, path: str, body: dict[str, Any] | None = None) -> tuple[int, Any]:
        """Call the hub's REST API; the status and the JSON of the answer."""
        request = Request(
            f"{self._site.hub_api_url}/{path}",
            method=method,
            headers={"Authorization": f"token {self._site.admin_token}"},
            data=json.dumps(body).encode() if body is not None else None,
        )
        try:
            with urlopen(request, timeout=30) as answer:
                text, status = answer.read(), answer.status
        except HTTPError as error:
            text, status = error.read(), error.code
            error.close()
        return status, json.loads(text) if text else None

    def server(self, user: str) -> dict[str, Any] | None:
        """What the hub says of the user's server, or None when it knows of none."""
        status, model = self.ask_hub("GET", f"users/{user}")
        if status == 404:
            return None  # never signed in
        found: dict[str, Any] | None = model.get("servers", {}).get("")
        return found

    def start(self, user: str, queue: str, time_limit: str) -> None:
        """Ask for a server as a script would."""
        if self.ask_hub("GET", f"users/{user}")[0] == 404:
            self.ask_hub("POST", f"users/{user}")
        status, answer = self.ask_hub("POST", f"users/{user}/server", {"queue": queue, "time_limit": time_limit})
        assert status in (201, 202), f"{user}: {status} {answer}"

    def stop(self, user: str) -> None:
        """End the user's server, if there is one, and wait until neither hub nor Slurm knows of it."""
        if self.server(user) is not None:
            self.ask_hub("DELETE", f"users/{user}/server")
        wait_until(lambda: self.server(user) is None, 30, f"the hub still has a server of {user}")
        wait_until(lambda: not self.active_jobs(user), 15, f"Slurm still has a job of {user}")

    def jobs(self, user: str | None = None) -> list[QueuedJob]:
        """Jobs that Slurm remembers, ended ones too."""
        whose = ["--user", user] if user else []
        argv = ["/usr/bin/squeue", "--noheader", "--states=all", "--format=%i|%u|%P|%T|%j", *whose]
        lines = self._site.run_inside(argv).stdout.splitlines()
        fields = [line.split("|") for line in lines]
        return [QueuedJob(int(id_), user_, queue, state, name) for id_, user_, queue, state, name in fields]

    def active_jobs(self, user: str | None = None) -> list[QueuedJob]:
        """Jobs that wait, run or are about to end."""
        return [
            job
            for job in self.jobs(user)
            if job.state in ("PENDING", "CONFIGURING", "RUNNING", "COMPLETING", "SUSPENDED")
        ]

    def occupy(self, queue: str, user: str) -> int:
        """Have somebody run a job in the queue, beside the hub; returns its id once it runs."""
        argv = ["/usr/bin/sbatch", "--parsable", f"--partition={queue}", "--time=30", "--output=/dev/null"]
        sent = self._site.run_inside([*argv, "--chdir=/", "--wrap=exec sleep 1800"], user=user)
        job_id = int(sent.stdout)
        wait_until(
            lambda: any(job.id == job_id and job.state == "RUNNING" for job in self.jobs(user)),
            15,
            f"job {job_id} does not run",
        )
        return job_id

    def cancel(self, *job_ids: int) -> None:
        """End jobs, as an operator would."""
        self._site.run_inside(["/usr/bin/scancel", *map(str, job_ids)])
        wait_until(
            lambda: not any(job.id in job_ids for job in self.active_jobs()), 15, f"{job_ids} have not been cancelled"
        )

    def change_queue(self, queue: str, setting: str) -> None:
        """Change a partition, as an operator would."""
        self._site.run_inside(["/usr/bin/scontrol", "update", f"PartitionName={queue}", setting])


def wait_until(condition: Callable[[], object], within_s: float, otherwise: str) -> float:
    """Wait until the condition holds; returns the seconds that took, or fails with ``otherwise``."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < within_s, f"{otherwise} (after {within_s:.0f} s)"
        time.sleep(LOOK_EVERY_S)
    return time.monotonic() - began
