"""JupyterHub's REST API as a script uses it, and Slurm as the operator sees it. Blocking; every call has a limit."""

from __future__ import annotations

import json
import re
import sqlite3
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.embedded import RunningSite

NOBODY = "nobody"
"""In place of a token: send none."""
OURS = re.compile(r"demo-server-[0-9a-f]{16}")


def wait_for(what: str, condition: Callable[[], Any], within_s: float = 30.0) -> Any:
    """The first true answer of ``condition``; fails with ``what`` when there is none in time."""
    deadline = time.monotonic() + within_s
    while True:
        found = condition()
        if found:
            return found
        assert time.monotonic() < deadline, f"{what}: not within {within_s} s"
        time.sleep(0.1)


@dataclass
class Answer:
    """An HTTP answer."""

    status: int
    text: str

    @property
    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.text)


class Hub:
    """The hub of a running site, asked with the admin token of its service."""

    def __init__(self, site: RunningSite) -> None:
        self.site = site
        self.origin = site.hub_api_url.split("/hub/api")[0]
        """The hub's own address, without the proxy."""
        self._tls = ssl.create_default_context(cafile=site.ca_file)

    def ask(self, method: str, path: str, body: Any = None, token: str | None = None, base: str = "") -> Answer:
        """One request to the hub's own address (or to ``base``); an HTTP error is an answer too."""
        request = urllib.request.Request(
            (base or self.origin).rstrip("/") + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"}
            | ({} if token == NOBODY else {"Authorization": f"token {token or self.site.admin_token}"}),
        )
        try:
            with urllib.request.urlopen(request, timeout=20, context=self._tls) as response:
                return Answer(response.status, response.read().decode())
        except urllib.error.HTTPError as error:
            return Answer(error.code, error.read().decode(errors="replace"))

    def wait_until_up(self) -> None:
        """The hub answers."""

        def answers() -> bool:
            try:
                return self.ask("GET", "/hub/api/").status == 200
            except OSError:
                return False

        wait_for("the hub answers", answers)

    def add_user(self, user: str) -> None:
        """Make ``user`` known to the hub, as a sign-in would."""
        assert self.ask("POST", f"/hub/api/users/{user}").status in (201, 409)

    def start(self, user: str, queue: str, time_limit: object = 30) -> Answer:
        """Ask for a server; answers 201 or 202 when it is on its way."""
        self.add_user(user)
        return self.ask("POST", f"/hub/api/users/{user}/server", {"queue": queue, "time_limit": time_limit})

    def model(self, user: str) -> dict[str, Any]:
        """JupyterHub's model of ``user``'s server, or {} when there is none."""
        servers = self.ask("GET", f"/hub/api/users/{user}?include_stopped_servers").json.get("servers", {})
        found: dict[str, Any] = servers.get("", {})
        return found

    def is_ready(self, user: str) -> bool:
        """The server of ``user`` is ready for the hub."""
        return self.model(user).get("ready") is True

    def is_gone(self, user: str) -> bool:
        """The hub has no server of ``user``, pending or ready."""
        model = self.model(user)
        return not model or (model["stopped"] and not model["pending"])

    def start_ready(self, user: str, queue: str = "jupyter", within_s: float = 60) -> int:
        """Start a server, wait until it is ready, and return its job's id."""
        answer = self.start(user, queue)
        assert answer.status in (201, 202), answer.text
        wait_for(f"{user}'s server is ready", lambda: self.is_ready(user), within_s)
        (job,) = self.jobs(user)
        return job

    def answers_through_proxy(self, user: str) -> bool:
        """The Jupyter server itself answers at the public address; it needs no hub for that."""
        return self.ask("GET", f"/user/{user}/api", token=NOBODY, base=self.site.url).status == 200

    def progress(self, user: str) -> list[dict[str, Any]]:
        """The first events of the progress stream that are there at once."""
        request = urllib.request.Request(
            f"{self.origin}/hub/api/users/{user}/server/progress",
            headers={"Authorization": f"token {self.site.admin_token}"},
        )
        events = []
        with urllib.request.urlopen(request, timeout=20) as response:
            for line in response:
                if line.startswith(b"data:"):
                    events.append(json.loads(line[5:]))
                    if "state" in events[-1] or events[-1]["progress"] == 100:
                        break
        return events

    def state(self, user: str) -> str:
        """The state of ``user``'s start as the wait page has it."""
        return str(self.progress(user)[-1].get("state"))

    def failure(self, user: str) -> str:
        """The sentence with which ``user``'s latest start failed."""
        event = self.progress(user)[-1]
        assert event.get("failed"), event
        return str(event["message"])

    def kept(self, user: str) -> dict[str, Any]:
        """What the hub has kept of ``user``'s server in its database."""
        query = "SELECT spawners.state FROM spawners JOIN users ON users.id = spawners.user_id WHERE users.name = ?"
        database = sqlite3.connect(self.site.state_dir / "hub" / "jupyterhub.sqlite")
        try:
            (state,) = database.execute(query, (user,)).fetchone()
        finally:
            database.close()
        kept: dict[str, Any] = json.loads(state)
        return kept

    def ending(self, user: str) -> dict[str, Any]:
        """How ``user``'s latest server ended, as the hub has kept it."""
        ending: dict[str, Any] = self.kept(user).get("ending", {})
        return ending

    def stop(self, user: str, within_s: float = 30) -> None:
        """Stop whatever ``user`` has, and wait until hub and Slurm agree that it is over."""
        assert self.ask("DELETE", f"/hub/api/users/{user}/server").status in (202, 204)
        wait_for(f"{user}'s server is gone", lambda: self.is_gone(user), within_s)
        wait_for(f"{user}'s jobs are gone", lambda: not self.jobs(user), within_s)

    def jobs(self, user: str, states: str = "") -> list[int]:
        """Ids of the NeuronHub jobs of ``user`` that Slurm has, waiting or running (or in ``states``)."""
        argv = ["squeue", "--noheader", f"--user={user}", "--format=%i %j"]
        if states:
            argv.append(f"--states={states}")
        rows = [line.split() for line in self.site.run_inside(argv).stdout.splitlines()]
        return [int(row[0]) for row in rows if OURS.fullmatch(row[1])]

    def fill(self, user: str, queue: str, count: int, *options: str) -> list[int]:
        """Submit ``count`` jobs of ``user`` that do nothing, and wait until they run; returns their ids."""
        script = "#!/bin/sh\nexec sleep 900\n"
        argv = ["sbatch", "--parsable", f"--partition={queue}", "--output=/dev/null", "--job-name=filler", *options]
        ids = [int(self.site.run_inside(argv, user=user, stdin=script).stdout) for _ in range(count)]
        wait_for(
            "the fillers run",
            lambda: (
                len(
                    self.site.run_inside(
                        ["squeue", "--noheader", "--states=R", f"--user={user}", "--name=filler"]
                    ).stdout.splitlines()
                )
                >= count
            ),
        )
        return ids

    def cancel(self, *ids: int) -> None:
        """scancel as the operator."""
        self.site.run_inside(["scancel", *map(str, ids)])
