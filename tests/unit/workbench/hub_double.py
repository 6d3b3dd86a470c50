"""A hub as a started server sees it: it takes announcements, answers them as told, and knows the owner of one token."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue
from typing import Any

TOKEN = "0123456789abcdef-the-servers-own"


class HubDouble(ThreadingHTTPServer):
    """Answers announcements with ``answers`` in turn, and with 200 when there are no more."""

    daemon_threads = True

    def __init__(self, answers: tuple[int, ...] = (), port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.answers = list(answers)
        self.announcements: Queue[dict[str, Any]] = Queue()
        self.preparing: Queue[dict[str, Any]] = Queue()

    @property
    def api_url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hub/api"


class _Handler(BaseHTTPRequestHandler):
    server: HubDouble

    def do_GET(self) -> None:
        """Tell who the owner of a token is, as JupyterHub does."""
        known = self.headers.get("Authorization", "").endswith(f" {TOKEN}")
        scopes = ["access:servers!server=alice/"]
        self._answer(200 if known else 403, {"kind": "user", "name": "alice", "groups": [], "scopes": scopes})

    def do_POST(self) -> None:
        """Take an announcement, or a report of activity."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/hub/api/neuronhub/preparing":
            self.server.preparing.put({"body": json.loads(body), "authorization": self.headers["Authorization"]})
        if self.path != "/hub/api/neuronhub/announce":
            self._answer(200, {})
            return
        status = self.server.answers.pop(0) if self.server.answers else 200
        self.server.announcements.put(
            {
                "body": json.loads(body),
                "authorization": self.headers["Authorization"],
                "from": self.client_address[0],
                "status": status,
            }
        )
        self._answer(status, {})

    def _answer(self, status: int, data: dict[str, Any]) -> None:
        body = json.dumps(data).encode()
        self.send_response(status)
        self.send_header("X-JupyterHub-Version", "6.1.1")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Print nothing."""


@contextmanager
def run_hub(answers: tuple[int, ...] = (), port: int = 0) -> Iterator[HubDouble]:
    """A HubDouble that answers in a thread of its own."""
    with HubDouble(answers, port) as hub:
        thread = threading.Thread(target=hub.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield hub
        finally:
            hub.shutdown()
            thread.join()
