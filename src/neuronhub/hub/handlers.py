"""What the hub answers differently from plain JupyterHub: the resource table, starts by REST, and Logout."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from jupyterhub.apihandlers.base import APIHandler
from jupyterhub.apihandlers.users import UserServerAPIHandler, UserTokenListAPIHandler
from jupyterhub.handlers.base import BaseHandler
from jupyterhub.handlers.login import LogoutHandler
from jupyterhub.handlers.pages import HomeHandler, SpawnHandler
from jupyterhub.utils import url_path_join
from tornado import web

from neuronhub.errors import StartRefused
from neuronhub.language import translate as _
from neuronhub.spawn.desk import Desk
from neuronhub.spawn.options import FIELDS
from neuronhub.spawn.refusal import refuse
from neuronhub.spawn.spawner import SlurmSpawner

LONGEST_FIELD = 100
LONGEST_TOKEN_S = 10 * 365 * 86400
REFRESH_PATIENCE_S = 3.0
"""Refresh waits for Slurm that long before it gets the older table again."""


class ClusterHandler(APIHandler):  # type: ignore[misc]
    """GET /hub/api/cluster: the resource table (row Q1) as JSON, for any signed-in user or service."""

    async def get(self) -> None:
        """200 with the table; the watcher sees to it that Slurm is not asked more often for more readers."""
        if self.current_user is None:
            raise web.HTTPError(403, "sign in to see the resource table")
        desk: Desk = self.settings[Desk.SETTING]
        is_user = hasattr(self.current_user, "spawners")  # a service has no budgets
        user = self.current_user.name if is_user else None
        await desk.refresh(user, REFRESH_PATIENCE_S)
        groups = [group.name for group in getattr(self.current_user, "groups", ())]
        self.set_header("Cache-Control", "no-store")
        self.write(desk.describe_cluster(groups, user))


class StartHandler(UserServerAPIHandler):  # type: ignore[misc]
    """POST /hub/api/users/NAME/server: JupyterHub's own, but what it asks for is checked before anything is made."""

    async def prepare(self) -> None:
        """In turn: many starts at once shall not keep others waiting."""
        await self.settings[Desk.SETTING].turns.take()
        await super().prepare()

    async def spawn_single_user(
        self, user: Any, server_name: str = "", display_name: str = "", options: dict[str, Any] | None = None
    ) -> None:
        """Raise 400 with the reason for options that the start page would refuse, else start as JupyterHub does."""
        spawner = user.spawners.get(server_name)
        if isinstance(spawner, SlurmSpawner):
            options = (await spawner.check_options(options)).to_options()
            await spawner.desk.turns.take()
            if spawner.pending == "spawn":
                return  # the same request, twice at once: the other one is the start
        try:
            await super().spawn_single_user(user, server_name, display_name, options=options)
        except asyncio.CancelledError:
            refuse(409, StartRefused(_("The start was cancelled.")))

    async def stop_single_user(self, user: Any, server_name: str = "") -> Any:
        """Stop, or wait with whoever stops it already."""
        spawner = user.spawners.get(server_name)
        if spawner is not None and spawner.pending == "stop":
            return spawner._stop_future
        return await super().stop_single_user(user, server_name)


class TokensHandler(UserTokenListAPIHandler):  # type: ignore[misc]
    """POST /hub/api/users/NAME/tokens: JupyterHub's own, without what its database cannot hold."""

    def get_json_body(self) -> Any:
        """Refuse text that is no Unicode, and lifetimes beyond LONGEST_TOKEN_S: both break off a transaction."""
        body = super().get_json_body()
        try:
            json.dumps(body, ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            raise web.HTTPError(400, "the body holds half of a surrogate pair") from error
        expires_in = body.get("expires_in") if isinstance(body, dict) else None
        if isinstance(expires_in, int | float) and not 0 <= expires_in <= LONGEST_TOKEN_S:
            raise web.HTTPError(400, f"expires_in must be a number of seconds from 0 to {LONGEST_TOKEN_S}")
        return body


class StartPageHandler(SpawnHandler):  # type: ignore[misc]
    """POST /hub/spawn: JupyterHub's own, but the same Submit twice leads to the one start that it has made.

    A form that is refused comes back as it was filled in.
    """

    @property
    def template_namespace(self) -> dict[str, Any]:
        """JupyterHub's, with what was submitted in the place of the choice of last time."""
        found: dict[str, Any] = super().template_namespace
        if self.request.method == "POST" and found.get("start_page"):
            choice = {field: self.get_body_argument(field, "")[:LONGEST_FIELD] for field in FIELDS}
            found["start_page"] = {**found["start_page"], "choice": choice}
        return found

    async def prepare(self) -> None:
        """In turn, as by REST."""
        if self.request.method == "POST":
            await self.settings[Desk.SETTING].turns.take()
        await super().prepare()

    @web.authenticated
    async def post(self, user_name: str | None = None, server_name: str = "", display_name: str = "") -> None:
        """Start, or go to the server that runs or is starting already."""
        for values in self.request.body_arguments.values():
            for value in values:
                try:
                    value.decode()
                except UnicodeDecodeError:
                    refuse(400, StartRefused(_("The form holds text that is not UTF-8.")))
        user = self.current_user
        spawner = user.spawners.get(server_name or "") if user_name in {None, user.name} else None
        if spawner is not None and spawner.ready:
            self.redirect(self.get_next_url(user, default=user.server_url(server_name)))
        elif spawner is not None and spawner.pending == "spawn":
            self.redirect(self._get_pending_url(user, server_name))
        elif spawner is not None and spawner.pending:
            refuse(409, StartRefused(_("Your server is still stopping. Try again in a few seconds.")))
        else:
            await super().post(user_name, server_name, display_name)


class HomePageHandler(HomeHandler):  # type: ignore[misc]
    """GET /hub/home: JupyterHub's own, which also tells what the running server costs."""

    @web.authenticated
    async def get(self) -> None:
        """Look that up first; it is soon over."""
        spawner = self.current_user.spawners.get("")
        if isinstance(spawner, SlurmSpawner) and spawner.record:
            await spawner.desk.till.refresh_cost(spawner.record.job_name)
        await super().get()


class EndEverything(BaseHandler):  # type: ignore[misc]
    """Mixed into the authenticator's Logout: a start that still waits ends like a running server (row T4)."""

    async def get(self) -> None:
        """Sign out, unless somebody else's page or a picture led here: that would end what the user works on."""
        headers = self.request.headers
        if headers.get("Sec-Fetch-Site") == "cross-site" or headers.get("Sec-Fetch-Dest", "document") != "document":
            self.redirect(url_path_join(self.hub.base_url, "home"))
            return
        await super().get()

    async def default_handle_logout(self) -> None:
        """Cancel pending starts, so that JupyterHub's own Logout finds them stoppable."""
        user = self.current_user
        if user is not None and self.settings.get("shutdown_on_logout"):
            pending = [spawner for spawner in user.spawners.values() if spawner.pending == "spawn"]
            starts = [spawner._spawn_future for spawner in pending if spawner._spawn_future]
            for start in starts:
                start.cancel()
            await asyncio.gather(*starts, return_exceptions=True)
        await super().default_handle_logout()


def make_logout_handler(base: type[LogoutHandler]) -> type[LogoutHandler]:
    """The logout handler of the site's authenticator, ending pending starts as well."""
    return type("Logout", (EndEverything, base), {})
