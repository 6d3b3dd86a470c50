"""Notebooks that were open in a server which the hub is about to end, asked of the server itself. In the hub process.

What it says is a stranger's: only paths below the workspace are kept, few and short ones.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from typing import TypeGuard
from urllib.parse import quote

from tornado.httpclient import AsyncHTTPClient, HTTPClientError

log = logging.getLogger("neuronhub.spawn")

MOST_NOTEBOOKS = 20
LONGEST_PATH = 500
"""Characters."""
PATIENCE_S = 5.0
"""The server is ended all the same when it does not answer in that time."""


async def fetch_notebooks(client: AsyncHTTPClient, base_url: str, token: str) -> tuple[str, ...]:
    """Paths of the notebooks with a session in the server at ``base_url``; none when it does not say. Never raises.

    ``client`` limits the size of the answer.
    """
    try:
        response = await client.fetch(
            f"{base_url}api/sessions",
            headers={"Authorization": f"token {token}"},
            connect_timeout=PATIENCE_S,
            request_timeout=PATIENCE_S,
            follow_redirects=False,
            decompress_response=False,
        )
        return parse_sessions(response.body)
    except (HTTPClientError, OSError, ValueError) as error:
        log.info("%s does not say which notebooks are open: %s", base_url, error)
        return ()


def parse_sessions(body: bytes) -> tuple[str, ...]:
    """Paths of notebooks in an answer of ``/api/sessions``, each once; raises ValueError if it is no JSON."""
    try:
        sessions = json.loads(body)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    told = [session for session in sessions if isinstance(session, dict)] if isinstance(sessions, list) else []
    return keep_notebooks(session.get("path") for session in told if session.get("type") == "notebook")


def keep_notebooks(paths: Iterable[object]) -> tuple[str, ...]:
    """Those of ``paths`` that can be offered, at most MOST_NOTEBOOKS, each once, in their order."""
    return tuple(dict.fromkeys(filter(is_notebook, paths)))[:MOST_NOTEBOOKS]


def is_notebook(path: object) -> TypeGuard[str]:
    """True for a plain relative path of a notebook: nothing that could be another address, or leave the workspace."""
    if not isinstance(path, str) or not path.endswith(".ipynb") or len(path) > LONGEST_PATH:
        return False
    folders = path.split("/")
    plain = path.isprintable() and "\\" not in path and ":" not in folders[0]
    return plain and not {"", ".", ".."} & set(folders)


def render_notebook_url(server_url: str, path: str) -> str:
    """Where Notebook shows ``path``, of the server at ``server_url``."""
    return f"{server_url}notebooks/{quote(path, safe='/')}"
