"""A page with the panel of IPython Clusters in it, and the Jupyter server that it asks, played by the test."""

from __future__ import annotations

import json
import mimetypes
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Page, Route
from tests.pages.start_double import CLUSTER

from neuronhub.web.templates import STATIC

ORIGIN = "http://clusters.test"
UI = Path(__file__).parents[2] / "ui"
HTML = """<!DOCTYPE html>
<html lang="en">
  <head>
    <meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Clusters</title>
    <link rel="stylesheet" href="/css/base.css"><link rel="stylesheet" href="/css/pages.css">
    <link rel="stylesheet" href="/css/environment-panel.css"><link rel="stylesheet" href="/lab/clusters.css">
  </head>
  <body><main class="nh-main"><h1>Jupyter</h1><h2>IPython Clusters</h2><div id="clusters"></div></main>
    <script type="module" src="/mount.js"></script></body>
</html>"""
MOUNT = """
import { overHttp } from "/lab/build/clusters/api.js";
import { ClustersPanel } from "/lab/build/clusters/panel.js";
import { translateTexts } from "/lab/build/clusters/texts.js";
const send = (method, path, body) => fetch(`/api/${path}`, { method, body: body && JSON.stringify(body) });
const texts = translateTexts((english) => english);
new ClustersPanel(document.getElementById("clusters"), overHttp(send), texts, "en").turn(true);
"""


@dataclass
class ClustersServer:
    """Answers the panel's requests; orders are kept and refused, so that nothing has to start."""

    resources: dict[str, Any] = field(default_factory=lambda: dict(CLUSTER))
    orders: list[dict[str, Any]] = field(default_factory=list)

    def answer(self, route: Route) -> None:
        """One request of the page."""
        path = urlsplit(route.request.url).path
        if path == "/api/neuronhub/queues":
            route.fulfill(json=self.resources)
        elif path.startswith("/api/") and route.request.method == "GET":
            route.fulfill(json={"profiles": ["slurm", "local"], "clusters": [], "problem": ""})
        elif path.startswith("/api/"):
            self.orders.append(json.loads(route.request.post_data or ""))
            route.fulfill(status=400, json={"message": "The hub says no."})
        elif path in ("/", "/mount.js"):
            text, kind = (HTML, "text/html") if path == "/" else (MOUNT, "text/javascript")
            route.fulfill(body=text, content_type=kind)
        else:
            root = UI if path.startswith("/lab/") else STATIC
            file = root / path.lstrip("/")
            route.fulfill(body=file.read_bytes(), content_type=mimetypes.guess_type(file.name)[0])


def open_clusters(page: Page, server: ClustersServer) -> None:
    """Load the page; the form and the table are there."""
    page.route(f"{ORIGIN}/**", server.answer)
    page.goto(f"{ORIGIN}/")
    page.locator(".nh-cl-queues tbody tr").first.wait_for()
