"""The start ticket at the launcher's door: read as a program reads it, refused without giving its secret away."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from tests.unit.workbench.hub_double import TOKEN
from tests.unit.workbench.start import make_ticket

from neuronhub.protocol import EXIT_BAD_TICKET, EXIT_WORKSPACE


def launch(standard_input: bytes) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-I", "-m", "neuronhub.workbench.launcher"],
        input=standard_input,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=30,
        check=False,
    )


def changed(folder: Path, **changes: Any) -> bytes:
    ticket = asdict(make_ticket(folder, "http://127.0.0.1:1/hub/api")) | changes
    return json.dumps({key: value for key, value in ticket.items() if value is not None}).encode() + b"\n"


@pytest.mark.parametrize(
    "line", [b"", b"\n", b"{}\n", b"[]\n", b"null\n", b'"' + TOKEN.encode() + b'"\n', b'{"environment": "\xff"}\n']
)
def test_what_is_no_ticket_is_refused(line: bytes) -> None:
    ended = launch(line)
    assert ended.returncode == EXIT_BAD_TICKET
    assert b"The start ticket cannot be read" in ended.stdout
    assert b"Traceback" not in ended.stdout
    assert TOKEN.encode() not in ended.stdout


@pytest.mark.parametrize(
    "changes",
    [
        {"base_url": None},
        {"args": None},
        {"environment": []},
        {"environment": {"JUPYTERHUB_API_TOKEN": TOKEN}},
        {"environment": {"JUPYTERHUB_API_TOKEN": "", "JUPYTERHUB_API_URL": "http://127.0.0.1:1/"}},
        {"extra": TOKEN},
    ],
)
def test_a_ticket_of_another_shape_is_refused(changes: dict[str, Any], tmp_path: Path) -> None:
    ended = launch(changed(tmp_path, **changes))
    assert ended.returncode == EXIT_BAD_TICKET
    assert TOKEN.encode() not in ended.stdout


def test_a_good_ticket_gets_as_far_as_the_workspace(tmp_path: Path) -> None:
    (tmp_path / "scratch").write_text("a file in the way")
    ended = launch(changed(tmp_path))
    assert ended.returncode == EXIT_WORKSPACE
    assert b"The workspace" in ended.stdout
    assert TOKEN.encode() not in ended.stdout
