"""What the user's own server, and kernels in it, ask of the hub: engines as jobs, the job, the resource table.

Blocking, with the standard library only: it is called from threads of the server, and in kernels.
"""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from http.client import HTTPException
from typing import Any

from neuronhub.language import translate as _
from neuronhub.protocol import ENGINES_PATH, JOB_PATH, EnginesOrder

PATIENCE_S = 90.0
"""A hub that waits for Slurm answers late; it never submits twice."""


class HubRefused(Exception):
    """The hub said no, or nothing; the text is for the user."""


def order_engines(order: EnginesOrder) -> dict[str, Any]:
    """Have the hub submit the engines' jobs; returns the cluster as describe_engines tells it. Raises HubRefused."""
    answer: dict[str, Any] = _ask("POST", ENGINES_PATH, order.to_json().encode())
    return answer


def describe_engines() -> dict[str, dict[str, Any]]:
    """This server's clusters by their digits: ``{"queue", "jobs": [...]}``. Raises HubRefused."""
    answer: dict[str, dict[str, Any]] = _ask("GET", ENGINES_PATH)
    return answer


def end_engines(cluster: str) -> None:
    """Have the hub cancel the jobs of one cluster. Raises HubRefused."""
    _ask("DELETE", f"{ENGINES_PATH}/{cluster}")


def fetch_job() -> dict[str, Any]:
    """This server's job: queue, id, state, node, times, price_per_hour, currency. Raises HubRefused."""
    answer: dict[str, Any] = _ask("GET", JOB_PATH)
    return answer


def fetch_table(language: str) -> dict[str, Any]:
    """The resource table (row Q1), with texts in ``language``. Raises HubRefused."""
    answer: dict[str, Any] = _ask("GET", "cluster", language=language)
    return answer


def _ask(method: str, path: str, body: bytes | None = None, *, language: str = "") -> Any:
    headers = {"Authorization": f"token {os.environ['JUPYTERHUB_API_TOKEN']}"}
    if language:
        headers["Accept-Language"] = language
    request = urllib.request.Request(  # noqa: S310 - the address is the hub's, from the server's own environment
        f"{os.environ['JUPYTERHUB_API_URL']}/{path}", data=body, headers=headers, method=method
    )
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:  # noqa: S310
            text = answer.read()
            return json.loads(text) if text else None
    except urllib.error.HTTPError as error:
        with error:
            raise HubRefused(_read_message(error)) from error
    except (OSError, HTTPException, ValueError) as error:
        raise HubRefused(_("The hub does not answer at the moment. Try again in a minute.")) from error


def _read_message(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.loads(error.read())["message"])
    except (OSError, HTTPException, ValueError, KeyError, TypeError):
        return _("The hub answers with HTTP {status}. Try again in a minute.").format(status=error.code)
