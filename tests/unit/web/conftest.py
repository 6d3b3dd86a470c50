"""The page templates as JupyterHub renders them: its own template paths, autoescaping, our translations."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from jinja2 import ChoiceLoader, Environment, FileSystemLoader, PrefixLoader
from jupyterhub._data import DATA_FILES_PATH

from neuronhub import language
from neuronhub.web.templates import TEMPLATES, install_translations

ROOT = Path(__file__).resolve().parents[3]
JUPYTERHUB_TEMPLATES = str(Path(DATA_FILES_PATH) / "templates")

Render = Callable[..., str]


def make_queue(name: str = "jupyter", **changes: Any) -> dict[str, Any]:
    """A queue as GET /hub/api/cluster tells it."""
    return {
        "name": name,
        "description": "Set-up and debugging",
        "alloc": 2,
        "idle": 2,
        "down": 1,
        "total": 5,
        "waiting": 7,
        "gpus": [{"type": "v100", "free": 6, "total": 10}],
        "places": {"free": 37, "total": 50},
        "charged": False,
        "price": None,
        "price_per_hour": None,
        "default_time_s": 3600,
        "max_time_s": 172800,
        "max_nodes": None,
        "usable": True,
        "why_not": "",
    } | changes


def make_price(per: str = "node-hour", amount: str = "5000", units: int = 1) -> dict[str, Any]:
    """What makes a queue one that is charged."""
    price = {"amount": amount, "per": per, "units": units}
    return {"charged": True, "price": price, "price_per_hour": str(Decimal(amount) * units)}


def make_account(name: str = "chem", **changes: Any) -> dict[str, Any]:
    """An account as a page hears of it."""
    return {
        "name": name,
        "left": "500000",
        "available": "450000",
        "discount_percent": "0",
        "queues": None,
        "coordinated": False,
    } | changes


def make_billing(*accounts: dict[str, Any], policy: str = "refuse", problem: str | None = None) -> dict[str, Any]:
    """Accounts and budgets as a page hears of them."""
    return {"policy": policy, "currency": "KRW", "problem": problem, "accounts": list(accounts)}


def make_cost(**changes: Any) -> dict[str, Any]:
    """What a running server costs, as payment.Till.describe_cost tells it."""
    return {
        "currency": "KRW",
        "account": "chem",
        "per_hour": "6000",
        "so_far": "4321",
        "engines": "0",
        "most": "12000",
        "free": False,
        "away_s": 0,
        "counted_at": "2026-11-23T04:43:13+00:00",
        "away_since": None,
        "ends_away_at": None,
        "ends_engines": False,
        "warns_away": False,
    } | changes


def make_cluster(
    *queues: dict[str, Any], problem: str | None = None, billing: dict[str, Any] | None = None
) -> dict[str, Any]:
    """The resource table as GET /hub/api/cluster tells it."""
    return {
        "taken_at": "2026-11-23T04:00:00+00:00",
        "age_s": 1.5,
        "problem": problem,
        "currency": "KRW",
        "currency_decimals": 0,
        "billing": billing,
        "queues": list(queues),
    }


def make_ending(**changes: Any) -> dict[str, Any]:
    """How a server ended, as the hub describes it."""
    return {
        "title": "Your server has ended",
        "cause": "The time limit was reached.",
        "next_step": "Start it again.",
        "job_id": 4711,
        "slurm_state": "TIMEOUT",
        "exit_code": "0:15",
        "node": "gn02",
        "ended_at": "2026-11-23T04:12:09+00:00",
        "log_file": "/scratch/alice/log/4711.log",
        "log_lines": ["first line", "last line"],
    } | changes


def make_spawner(**changes: Any) -> SimpleNamespace:
    """What the pages read of a spawner."""
    user = SimpleNamespace(name="alice", escaped_name="alice")
    spawner = {"user": user, "name": "", "facts": None, "pending": None, "active": False, "ready": False}
    return SimpleNamespace(**(spawner | changes))


@pytest.fixture(scope="session")
def catalogues() -> None:
    """Compile the catalogues, as the build does, and read them afresh."""
    subprocess.run([sys.executable, ROOT / "scripts" / "translations", "compile"], check=True)
    language.catalogue.cache_clear()


@pytest.fixture(params=["en", "ko"])
def reader(request: pytest.FixtureRequest, catalogues: None) -> Iterator[str]:
    """The test runs once for a reader of each language."""
    token = language.current.set(request.param)
    yield request.param
    language.current.reset(token)


@pytest.fixture
def render() -> Render:
    """Render a page by its name."""
    return make_render()


def make_render() -> Render:
    """A function that renders a page by its name with what JupyterHub gives every page, and more."""
    loader = ChoiceLoader(
        [
            PrefixLoader({"templates": FileSystemLoader(JUPYTERHUB_TEMPLATES)}),
            FileSystemLoader([str(TEMPLATES), JUPYTERHUB_TEMPLATES]),
        ]
    )
    environment = Environment(loader=loader, autoescape=True)
    install_translations(environment)
    user = SimpleNamespace(name="alice", escaped_name="alice", json_escaped_name="alice")

    def render_page(name: str, **context: Any) -> str:
        namespace = {
            "base_url": "/hub/",
            "prefix": "/",
            "user": user,
            "login_url": "/hub/login",
            "logout_url": "/hub/logout",
            "services": [],
            "parsed_scopes": {},
            "static_url": lambda path, include_version=True: f"/hub/static/{path}",
            "xsrf": "token-of-the-form",
            "xsrf_token": "token-of-the-form",
            "no_spawner_check": True,
            "charging": True,
        }
        return environment.get_template(name).render(**(namespace | context))

    return render_page
