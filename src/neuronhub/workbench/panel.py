"""The environment panel's door in the user's own server: ``neuronhub/environment`` and ``/export`` as JSON.

The same bodies as the hub's. Every piece of work is a process of the base, so that it works on a broken environment.
"""

from __future__ import annotations

import os
from http import HTTPStatus
from typing import Any

from jupyter_server.base.handlers import APIHandler
from tornado.web import HTTPError, authenticated

from neuronhub.environments.door import Door, parse_order
from neuronhub.environments.errand import Command
from neuronhub.errors import EnvironmentBusy, EnvironmentFailed
from neuronhub.protocol import ENVIRONMENT_PATH
from neuronhub.workbench.notebook import Notebook
from neuronhub.workbench.spoken import SpokenHandler


def make_door(notebook: Notebook) -> Door:
    """The door to the user's environment, opened by the active base: a later one may know more of repairs."""
    python = notebook.layout.base / "bin" / "python"
    return Door(Command((str(python), "-I", "-m", "neuronhub.cli"), os.environ))


class EnvironmentHandler(SpokenHandler):
    """What the environment is like, and work on it."""

    def initialize(self, door: Door, notebook: Notebook) -> None:
        """``door`` is the one of this server."""
        self.door, self.notebook = door, notebook

    @authenticated
    async def get(self) -> None:
        """200: the status, and the errand that goes on or was the last. 503: they cannot be had."""
        try:
            body = await self.door.describe()
        except EnvironmentFailed as error:
            self.refuse(error)
            return
        self.finish({**body, "errand": body["errand"] or self._tell_start()})

    @authenticated
    async def post(self) -> None:
        """202: the errand has begun. 400: no such action. 409: another one goes on. 503: too many at once."""
        try:
            errand = self.door.begin(parse_order(self.request.body))
        except ValueError as error:
            raise HTTPError(HTTPStatus.BAD_REQUEST, "not an order: %s", error) from error
        except EnvironmentFailed as error:
            self.refuse(error)
            return
        self.set_status(HTTPStatus.ACCEPTED)
        self.finish(errand.to_json())

    def refuse(self, error: EnvironmentFailed) -> None:
        """End with the sentence that the panel shows."""
        self.set_status(HTTPStatus.CONFLICT if isinstance(error, EnvironmentBusy) else HTTPStatus.SERVICE_UNAVAILABLE)
        self.finish({"message": str(error)})

    def _tell_start(self) -> dict[str, Any] | None:
        """The making of the environment at this server's start, if it failed."""
        if self.notebook.trouble is None:
            return None
        return {"action": "create", "step": "", "done": 0.0, "finished": True, "error": self.notebook.trouble}


class ExportHandler(EnvironmentHandler):
    """The environment as a file that conda understands (row P4)."""

    SUPPORTED_METHODS = ("GET",)

    @authenticated
    async def get(self) -> None:
        """``environment.yml``, as an attachment."""
        try:
            text = await self.door.fetch_export()
        except EnvironmentFailed as error:
            self.refuse(error)
            return
        self.set_header("Content-Type", "application/yaml; charset=utf-8")
        self.set_header("Content-Disposition", 'attachment; filename="environment.yml"')
        self.finish(text)


def make_panel_handlers(notebook: Notebook) -> list[tuple[str, type[APIHandler], dict[str, Any]]]:
    """Routes below the server's base URL."""
    settings = {"door": make_door(notebook), "notebook": notebook}
    return [
        (f"/{ENVIRONMENT_PATH}", EnvironmentHandler, settings),
        (f"/{ENVIRONMENT_PATH}/export", ExportHandler, settings),
    ]
