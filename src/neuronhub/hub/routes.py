"""The proxy's routes, put back when the proxy has been restarted. Runs in the hub."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

log = logging.getLogger("neuronhub.hub")

LOOK_S = 5.0
"""JupyterHub itself looks every five minutes; until then a restarted proxy answers 404 to everybody."""


async def keep_routes(hub: Any) -> None:
    """Look at the proxy every LOOK_S, for ever; ``hub`` is JupyterHub's application."""
    while True:
        await asyncio.sleep(LOOK_S)
        try:
            routes = await hub.proxy.get_all_routes()
            if hub.hub.routespec not in routes:
                log.warning("the proxy has lost its routes: putting them back")
                await hub.proxy.check_routes(hub.users, hub._service_map, routes)
        except Exception:
            log.exception("the proxy's routes could not be looked at; going on")
