"""Other languages and other formats (row N6): an R kernel in the environment; conversion from the File menu."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.unit.workbench.hub_double import HubDouble
from tests.unit.workbench.kernel_client import run_cell, start_session
from tests.unit.workbench.start import Start, make_layout, make_ticket

NOTEBOOK = {
    "cells": [
        {
            "cell_type": "markdown",
            "id": "words",
            "metadata": {"slideshow": {"slide_type": "slide"}},
            "source": "# 붓꽃",
        },
        {
            "cell_type": "code",
            "id": "sum",
            "execution_count": 1,
            "metadata": {},
            "outputs": [{"output_type": "stream", "name": "stdout", "text": "42\n"}],
            "source": "print(6 * 7)",
        },
    ],
    "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3"}, "language_info": {"name": "python"}},
    "nbformat": 4,
    "nbformat_minor": 5,
}


@pytest.fixture(scope="module")
def polyglot(base: Path, bases: Path, hub: HubDouble, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    folder = tmp_path_factory.mktemp("polyglot")
    with Start(base, make_ticket(folder, hub.api_url, bases=bases), folder) as started:
        started.announcement = hub.announcements.get(timeout=30)
        (folder / "scratch" / "workspace" / "a.ipynb").write_text(json.dumps(NOTEBOOK))
        yield started


def test_an_R_kernel_in_the_environment_runs_a_cell(polyglot: Start, bases: Path) -> None:
    prefix = make_layout(polyglot.folder, bases).prefix
    path = f"{prefix}/bin:/usr/bin:/bin"  # installspec asks Jupyter where kernels lie
    words = f"IRkernel::installspec(prefix = '{prefix}', displayname = 'R')"
    subprocess.run(["R", "--no-save", "--quiet", "-e", words], check=True, env={"PATH": path, "HOME": "/nonexistent"})
    specs = polyglot.ask("api/kernelspecs").json["kernelspecs"]
    assert specs["ir"]["spec"]["display_name"] == "R (notebook)"
    session = start_session(polyglot, "ir")
    assert session.status == 201, session.body
    code = "cat(sum(1:10), Sys.getenv('CONDA_DEFAULT_ENV'))"
    assert run_cell(polyglot, session.json["kernel"]["id"], code) == "55 notebook"


def test_a_kernel_of_another_language_that_cannot_start_says_why(polyglot: Start, bases: Path) -> None:
    folder = make_layout(polyglot.folder, bases).prefix / "share" / "jupyter" / "kernels" / "lost"
    folder.mkdir()
    spec: dict[str, Any] = {"display_name": "Julia", "language": "julia", "argv": ["/nowhere/julia"]}
    (folder / "kernel.json").write_text(json.dumps(spec))
    message = start_session(polyglot, "lost").json["message"]
    assert message.startswith(
        "The kernel Julia (notebook) could not start: /nowhere/julia: No such file or directory. "
    )


@pytest.mark.parametrize(
    ("wanted", "seen"),
    [
        ("html", "<h1 id="),
        ("slides", "reveal"),
        ("script", "print(6 * 7)"),
        ("latex", r"\documentclass"),
        ("markdown", "# 붓꽃"),
        ("rst", "붓꽃\n===="),
        ("asciidoc", "붓꽃"),
    ],
)
def test_a_notebook_is_converted(polyglot: Start, wanted: str, seen: str) -> None:
    reply = polyglot.ask(f"nbconvert/{wanted}/a.ipynb?download=true")
    assert reply.status == 200, reply.body
    assert seen in reply.body.decode()
    assert "attachment" in reply.headers["content-disposition"]


@pytest.mark.parametrize("wanted", ["pdf", "webpdf"])
def test_without_its_programs_pdf_says_what_it_needs(polyglot: Start, wanted: str) -> None:
    reply = polyglot.ask(f"nbconvert/{wanted}/a.ipynb?download=true")
    page = reply.body.decode()
    assert reply.status == 501
    assert "A program is missing on this node" in page
    assert {"pdf": "xelatex", "webpdf": "playwright"}[wanted] in page
    assert "print that page as PDF" in page


def test_with_latex_in_the_environment_pdf_is_made_by_it(polyglot: Start, bases: Path) -> None:
    programs = make_layout(polyglot.folder, bases).prefix / "bin"
    (programs / "xelatex").write_text('#!/bin/sh\nprintf "%%PDF-1.5 made here" >"${1%.tex}.pdf"\n')
    (programs / "bibtex").write_text("#!/bin/sh\n")
    for name in ("xelatex", "bibtex"):
        (programs / name).chmod(0o755)
    try:
        reply = polyglot.ask("nbconvert/pdf/a.ipynb?download=true")
        assert (reply.status, reply.body) == (200, b"%PDF-1.5 made here")
    finally:
        (programs / "xelatex").unlink()


def test_conversion_is_for_the_owner_only(polyglot: Start) -> None:
    for wanted in ("html", "pdf"):
        reply = polyglot.ask(f"nbconvert/{wanted}/a.ipynb", token="somebody-elses")
        assert reply.status == 404, "it is sent to the hub's sign-in, of which the double knows nothing"


def test_templates_of_another_nbconvert_in_the_environment_change_nothing(polyglot: Start, bases: Path) -> None:
    templates = make_layout(polyglot.folder, bases).prefix / "share" / "jupyter" / "nbconvert" / "templates"
    (templates / "lab").mkdir(parents=True)
    (templates / "lab" / "conf.json").write_text('{"base_template": "nowhere"}')
    (templates / "lab" / "index.html.j2").write_text("broken")
    reply = polyglot.ask("nbconvert/html/a.ipynb")
    assert reply.status == 200
    assert b"<h1 id=" in reply.body
