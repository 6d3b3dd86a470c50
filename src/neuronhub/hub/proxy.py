"""JupyterHub's proxy client, patient: a proxy that is away ends no start and hides no stop. Runs in the hub."""

from __future__ import annotations

from typing import Any

from jupyterhub.proxy import ConfigurableHTTPProxy


class PatientProxy(ConfigurableHTTPProxy):  # type: ignore[misc]
    """configurable-http-proxy as a process of its own, which may be restarted or away for a while."""

    async def add_user(self, user: Any, server_name: str = "") -> None:
        """Add the route of a server that is ready, however long the proxy is away: the job has been paid for."""
        while True:
            try:
                await super().add_user(user, server_name)
                return
            except TimeoutError:
                self.log.warning("the proxy is away: %s has no route yet, trying again", user.name)

    async def delete_user(self, user: Any, server_name: str = "") -> None:
        """Delete the route of a server that is to be stopped; it is stopped all the same when the proxy is away."""
        try:
            await super().delete_user(user, server_name)
        except TimeoutError:
            self.log.warning("the proxy is away: the route of %s is deleted when it is back", user.name)
