"""Every command that the documents name exists, with the options that they give it."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest
from bench.__main__ import main as bench
from tests.unit.docs.pages import CHECKOUT, Page, name_page, read_all

from neuronhub.cli import cli
from neuronhub.protocol import ANNOUNCE_PATH

PAGES = read_all()
TARGETS = set(re.findall(r"^([a-z]+):", (CHECKOUT / "Makefile").read_text(), re.MULTILINE))
OURS = re.compile(r"^(\S*/)?neuronhub$")
PATHS = re.compile(r"^(src|tests|docs|ui|deploy|scripts|bench|requirements|notebooks|\.ci)/[\w./-]+$")
MADE_BY_RUNNING = ("tests/output", "bench/output")


def read_commands(page: Page) -> list[list[str]]:
    """Lines of shell blocks, and words in backticks, split as a shell does; one entry for each simple command."""
    lines = [line for block in page.blocks("sh") for line in block.splitlines()] + page.code
    commands = []
    for line in lines:
        try:
            words = shlex.split(line, comments=True)
        except ValueError:
            continue  # half a quotation: not a command
        while words and re.fullmatch(r"[A-Z_]+=\S*", words[0]):
            words = words[1:]
        if words[:2] == ["sudo", "-u"]:
            words = words[3:]
        if words:
            commands.append(words)
    return commands


def check_click(command: click.Command, words: list[str]) -> None:
    """Follow ``words`` through groups and options; what is left are arguments."""
    context = click.Context(command, info_name=command.name)
    options = {name: option for option in command.get_params(context) for name in option.opts}
    while words:
        word = words.pop(0)
        if word.startswith("-") and word != "--":
            option = options.get(word.split("=")[0])
            assert isinstance(option, click.Option) or command.name == "up", f"{command.name} has no {word}"
            if isinstance(option, click.Option) and not option.is_flag and "=" not in word:
                words.pop(0)
        elif isinstance(command, click.Group):
            inner = command.get_command(context, word)
            assert inner is not None, f"{command.name} has no command {word}"
            check_click(inner, words)
            return
        else:
            return


@pytest.mark.parametrize("page", PAGES, ids=name_page)
def test_every_command_of_ours_exists(page: Page) -> None:
    for words in read_commands(page):
        if OURS.match(words[0]):
            check_click(cli, words[1:])
        elif words[1:3] == ["-m", "bench"]:
            check_click(bench, words[3:])


@pytest.mark.parametrize("page", PAGES, ids=name_page)
def test_every_make_target_exists(page: Page) -> None:
    for words in read_commands(page):
        if words[0] == "make":
            assert {word for word in words[1:] if "=" not in word} <= TARGETS, words


@pytest.mark.parametrize("page", PAGES, ids=name_page)
def test_every_file_of_the_checkout_exists(page: Page) -> None:
    for words in read_commands(page):
        for word in words:
            if PATHS.match(word) and not word.startswith(MADE_BY_RUNNING):
                path, _, pattern = word.partition("*")
                assert pattern or (CHECKOUT / path).exists(), word


def test_the_commands_that_every_reader_needs_are_named() -> None:
    told = {" ".join(words) for page in PAGES for words in read_commands(page)}
    for command in ("make demo", "make test", "make check", "make bench", "neuronhub check"):
        assert command in told
    for group in ("otp", "billing"):
        for name in list_commands(group):
            assert any(line.startswith(f"neuronhub {group} {name}") for line in told), name


def list_commands(group: str) -> list[str]:
    """Sub-commands of a group of ``neuronhub``."""
    context = click.Context(cli)
    found = cli.get_command(context, group)
    assert isinstance(found, click.Group)
    return found.list_commands(context)


def test_requests_of_the_diagram_are_those_of_the_code() -> None:
    for language in ("en", "ko"):
        diagram = Page.read(Path(CHECKOUT / "docs" / language / "architecture.md")).blocks("mermaid")[0]
        assert f"POST {ANNOUNCE_PATH.rpartition('/')[2]}" in diagram
