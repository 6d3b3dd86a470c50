"""The notebook environment in the hub: its page, and its REST bodies for the user whose environment it is.

Nothing is done with the hub's own rights: ``neuronhub env`` of the site's base runs as the user, by sudo, so it works
whatever the environment has come to, and whether or not a server runs.
"""

from __future__ import annotations

import asyncio
from typing import Any, NoReturn

from jupyterhub.apihandlers.base import APIHandler
from jupyterhub.handlers.base import BaseHandler
from tornado import web

from neuronhub import language
from neuronhub.environments.door import Door, Traffic, parse_order
from neuronhub.environments.errand import WORDS, Command, render_words
from neuronhub.errors import EnvironmentBusy, EnvironmentFailed, EnvironmentNotPermitted
from neuronhub.language import translate as _
from neuronhub.protocol import ENVIRONMENT_PATH
from neuronhub.site import Site
from neuronhub.spawn.refusal import refuse
from neuronhub.sudo import become

PROCESS_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
READ_SCOPE, WRITE_SCOPE = "read:servers", "servers"
"""JupyterHub's scopes that a token needs: the environment is what the user's servers are made of."""


def make_command(site: Site, user: str) -> Command:
    """How the hub calls ``neuronhub env`` as ``user``, word for word as deploy/sudoers.d/neuronhub allows it.

    The base's Python is isolated (-I), so that no package in the user's home folder gets in its way. Raises ValueError
    if ``user`` is no account ID.
    """
    return Command((*become(site.slurm.sudo, user), *_make_program(site)), PROCESS_ENVIRONMENT)


def list_commands(site: Site) -> list[str]:
    """Every line that the hub runs as a user, as sudo has to know it."""
    return [
        " ".join((*_make_program(site), *render_words(words, reader)))
        for words in WORDS
        for reader in language.LANGUAGES
    ]


def _make_program(site: Site) -> tuple[str, ...]:
    python = str(site.places.base / "bin" / "python")
    return (python, "-I", "-m", "neuronhub.cli", "--site", str(site.path))


class Doors:
    """A door to the environment of each user who has asked; one per hub, in tornado's settings under SETTING."""

    SETTING = "neuronhub_doors"

    def __init__(self, site: Site) -> None:
        self._site = site
        self._traffic = Traffic()
        self._doors: dict[str, Door] = {}

    def of(self, user: str) -> Door:
        """The door of ``user``; raises EnvironmentNotPermitted if that is no account of the cluster."""
        if user not in self._doors:
            try:
                command = make_command(self._site, user)
            except ValueError as error:
                raise EnvironmentNotPermitted(
                    _("Your account is not an account of the cluster. Tell the operators.")
                ) from error
            self._doors[user] = Door(command, self._traffic)
        return self._doors[user]

    async def close(self) -> None:
        """End what goes on, as far as it is the hub's to end: behind sudo it goes on until it finds the hub away."""
        await asyncio.gather(*(door.close() for door in self._doors.values()))


class _OwnEnvironment(APIHandler):  # type: ignore[misc]  # JupyterHub has no types
    """The environment of whoever asks, and of nobody else: no name is part of the address."""

    def open_door(self, scope: str) -> Door:
        """The door of the signed-in user; raises 403 for services, and for tokens without ``scope``."""
        user = self.current_user
        if user is None or not hasattr(user, "spawners"):
            raise web.HTTPError(403, "only people have a notebook environment: sign in")
        if not self.get_scope_filter(scope)(user.orm_user, "user"):
            raise web.HTTPError(403, "this token lacks the scope %s", scope)
        self.set_header("Cache-Control", "no-store")
        doors: Doors = self.settings[Doors.SETTING]
        return doors.of(user.name)


class EnvironmentHandler(_OwnEnvironment):
    """/hub/api/neuronhub/environment"""

    async def get(self) -> None:
        """200 with status and errand. 503 with the reason when they cannot be had."""
        try:
            self.write(await self.open_door(READ_SCOPE).describe())
        except EnvironmentFailed as error:
            refuse_for(error)

    async def post(self) -> None:
        """202: the errand has begun. 400: no such action. 409: another one goes on. 503: too many at once."""
        try:
            door = self.open_door(WRITE_SCOPE)
            errand = door.begin(parse_order(self.request.body))
        except ValueError as error:
            raise web.HTTPError(400, "not an order: %s", error) from error
        except EnvironmentFailed as error:
            refuse_for(error)
        self.log.info("%s: environment %s", self.current_user.name, errand.action)
        self.set_status(202)
        self.write(errand.to_json())


class ExportHandler(_OwnEnvironment):
    """/hub/api/neuronhub/environment/export"""

    async def get(self) -> None:
        """200 with environment.yml (row P4)."""
        try:
            text = await self.open_door(READ_SCOPE).fetch_export()
        except EnvironmentFailed as error:
            refuse_for(error)
        self.set_header("Content-Type", "application/yaml; charset=utf-8")
        self.set_header("Content-Disposition", 'attachment; filename="environment.yml"')
        self.set_header("X-Content-Type-Options", "nosniff")
        self.write(text)


class EnvironmentPageHandler(BaseHandler):  # type: ignore[misc]
    """/hub/environment: the page; what it shows comes by the REST bodies above."""

    @web.authenticated
    async def get(self) -> None:
        """The page, at once."""
        self.finish(await self.render_template("environment.html"))


def refuse_for(error: EnvironmentFailed) -> NoReturn:
    """Raise ``error`` as an HTTP error whose sentence the page shows."""
    refuse(409 if isinstance(error, EnvironmentBusy) else 503, error)


HANDLERS: list[Any] = [
    (r"/environment", EnvironmentPageHandler),
    (rf"/api/{ENVIRONMENT_PATH}", EnvironmentHandler),
    (rf"/api/{ENVIRONMENT_PATH}/export", ExportHandler),
]
