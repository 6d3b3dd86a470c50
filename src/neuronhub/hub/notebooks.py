"""Notebooks that were open when the hub ended a server: offered until they are opened or dismissed (row T2)."""

from __future__ import annotations

from typing import Any

from jupyterhub.handlers.base import BaseHandler
from jupyterhub.utils import url_path_join
from tornado import web

from neuronhub.spawn.notebooks import keep_notebooks, render_notebook_url
from neuronhub.spawn.spawner import SlurmSpawner


def describe_unopened(user: Any) -> tuple[str, ...]:
    """Paths of the notebooks that pages offer to ``user``."""
    orm_spawner = user.orm_spawners.get("") if user is not None and hasattr(user, "spawners") else None
    return keep_notebooks((orm_spawner.state or {}).get("unopened", ())) if orm_spawner else ()


class NotebooksHandler(BaseHandler):  # type: ignore[misc]  # JupyterHub has no types
    """POST /hub/notebooks: open one of the notebooks that are offered, or dismiss one or all of them."""

    @web.authenticated
    async def post(self) -> None:
        """Go to the notebook (field ``open``), or back to the Control Panel (``dismiss``; '' is all of them)."""
        user = self.current_user
        spawner = user.spawners[""]
        home = url_path_join(self.hub.base_url, "home")
        if not isinstance(spawner, SlurmSpawner):
            self.redirect(home)
            return
        wanted = self.get_body_argument("open", None)
        dismissed = self.get_body_argument("dismiss", None)
        if wanted in spawner.unopened and spawner.ready:
            spawner.offer(path for path in spawner.unopened if path != wanted)
            self.redirect(render_notebook_url(user.server_url(""), wanted))
            return
        if dismissed is not None:
            spawner.offer(path for path in spawner.unopened if dismissed not in ("", path))
        self.redirect(home)
