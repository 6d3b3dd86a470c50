"""TensorBoards by REST, and their pages handed on from the unix sockets. In the user's Jupyter server.

``neuronhub/tensorboards``: GET lists, POST ``{"folder": PATH}`` starts or finds one; ``neuronhub/tensorboards/ID``:
DELETE shuts one down. Pages are below ``neuronhub/tensorboard/ID/``.
"""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

from tornado import web
from tornado.web import Application

from neuronhub.workbench.spoken import SpokenHandler
from neuronhub.workbench.tensorboard.boards import Board, BoardRefused, Boards

LIST_PATH = "neuronhub/tensorboards"
PAGE_PATH = "neuronhub/tensorboard"
ID = r"([0-9a-f]{16})"


class BoardsHandler(SpokenHandler):
    """All TensorBoards of this server."""

    def initialize(self, boards: Boards) -> None:
        """``boards`` of this server."""
        self.boards = boards

    @web.authenticated
    def get(self) -> None:
        """200: a list of ``{"id", "folder", "url"}``."""
        self.finish(json.dumps([describe(self.boards, board) for board in self.boards.list()]))

    @web.authenticated
    async def post(self) -> None:
        """201 when started now, 200 when it runs already; 400 with the reason."""
        body = self.get_json_body()
        if not isinstance(body, dict) or set(body) != {"folder"} or not isinstance(body["folder"], str):
            raise web.HTTPError(400, reason='the body must be {"folder": PATH}')
        before = {board.id for board in self.boards.list()}
        try:
            board = await self.boards.ensure(body["folder"])
        except BoardRefused as error:
            self.set_status(400)
            self.finish({"message": str(error)})
            return
        ensure_pages(self.application, self.base_url, self.boards)
        self.set_status(HTTPStatus.OK if board.id in before else HTTPStatus.CREATED)
        self.finish(describe(self.boards, board))


class BoardHandler(BoardsHandler):
    """One TensorBoard."""

    SUPPORTED_METHODS = ("DELETE",)

    @web.authenticated
    async def delete(self, board_id: str) -> None:
        """204: it is shut down. 404: there is none with this id (any more)."""
        board = self.boards.get(board_id)
        if board is None:
            raise web.HTTPError(404)
        await self.boards.stop(board)
        self.set_status(HTTPStatus.NO_CONTENT)


def describe(boards: Boards, board: Board) -> dict[str, str]:
    """A board as JSON."""
    return {"id": board.id, "folder": board.folder, "url": boards.address(board)}


def make_board_handlers(boards: Boards) -> list[tuple[str, Any, dict[str, Any]]]:
    """What a server has from its start, below its base URL."""
    return [
        (f"/{LIST_PATH}", BoardsHandler, {"boards": boards}),
        (f"/{LIST_PATH}/{ID}", BoardHandler, {"boards": boards}),
    ]


def ensure_pages(application: Application, base_url: str, boards: Boards) -> None:
    """Hand the boards' pages on from now on; the proxy is imported with the first board, since no start needs it."""
    if application.settings.get(PAGE_PATH):
        return
    application.settings[PAGE_PATH] = True
    from neuronhub.workbench.tensorboard.pages import make_page_handler

    pattern = f"{base_url}{PAGE_PATH}/{ID}(/.*|)"
    application.add_handlers(".*$", [(pattern, make_page_handler(boards), {})])
