"""What the hub answers differently from plain JupyterHub: the resource table, starts by REST, and Logout."""

from __future__ import annotations

import asyncio
from typing import Any

from jupyterhub.apihandlers.base import APIHandler
from jupyterhub.apihandlers.users import UserServerAPIHandler
from jupyterhub.handlers.base import BaseHandler
from jupyterhub.handlers.login import LogoutHandler
from jupyterhub.handlers.pages import SpawnHandler
from jupyterhub.utils import url_path_join
from tornado import web

from neuronhub.errors import StartRefused
from neuronhub.language import translate as _
from neuronhub.spawn.desk import Desk
from neuronhub.spawn.refusal import refuse
from neuronhub.spawn.spawner import SlurmSpawner

REFRESH_PATIENCE_S = 3.0
"""Refresh waits for Slurm that long before it gets the older table again."""


class ClusterHandler(APIHandler):  # type: ignore[misc]
    """GET /hub/api/cluster: the resource table (row Q1) as JSON, for any signed-in user or service."""

    async def get(self) -> None:
        """200 with the table; the watcher sees to it that Slurm is not asked more often for more readers."""
        if self.current_user is None:
            raise web.HTTPError(403, "sign in to see the resource table")
        desk: Desk = self.settings[Desk.SETTING]
        await desk.fetch_cluster(REFRESH_PATIENCE_S)
        groups = [group.name for group in getattr(self.current_user, "groups", ())]
        self.set_header("Cache-Control", "no-store")
        self.write(desk.describe_cluster(groups))


class StartHandler(UserServerAPIHandler):  # type: ignore[misc]
    """POST /hub/api/users/NAME/server: JupyterHub's own, but what it asks for is checked before anything is made."""

    async def spawn_single_user(
        self, user: Any, server_name: str = "", display_name: str = "", options: dict[str, Any] | None = None
    ) -> None:
        """Raise 400 with the reason for options that the start page would refuse, else start as JupyterHub does."""
        spawner = user.spawners.get(server_name)
        if isinstance(spawner, SlurmSpawner):
            options = (await spawner.check_options(options)).to_options()
        await super().spawn_single_user(user, server_name, display_name, options=options)


class StartPageHandler(SpawnHandler):  # type: ignore[misc]
    """POST /hub/spawn: JupyterHub's own, but the same Submit twice leads to the one start that it has made."""

    @web.authenticated
    async def post(self, user_name: str | None = None, server_name: str = "", display_name: str = "") -> None:
        """Start, or go to the server that runs or is starting already."""
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


class EndEverything(BaseHandler):  # type: ignore[misc]
    """Mixed into the authenticator's Logout: a start that still waits ends like a running server (row T4)."""

    async def get(self) -> None:
        """Sign out, unless a link on somebody else's page led here: that would end what the user works on."""
        if self.request.headers.get("Sec-Fetch-Site") == "cross-site":
            self.redirect(url_path_join(self.hub.base_url, "home"))
            return
        await super().get()

    async def default_handle_logout(self) -> None:
        """Cancel pending starts, so that JupyterHub's own Logout finds them stoppable."""
        user = self.current_user
        if user is not None and self.settings.get("shutdown_on_logout"):
            starts = [spawner._spawn_future for spawner in user.spawners.values() if spawner.pending == "spawn"]
            for start in filter(None, starts):
                start.cancel()
            await asyncio.gather(*filter(None, starts), return_exceptions=True)
        await super().default_handle_logout()


def make_logout_handler(base: type[LogoutHandler]) -> type[LogoutHandler]:
    """The logout handler of the site's authenticator, ending pending starts as well."""
    return type("Logout", (EndEverything, base), {})
