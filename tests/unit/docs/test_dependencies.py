"""docs/*/dependencies.md gives a reason for every dependency, and for none that is not there."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable
from pathlib import Path

import pytest
from tests.unit.docs.pages import CHECKOUT, DOCS, LANGUAGES, Page

PROJECT = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())


def read_names(lines: Iterable[str]) -> set[str]:
    """Names of requirements, without versions and comments."""
    found = (re.match(r"[A-Za-z0-9][\w.-]*", line) for line in lines)
    return {match[0] for match in found if match}


def read_requirements(name: str) -> set[str]:
    """Names in a file of requirements/."""
    return read_names((CHECKOUT / "requirements" / name).read_text().splitlines())


def read_package(path: Path) -> set[str]:
    """Names in a package.json."""
    package = json.loads(path.read_text())
    return {*package.get("dependencies", {}), *package.get("devDependencies", {})}


EXPECTED = [
    read_names(PROJECT["project"]["dependencies"]) | read_names(PROJECT["project"]["optional-dependencies"]["hub"]),
    read_names(PROJECT["dependency-groups"]["dev"]) | read_requirements("dev.in") | read_requirements("uv.in"),
    read_requirements("base.in"),
    read_requirements("bench.in"),
    read_package(CHECKOUT / "ui" / "package.json"),
    read_package(CHECKOUT / "ui" / "lab" / "package.json"),
    read_package(CHECKOUT / "deploy" / "proxy" / "package.json"),
    read_requirements("debian-demo.txt") | read_requirements("debian-test.txt"),
]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_dependency_has_its_reason(language: str) -> None:
    page = Page.read(DOCS / language / "dependencies.md")
    tables = [rows for _, rows in page.tables()]
    assert [{row[0].strip("`") for row in rows} for rows in tables] == EXPECTED
    assert all(row[1] for rows in tables for row in rows)
    assert read_names(PROJECT["build-system"]["requires"]) <= set(page.code)
