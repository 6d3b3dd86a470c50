"""Starts of the launcher, as the job script does it, without Slurm."""

from __future__ import annotations

import json
import subprocess
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from email.message import Message
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.unit.workbench.hub_double import TOKEN

from neuronhub.environments.layout import Layout
from neuronhub.protocol import StartTicket

NODE = "localhost"


def make_layout(folder: Path, bases: Path) -> Layout:
    """The layout of alice, whose scratch folder lies in ``folder``."""
    return Layout(folder / "scratch" / ".conda", bases, "layered", ("conda-forge",), {}, None)


def make_ticket(
    folder: Path,
    api_url: str,
    *,
    examples: Path | None = None,
    bases: Path | None = None,
    make_environment: bool = True,
    **environment: str,
) -> StartTicket:
    """A ticket of alice, whose home and workspace lie in ``folder``; with ``bases``, a start makes her environment."""
    (folder / "home").mkdir(exist_ok=True)
    scopes = json.dumps(["access:servers!server=alice/"])
    return StartTicket(
        environment={
            "HOME": str(folder / "home"),
            "JUPYTERHUB_API_TOKEN": TOKEN,
            "JUPYTERHUB_API_URL": api_url,
            "JUPYTERHUB_ACTIVITY_URL": f"{api_url}/users/alice/activity",
            "JUPYTERHUB_BASE_URL": "/",
            "JUPYTERHUB_CLIENT_ID": "jupyterhub-user-alice",
            "JUPYTERHUB_HOST": "",
            "JUPYTERHUB_OAUTH_ACCESS_SCOPES": scopes,
            "JUPYTERHUB_OAUTH_CALLBACK_URL": "/user/alice/oauth_callback",
            "JUPYTERHUB_OAUTH_CLIENT_ALLOWED_SCOPES": "[]",
            "JUPYTERHUB_OAUTH_SCOPES": scopes,
            "JUPYTERHUB_SERVER_NAME": "",
            "JUPYTERHUB_USER": "alice",
            **environment,
        },
        base_url="/user/alice/",
        workspace=str(folder / "scratch" / "workspace"),
        examples=str(examples or ""),
        layout=make_layout(folder, bases).to_json() if bases else None,
        make_environment=make_environment,
        args=("--allow-root",),
    )


@dataclass(frozen=True, slots=True)
class Reply:
    """What the server answered; names of headers in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def lower(headers: Message) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


@dataclass
class Start:
    """One start of the launcher; leaving it ends the server."""

    base: Path
    ticket: StartTicket
    folder: Path
    announcement: dict[str, Any] = field(default_factory=dict)

    def __enter__(self) -> Self:
        self.log = self.folder / "job.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [self.base / "bin" / "python", "-I", "-m", "neuronhub.workbench.launcher"],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd="/",
                env={"SLURMD_NODENAME": NODE, "SLURM_JOB_ID": "42", "LEAKED": "by the submitter"},
            )
        assert self.process.stdin
        with self.process.stdin as stdin:
            stdin.write(self.ticket.to_json().encode() + b"\n")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.kill()
        self.process.wait()

    @property
    def port(self) -> int:
        return int(self.announcement["body"]["port"])

    def ask(self, path: str, *, method: str = "GET", data: Any = None, token: str = TOKEN) -> Reply:
        """Ask the server below its base URL, as its owner."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/user/alice/{path}",
            data=None if data is None else json.dumps(data).encode(),
            headers={"Authorization": f"token {token}"} if token else {},
            method=method,
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as reply:
                return Reply(reply.status, lower(reply.headers), reply.read())
        except urllib.error.HTTPError as error:
            with error:
                return Reply(error.code, lower(error.headers), error.read())
