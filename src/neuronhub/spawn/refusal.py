"""How a start that cannot be is told to JupyterHub, which tells the user. In the hub process."""

from __future__ import annotations

from typing import NoReturn

from tornado import web

from neuronhub.errors import NeuronHubError, StartRefused, StartUndecided


class Refusal(web.HTTPError):
    """An HTTP error whose sentence JupyterHub shows to the user: in the form, as JSON, in the progress."""

    def __init__(self, status: int, error: NeuronHubError) -> None:
        super().__init__(status, "%s", str(error))
        self.jupyterhub_message = str(error)


def refuse_start(error: StartRefused) -> NoReturn:
    """Raise ``error`` as HTTP 400, or 503 if it may be decided otherwise soon."""
    refuse(503 if isinstance(error, StartUndecided) else 400, error)


def refuse(status: int, error: NeuronHubError) -> NoReturn:
    """Raise ``error`` as an HTTP error with ``status``."""
    raise Refusal(status, error) from error
