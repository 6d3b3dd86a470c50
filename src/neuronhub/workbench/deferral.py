"""What a user's server imports and does not need to start, put off until it is used: half of the time of a start.

Runs in a user's server, around the import of Jupyter. JupyterHub's single-user extension shares modules with the hub,
whose tables (SQLAlchemy, Alembic) it never uses; its HTTP client (aiohttp) is needed once the server is announced.
JupyterLab has HTTP clients of its own for extension lists and PyPI, which a server from a fixed base does not ask.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any


class LateModule(ModuleType):
    """Stands for a module that nobody has needed yet: a few names are here, any other loads the module."""

    def __init__(self, name: str, **names: Any) -> None:
        super().__init__(name)
        vars(self).update(names)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # asked by the import system, which needs nothing of the module itself
            raise AttributeError(name)
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(importlib.import_module(self.__name__), name)


@contextmanager
def deferred_imports() -> Iterator[None]:
    """Within it, Jupyter is imported without what can wait. Afterwards every import is real again."""
    late = (
        LateModule("aiohttp"),
        LateModule("jupyterhub.httpclient", fetch=_fetch),
        LateModule("jupyterhub.orm"),
        LateModule("jupyterhub.roles"),
        LateModule("jupyterlab.extensions.pypi", PyPIExtensionManager=_pypi_manager),
        LateModule("requests"),
        LateModule("sqlalchemy"),
        # A name in an "except" clause around the hub's database.
        LateModule("sqlalchemy.exc", SQLAlchemyError=type("SQLAlchemyError", (Exception,), {})),
        # Requests to the hub's own health check are logged quietly; a user's server has no such handler.
        LateModule("jupyterhub.handlers.pages", HealthCheckHandler=type("HealthCheckHandler", (), {})),
    )
    mine = [module for module in late if sys.modules.setdefault(module.__name__, module) is module]
    try:
        yield
    finally:
        for module in mine:
            if sys.modules.get(module.__name__) is module:
                del sys.modules[module.__name__]


def load_http_client() -> None:
    """Import the real HTTP client now, before the first browser waits for it."""
    importlib.import_module("jupyterhub.httpclient")


async def _fetch(*args: Any, **kwargs: Any) -> Any:
    """Stand in the place of JupyterHub's ``fetch``, which is imported at the first call."""
    from jupyterhub.httpclient import fetch

    return await fetch(*args, **kwargs)


def _pypi_manager(*args: Any, **kwargs: Any) -> Any:
    """Stand in the place of JupyterLab's class; a site that turns the extension manager on gets the real one."""
    from jupyterlab.extensions.pypi import PyPIExtensionManager

    return PyPIExtensionManager(*args, **kwargs)


def load_lab() -> None:
    """Import JupyterLab, without the run of Node by which it looks for the registry to build itself from.

    The base is fixed, so nothing is built in it; Node takes a quarter of a second where a compute node has it.
    """
    import jupyterlab.commands

    jupyterlab.commands._yarn_config = lambda logger: {"yarn config": {}, "npm config": {}}
    importlib.import_module("jupyterlab.labapp")
