"""A TensorBoard's pages, from its unix socket to the browser of its owner. In the user's Jupyter server."""

from __future__ import annotations

from typing import Any

from jupyter_server_proxy.handlers import LocalProxyHandler
from tornado import web

from neuronhub.workbench.tensorboard.boards import Boards


def make_page_handler(boards: Boards) -> type[LocalProxyHandler]:
    """A handler for addresses of two groups: the board's id, and the path below it."""

    class BoardPageHandler(LocalProxyHandler):  # type: ignore[misc]
        """Jupyter Server asks for the sign-in before any of this."""

        async def prepare(self, *args: Any, **kwargs: Any) -> None:
            """404 for a board that has ended; its page then says so."""
            await super().prepare(*args, **kwargs)
            board = boards.get(self.path_args[0])
            if board is None:
                raise web.HTTPError(404, "this TensorBoard has been shut down; start one on the folder again")
            self.unix_socket = str(board.socket)

        @web.authenticated
        def proxy(self, board_id: str, path: str) -> Any:
            """Hand one request on, with its whole address: TensorBoard knows its prefix."""
            if not path:
                return self.redirect(f"{self.request.path}/")
            return super().proxy(0, f"{self.base_url}neuronhub/tensorboard/{board_id}{path}")

        def _get_context_path(self, host: str, port: int) -> str:
            return ""

    return BoardPageHandler
