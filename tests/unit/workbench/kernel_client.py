"""Cells run in a kernel of a started server, over the websocket that a page uses."""

from __future__ import annotations

import asyncio
import json
import uuid
from pathlib import Path
from typing import Any

from tests.unit.workbench.hub_double import TOKEN
from tests.unit.workbench.start import Start
from tornado.httpclient import HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

LIMIT_S = 60


def start_session(server: Start, kernel: str = "python3") -> Any:
    """The answer to what a page asks when a notebook is opened."""
    name = f"{uuid.uuid4().hex}.ipynb"
    body = {"path": name, "name": name, "type": "notebook", "kernel": {"name": kernel}}
    return server.ask("api/sessions", method="POST", data=body)


def run_cell(server: Start, kernel_id: str, code: str) -> str:
    """What the cell prints or shows, errors included."""
    return run_cell_at(f"ws://127.0.0.1:{server.port}/user/alice/", kernel_id, code, token=TOKEN)


def run_cell_at(url: str, kernel_id: str, code: str, *, token: str, ca_file: Path | None = None) -> str:
    """The same, in a kernel of the server whose websockets are below ``url``."""
    channels, headers = f"{url}api/kernels/{kernel_id}/channels", {"Authorization": f"token {token}"}
    trusted = str(ca_file) if ca_file else None
    return asyncio.run(_run_cell(HTTPRequest(channels, headers=headers, ca_certs=trusted), code))


async def _run_cell(request: HTTPRequest, code: str) -> str:
    async with asyncio.timeout(LIMIT_S):
        socket = await websocket_connect(request)
        header = {
            "msg_id": uuid.uuid4().hex,
            "msg_type": "execute_request",
            "session": "s",
            "username": "",
            "version": "5.3",
        }
        content = {"code": code, "silent": False, "store_history": False, "allow_stdin": False}
        message = {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell"}
        await socket.write_message(json.dumps(message))
        shown = ""
        while True:
            received = await socket.read_message()
            assert received is not None, "the kernel's socket was closed"
            told = json.loads(received)
            if told["parent_header"].get("msg_id") != header["msg_id"]:
                continue
            shown += _show(told)
            if told["msg_type"] == "status" and told["content"]["execution_state"] == "idle":
                await close(socket)
                return shown


async def close(socket: WebSocketClientConnection) -> None:
    """Close it and wait until it is closed."""
    socket.close()
    while await socket.read_message() is not None:
        pass


def _show(told: dict[str, Any]) -> str:
    content = told["content"]
    if told["msg_type"] == "stream":
        return str(content["text"])
    if told["msg_type"] in ("execute_result", "display_data"):
        return str(content["data"].get("text/plain", ""))
    if told["msg_type"] == "error":
        return f"{content['ename']}: {content['evalue']}"
    return ""
