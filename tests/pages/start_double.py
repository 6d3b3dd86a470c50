"""The start page as the hub renders it, and the hub that it asks and submits to, played by the test."""

from __future__ import annotations

import mimetypes
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Page, Route
from tests.unit.web.conftest import make_cluster, make_price, make_queue, make_render

from neuronhub.web.templates import STATIC

ORIGIN = "http://hub.test"
FREE = make_queue("jupyter")
GPU = make_queue("cas_v100_2", places=None, **make_price("gpu-hour", "1500", 2))
CORES = make_queue("amd_a100nv_8", places=None, **make_price("core-hour", "250.5", 64))
CLUSTER = make_cluster(FREE, GPU, CORES)


@dataclass
class StartServer:
    """Answers the page's requests by what the test has written down."""

    cluster: dict[str, Any] = field(default_factory=lambda: dict(CLUSTER))
    choice: dict[str, str] = field(default_factory=lambda: {"queue": "jupyter", "time_limit": "2:00:00"})
    refusal: str = ""
    """What the hub says to a Submit."""
    submitted: list[dict[str, list[str]]] = field(default_factory=list)

    def answer(self, route: Route) -> None:
        """One request of the page."""
        path = urlsplit(route.request.url).path
        if path == "/hub/api/cluster":
            route.fulfill(json=self.cluster)
        elif path.startswith("/hub/api/"):
            route.fulfill(status=404, json={"message": "not played"})
        elif path == "/hub/spawn":
            if route.request.method == "POST":
                self.submitted.append(parse_qs(route.request.post_data or "", keep_blank_values=True))
            error = {"error_message": self.refusal} if route.request.method == "POST" else {}
            page = {"cluster": self.cluster, "choice": self.choice}
            html = make_render()("spawn.html", url="/hub/spawn", start_page=page, **error)
            route.fulfill(body=html, content_type="text/html; charset=utf-8")
        else:
            file = STATIC / path.split("/", 4)[4]
            route.fulfill(body=file.read_bytes(), content_type=mimetypes.guess_type(file.name)[0])


def open_start_page(page: Page, server: StartServer) -> None:
    """Load the page; its module, where there is one, has shown what the cost is."""
    page.route(f"{ORIGIN}/**", server.answer)
    page.goto(f"{ORIGIN}/hub/spawn")
