"""JupyterHub's own way to start and stop servers, for the hub itself: a request handler without a browser behind it."""

from __future__ import annotations

from typing import Any

from jupyterhub.handlers.base import BaseHandler
from tornado.httputil import HTTPConnection, HTTPServerRequest
from tornado.web import Application


def make_handler(application: Application) -> BaseHandler:
    """A handler to call ``spawn_single_user`` or ``stop_single_user`` of; it answers nobody."""
    return BaseHandler(application, HTTPServerRequest("POST", "/", connection=_NoConnection()))


class _NoConnection(HTTPConnection):
    """Stands where JupyterHub's handler expects a connection."""

    context = None

    def set_close_callback(self, callback: Any) -> None:
        """Nobody can go away."""
