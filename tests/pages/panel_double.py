"""A page with the environment's panel in it, and the server that it asks, played by the test."""

from __future__ import annotations

import json
import mimetypes
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Page, Route

from neuronhub.environments.types import Action, Condition, Package, Problem, Status
from neuronhub.web.templates import STATIC

ORIGIN = "http://panel.test"
HTML = """<!DOCTYPE html>
<html lang="en">
  <head>
    <meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Environment</title>
    <link rel="stylesheet" href="/css/base.css"><link rel="stylesheet" href="/css/pages.css">
    <link rel="stylesheet" href="/css/environment-panel.css">
  </head>
  <body><main class="nh-main"><h1>Notebook environment</h1><div id="environment"></div></main>
    <script type="module" src="/mount.js"></script></body>
</html>"""
MOUNT = """
import { overHttp } from "/js/environment/api.js";
import { mountEnvironmentPanel } from "/js/environment/panel.js";
import { lookUp, translateTexts } from "/js/environment/texts.js";
const api = overHttp((method, path, body) => fetch(`/api${path}`, { method, body: body && JSON.stringify(body) }));
const texts = translateTexts((english) => lookUp({}, english));
window.panel = mountEnvironmentPanel(document.getElementById("environment"), api, texts, "en");
"""

PACKAGES = (
    Package("humanize", "4.9.0", 543_210, "pip"),
    Package("numpy", "2.3.1", 71_234_567, "conda"),
)
NO_ENVIRONMENT = Problem("missing", "There is no notebook environment yet.", Action.CREATE)
SHADOWED = Problem("kernel", "The kernel does not start. Repair mends it.", Action.REPAIR)
OLD_BASE = Problem("base-old", "The site has a newer base.", Action.RESET, serious=False)


def make_status(condition: Condition, *problems: Problem, packages: tuple[Package, ...] = PACKAGES) -> Status:
    """A status as a server tells it."""
    there = condition is not Condition.MISSING
    return Status(
        condition=condition,
        kind="layered",
        prefix="/scratch/alice/.conda/envs/notebook",
        python="3.11.2" if there else "",
        base="2026.11" if there else "",
        newest_base="2026.11",
        packages=packages if there else (),
        problems=problems,
    )


@dataclass
class PanelServer:
    """Answers the panel's requests by what the test has written down."""

    status: Status
    errand: dict[str, Any] | None = None
    refusal: tuple[int, str] | None = None
    """Status and body for the next POST."""
    silent: bool = False
    orders: list[str] = field(default_factory=list)

    def work(self, step: str, done: float, **end: Any) -> None:
        """Let the errand under way have come so far."""
        assert self.errand is not None
        self.errand |= {"step": step, "done": done, **end}

    def answer(self, route: Route) -> None:
        """One request of the page."""
        path = urlsplit(route.request.url).path
        if path.startswith("/api"):
            self._answer_api(route, path.removeprefix("/api"))
        elif path in ("/", "/mount.js"):
            text, kind = (HTML, "text/html") if path == "/" else (MOUNT, "text/javascript")
            route.fulfill(body=text, content_type=kind)
        else:
            file = STATIC / path.lstrip("/")
            route.fulfill(body=file.read_bytes(), content_type=mimetypes.guess_type(file.name)[0])

    def _answer_api(self, route: Route, path: str) -> None:
        if self.silent:
            route.abort("connectionrefused")
        elif path == "/export":
            route.fulfill(body="name: notebook\n", content_type="application/yaml")
        elif route.request.method == "GET":
            route.fulfill(json={"status": self.status.to_json(), "errand": self.errand})
        elif self.refusal is not None:
            status, body = self.refusal
            route.fulfill(status=status, body=body)
        else:
            action = json.loads(route.request.post_data or "")["action"]
            self.orders.append(action)
            self.errand = {"action": action, "step": "", "done": 0.0, "finished": False, "error": None}
            route.fulfill(status=202, json=self.errand)


def open_panel(page: Page, server: PanelServer) -> None:
    """Load the page; the panel has shown what the server says."""
    page.route(f"{ORIGIN}/**", server.answer)
    page.goto(f"{ORIGIN}/")
    page.locator(".nh-env-badge:not([data-state=loading])").wait_for(state="attached")
