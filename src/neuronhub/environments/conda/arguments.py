"""The words of the command line ``conda``: what may be typed, what it means, and what is said of the rest."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import NoReturn, TypeAlias

from neuronhub.language import translate as _

WRONG_USE = 2
"""Exit code."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        text = _("This is NeuronHub's conda, which knows fewer commands and options than Anaconda's: {command}")
        print(f"conda: {message}", text.format(command="conda --help"), sep="\n", file=sys.stderr)
        sys.exit(WRONG_USE)


_Commands: TypeAlias = "argparse._SubParsersAction[_Parser]"


def parse_arguments(words: Sequence[str]) -> argparse.Namespace:
    """What ``words`` ask for; ``command`` names it. Ends the process where they are wrong, or ask for help."""
    return _build().parse_args(words)


def _build() -> _Parser:
    parser = _Parser(prog="conda", description=describe(), formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-V", "--version", action="store_true", help=_("what this is"))
    commands = parser.add_subparsers(dest="command", metavar=_("COMMAND"), parser_class=_Parser)
    _add_changes(commands)
    _add_questions(commands)
    _add_environments(commands)
    for name, text in (
        ("activate", _("use an environment in this shell: conda activate notebook")),
        ("deactivate", _("leave it again")),
    ):
        commands.add_parser(name, help=text)  # the shell's own function answers these
    return parser


def describe() -> str:
    """What this program is, does and does not do."""
    return _(
        "The conda of NeuronHub: a thin front-end on py-rattler, not Anaconda's conda.\n"
        "It activates environments; installs, updates, removes, lists and searches packages of conda channels; makes,\n"
        "exports and removes environments. It does not build packages, run their link scripts, clean caches or run\n"
        "commands in environments (conda build, clean, run), keep histories (--revision), or change the site's base."
    )


def _add_changes(commands: _Commands) -> None:
    parser = commands.add_parser("install", help=_("install packages: conda install numpy 'scipy>=1.10'"))
    parser.add_argument("specs", nargs="+", metavar=_("PACKAGE"))
    _add_options(parser, "target", "channels", "change")
    for name, aliases in (("update", ["upgrade"]), ("remove", ["uninstall"])):
        text = _("bring packages up to date") if name == "update" else _("remove packages, and what needs them")
        parser = commands.add_parser(name, aliases=aliases, help=text)
        parser.set_defaults(command=name)
        parser.add_argument("specs", nargs="*", metavar=_("PACKAGE"))
        whole = _("all packages that you have installed") if name == "update" else _("the whole environment")
        parser.add_argument("--all", action="store_true", help=whole)
        _add_options(parser, "target", "channels", "change")
    parser = commands.add_parser("create", help=_("make an environment of its own: conda create -n NAME python=3.12"))
    parser.add_argument("specs", nargs="*", metavar=_("PACKAGE"))
    _add_options(parser, "target", "channels", "change")


def _add_questions(commands: _Commands) -> None:
    parser = commands.add_parser("list", help=_("list the packages of an environment"))
    parser.add_argument("pattern", nargs="?", metavar=_("PATTERN"))
    parser.add_argument("-e", "--export", action="store_true", help=_("one NAME=VERSION=BUILD a line"))
    _add_options(parser, "target", "json")
    parser = commands.add_parser("search", help=_("look for packages in the channels: conda search 'scikit*'"))
    parser.add_argument("spec", metavar=_("PACKAGE"))
    _add_options(parser, "channels", "json")
    parser = commands.add_parser("info", help=_("what is where"))
    parser.add_argument("-e", "--envs", action="store_true", help=_("the environments"))
    parser.add_argument("--base", action="store_true", help=_("where the base lies, and nothing else"))
    _add_options(parser, "json")
    parser = commands.add_parser("config", help=_("show and change settings"))
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument("--set", nargs=2, metavar=(_("KEY"), _("VALUE")))
    action.add_argument("--get", nargs="*", metavar=_("KEY"))
    action.add_argument("--show", nargs="*", metavar=_("KEY"))


def _add_environments(commands: _Commands) -> None:
    group = commands.add_parser("env", help=_("list, make, export and remove environments")).add_subparsers(
        dest="env_command", metavar=_("COMMAND"), required=True, parser_class=_Parser
    )
    parser = group.add_parser("list", help=_("the environments"))
    _add_options(parser, "json")
    parser = group.add_parser("export", help=_("print an environment as environment.yml"))
    parser.add_argument("-f", "--file", help=_("write it there"))
    parser.add_argument("--no-builds", action="store_true", help=argparse.SUPPRESS)  # builds are never written
    _add_options(parser, "target")
    parser = group.add_parser("create", help=_("make an environment from an environment.yml"))
    parser.add_argument("-f", "--file", default="environment.yml")
    _add_options(parser, "target", "change")
    parser = group.add_parser("remove", help=_("delete an environment"))
    _add_options(parser, "target", "change")


def _add_options(parser: argparse.ArgumentParser, *groups: str) -> None:
    if "target" in groups:
        place = parser.add_mutually_exclusive_group()
        place.add_argument("-n", "--name", help=_("of the environment; default: the active one"))
        place.add_argument("-p", "--prefix", help=_("its path"))
    if "channels" in groups:
        parser.add_argument(
            "-c", "--channel", action="append", default=[], help=_("look here first, then in the site's channels")
        )
        parser.add_argument("--override-channels", action="store_true", help=_("look nowhere else"))
    if "change" in groups:
        parser.add_argument("-y", "--yes", action="store_true", help=_("do not ask"))
        parser.add_argument("-d", "--dry-run", action="store_true", help=_("only show what would be done"))
        parser.add_argument("-q", "--quiet", action="store_true", help=_("no progress bar"))
    if "json" in groups:
        parser.add_argument("--json", action="store_true", help=_("for programs"))
