"""The environment panel's door in the user's own server: ``neuronhub/environment`` and ``/export`` as JSON.

The same bodies as the hub's. Every piece of work is a process of the base, so that it works on a broken environment.
"""

from __future__ import annotations

import os
from http import HTTPStatus
from typing import Any

from jupyter_server.base.handlers import APIHandler
from tornado.web import HTTPError, authenticated

from neuronhub import language
from neuronhub.environments.door import Door, parse_order
from neuronhub.environments.errand import Command
from neuronhub.errors import EnvironmentBusy, EnvironmentFailed
from neuronhub.language import translate as _
from neuronhub.protocol import ENVIRONMENT_PATH
from neuronhub.workbench.notebook import Notebook


def make_door(notebook: Notebook) -> Door:
    """The door to the user's environment, opened by the active base: a later one may know more of repairs."""
    python = notebook.layout.base / "bin" / "python"
    return Door(Command((str(python), "-I", "-m", "neuronhub.cli"), os.environ))


class EnvironmentHandler(APIHandler):  # type: ignore[misc]
    """What the environment is like, and work on it."""

    def initialize(self, door: Door, notebook: Notebook) -> None:
        """``door`` is the one of this server."""
        self.door, self.notebook = door, notebook

    async def prepare(self) -> None:
        """Speak the page's language, or else the one of this server's start."""
        await super().prepare()
        asked = self.get_query_argument("language", "")
        if asked in language.LANGUAGES:
            language.current.set(asked)

    @authenticated
    async def get(self) -> None:
        """The status, and the errand that goes on or was the last."""
        try:
            body = await self.door.describe()
        except EnvironmentFailed as error:
            raise _refuse(HTTPStatus.SERVICE_UNAVAILABLE, error) from error
        body["errand"] = body["errand"] or self._tell_start()
        self.finish(body)

    @authenticated
    async def post(self) -> None:
        """Begin an errand."""
        try:
            action = parse_order(self.request.body)
        except ValueError as error:
            raise HTTPError(HTTPStatus.BAD_REQUEST, _("The order cannot be read. Reload the page.")) from error
        try:
            errand = self.door.begin(action)
        except EnvironmentBusy as error:
            raise _refuse(HTTPStatus.CONFLICT, error) from error
        except EnvironmentFailed as error:
            raise _refuse(HTTPStatus.SERVICE_UNAVAILABLE, error) from error
        self.set_status(HTTPStatus.ACCEPTED)
        self.finish(errand.to_json())

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
            raise _refuse(HTTPStatus.CONFLICT, error) from error
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


def _refuse(status: HTTPStatus, error: EnvironmentFailed) -> HTTPError:
    return HTTPError(status, str(error).replace("%", "\uff05"))
