"""A terminal as a page sees it: the server's own, over its websocket, with the real conda of the base."""

from __future__ import annotations

import asyncio
import json

from tests.unit.workbench.hub_double import TOKEN
from tests.unit.workbench.kernel_client import close
from tests.unit.workbench.start import Start, make_layout
from tornado.httpclient import HTTPRequest
from tornado.websocket import websocket_connect

LIMIT_S = 60


async def type_lines(server: Start, *lines: str) -> str:
    """What is seen until the shell has answered the last line, which must end it."""
    name = server.ask("api/terminals", method="POST", data={}).json["name"]
    url = f"ws://127.0.0.1:{server.port}/user/alice/terminals/websocket/{name}"
    async with asyncio.timeout(LIMIT_S):
        socket = await websocket_connect(HTTPRequest(url, headers={"Authorization": f"token {TOKEN}"}))
        await socket.write_message(json.dumps(["set_size", 50, 400]))
        await socket.write_message(json.dumps(["stdin", "".join(f"{line}\n" for line in lines)]))
        seen = ""
        while (received := await socket.read_message()) is not None:
            kind, *words = json.loads(received)
            if kind == "disconnect":
                break
            if kind == "stdout":
                seen += words[0]
        await close(socket)
    return seen


async def test_E2_a_terminal_is_in_the_environment_and_can_leave_it(server: Start) -> None:
    prefix = str(make_layout(server.folder, server.folder).prefix)
    ask = "echo env=$CONDA_DEFAULT_ENV where=$(command -v python) job=$SLURM_JOB_ID in=$PWD"
    seen = await type_lines(server, ask, "conda deactivate", ask, "exit")
    assert "(notebook) " in seen
    assert f"env=notebook where={prefix}/bin/python job=42 in={server.ticket.workspace}" in seen
    assert f"env= where={prefix}" not in seen, "conda deactivate leaves it"
    assert "env= where=" in seen
    assert "LEAKED" not in await type_lines(server, "env", "exit")
