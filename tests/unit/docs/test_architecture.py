"""docs/*/architecture.md tells the rooms, the states of nodes and the limits as the code has them."""

from __future__ import annotations

import re

import pytest
from tests.unit.docs.pages import CHECKOUT, DOCS, LANGUAGES, Page

from neuronhub.slurm import nodes, sightings, watch
from neuronhub.slurm.sightings import Pace

ROOMS, _ENVIRONMENTS, BILLING, _QUESTIONS, COUNTING, _DECISIONS = range(6)
COLUMNS = {"en": ("Alloc", "Idle", "Down"), "ko": ("사용중", "사용가능", "사용불가")}


@pytest.fixture(params=LANGUAGES)
def page(request: pytest.FixtureRequest) -> Page:
    """The page in one language."""
    language: str = request.param
    return Page.read(DOCS / language / "architecture.md")


def read_table(page: Page, number: int) -> list[list[str]]:
    """The rows of one table."""
    return [rows for _, rows in page.tables()][number]


def test_every_room_is_told(page: Page) -> None:
    source = CHECKOUT / "src" / "neuronhub"
    rooms = {path.stem for path in source.iterdir() if path.is_dir() or path.suffix == ".py"}
    told = {row[0].strip("`") for row in read_table(page, ROOMS)}
    assert told == rooms - {"__init__", "__pycache__"}


def test_every_module_of_billing_is_told(page: Page) -> None:
    modules = {path.stem for path in (CHECKOUT / "src" / "neuronhub" / "billing").glob("*.py")}
    told = {word for row in read_table(page, BILLING) for word in re.findall(r"`(\w+)`", row[1])}
    assert told == modules - {"__init__"}


def test_every_state_of_a_node_is_told_where_it_counts(page: Page) -> None:
    columns = COLUMNS[page.path.parent.name]
    told = {
        word: ("alloc", "idle", "down")[columns.index(row[0])]
        for row in read_table(page, COUNTING)
        for word in re.findall(r"`([^`]+)`", row[1])
    }
    assert told == dict(nodes.USES)
    marks = re.search(r"(`[^\w]`\s*){3,}", page.prose)
    assert marks is not None
    assert {mark for mark in nodes.FLAGS if nodes.classify_node("idle", mark) == "down"} == set(
        re.findall(r"`(.)`", marks[0])
    )


@pytest.mark.parametrize(
    "seconds",
    [watch.TURN_S, watch.COUNTS_S, watch.PARTITIONS_S, watch.RECORDS_S, sightings.CONFIRM_S, sightings.EMPTY_GRACE_S]
    + [pace.value for pace in Pace],
)
def test_limits_are_those_of_the_code(page: Page, seconds: float) -> None:
    assert re.search(rf"\b{seconds:g} ?(s\b|초)", page.prose)


def test_both_graces_are_told_as_one_number() -> None:
    assert sightings.EMPTY_GRACE_S == sightings.RECORD_GRACE_S
