"""The other side of a journey: the hub's API with admin scopes, and Slurm itself."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from tests.embedded import RunningSite

from neuronhub.demo.shape import ACCOUNTS

LOOK_EVERY_S = 0.15
USERS = {account.uid: account.id for account in ACCOUNTS}


@dataclass(frozen=True, slots=True)
class QueuedJob:
    """A job that Slurm has not forgotten yet."""

    id: int
    user: str
    queue: str
    state: str


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

    def start(self, user: str, queue: str, time_limit: str) -> tuple[int, Any]:
        """Ask for a server as a script would; the status and the JSON of the answer."""
        if self.ask_hub("GET", f"users/{user}")[0] == 404:
            self.ask_hub("POST", f"users/{user}")
        return self.ask_hub("POST", f"users/{user}/server", {"queue": queue, "time_limit": time_limit})

    def stop(self, *users: str) -> None:
        """End the users' servers, where there are any, and wait until neither hub nor Slurm knows of them."""
        for user in users:
            if self.server(user) is not None:
                self.ask_hub("DELETE", f"users/{user}/server")
        for user in users:
            wait_until(partial(self.is_gone, user), 30, f"there is still a server or a job of {user}")

    def is_gone(self, user: str) -> bool:
        """True when neither hub nor Slurm knows of a server of the user."""
        return self.server(user) is None and not self.active_jobs(user)

    def jobs(self, user: str | None = None) -> list[QueuedJob]:
        """Jobs that Slurm remembers, ended ones too."""
        lines = self._operate("squeue", "--noheader", "--states=all", "--format=%i|%U|%P|%T").splitlines()
        fields = [line.split("|") for line in lines]
        jobs = [QueuedJob(int(id_), USERS.get(int(uid), uid), queue, state) for id_, uid, queue, state in fields]
        return [job for job in jobs if user in (job.user, None)]

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
        self._operate("scancel", *map(str, job_ids))
        wait_until(
            lambda: not any(job.id in job_ids for job in self.active_jobs()), 15, f"{job_ids} have not been cancelled"
        )

    def change_queue(self, queue: str, setting: str) -> None:
        """Change a partition, as an operator would."""
        self._operate("scontrol", "update", f"PartitionName={queue}", setting)

    def _operate(self, *argv: str) -> str:
        """Run one of Slurm's commands as an operator, outside the site, which knows its users by number only."""
        environment = {**os.environ, "SLURM_CONF": str(self._site.slurm_conf)}
        done = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=30, check=False)
        assert done.returncode == 0, f"{argv}: {done.stderr}"
        return done.stdout


def wait_until(condition: Callable[[], object], within_s: float, otherwise: str) -> float:
    """Wait until the condition holds; returns the seconds that took, or fails with ``otherwise``."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < within_s, f"{otherwise} (after {within_s:.0f} s)"
        time.sleep(LOOK_EVERY_S)
    return time.monotonic() - began
