"""Runs the commands of ``conda`` other than activations: from the typed words to an exit code."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from neuronhub import __version__
from neuronhub.environments.conda.arguments import describe, parse_arguments
from neuronhub.environments.conda.changes import install, make, make_from_file, remove, remove_whole, update
from neuronhub.environments.conda.choices import choose_prefix, choose_source
from neuronhub.environments.conda.configuration import read_settings, render_settings, write_setting
from neuronhub.environments.conda.listing import (
    line_to_json,
    list_packages,
    read_info,
    render_environments,
    render_info,
    render_lines,
    search_packages,
)
from neuronhub.environments.conda.making import export_prefix
from neuronhub.environments.conda.places import list_folders, list_prefixes, name_prefix, read_base_prefix, read_layout
from neuronhub.errors import ConflictingState
from neuronhub.language import translate as _


def run_command(words: Sequence[str]) -> int:
    """Run what ``words`` ask for; return the exit code. Raises NeuronHubError."""
    arguments = parse_arguments(words or ["--help"])
    if arguments.version:
        print(f"conda (NeuronHub {__version__})", describe(), sep="\n")
        return 0
    name = f"env {arguments.env_command}" if arguments.command == "env" else arguments.command
    return _COMMANDS[name](arguments)


def _list(arguments: argparse.Namespace) -> int:
    prefix = choose_prefix(arguments)
    lines = list_packages(prefix, arguments.pattern)
    if arguments.json:
        print(json.dumps([line_to_json(line) for line in lines], indent=1))
    elif arguments.export:
        print("\n".join(f"{line.name}={line.version}={line.build_string}" for line in lines))
    else:
        print("# " + _("Packages in {prefix}:").format(prefix=prefix), "#", sep="\n")
        print(render_lines(lines))
    return 0


def _search(arguments: argparse.Namespace) -> int:
    lines = search_packages(arguments.spec, choose_source(arguments, read_layout(os.environ)))
    if arguments.json:
        found: dict[str, list[dict[str, str]]] = {}
        for line in lines:
            found.setdefault(line.name, []).append(line_to_json(line))
        print(json.dumps(found, indent=1))
    else:
        print(render_lines(lines))
    return 0


def _info(arguments: argparse.Namespace) -> int:
    if arguments.base:
        print(read_base_prefix())
        return 0
    if arguments.envs and not arguments.json:
        print(render_environments(os.environ, list_folders(os.environ)))
        return 0
    info = read_info(os.environ, read_layout(os.environ), Path.home())
    print(json.dumps(info, indent=1) if arguments.json else render_info(info))
    return 0


def _config(arguments: argparse.Namespace) -> int:
    home = Path.home()
    if arguments.set:
        write_setting(home, *arguments.set)
        return 0
    settings = read_settings(home, read_layout(os.environ))
    wanted = arguments.get if arguments.get is not None else arguments.show
    for key in wanted:
        if key not in settings:
            text = _("There is no setting {key} here. Those there are: {known}")
            raise ConflictingState(text.format(key=key, known=", ".join(settings)))
    print(render_settings({key: value for key, value in settings.items() if not wanted or key in wanted}))
    return 0


def _list_environments(arguments: argparse.Namespace) -> int:
    if arguments.json:
        print(json.dumps({"envs": [str(prefix) for prefix in list_prefixes(os.environ)]}, indent=1))
    else:
        print(render_environments(os.environ, list_folders(os.environ)))
    return 0


def _export(arguments: argparse.Namespace) -> int:
    from neuronhub.environments.transfer import export_environment

    layout, prefix = read_layout(os.environ), choose_prefix(arguments)
    name = name_prefix(prefix, list_folders(os.environ))
    text = export_environment(layout) if prefix == layout.prefix else export_prefix(prefix, name, layout)
    if arguments.file:
        Path(arguments.file).write_text(text, encoding="utf-8")
    else:
        print(text, end="")
    return 0


_COMMANDS: dict[str, Callable[[argparse.Namespace], int]] = {
    "install": install,
    "update": update,
    "remove": remove,
    "create": make,
    "list": _list,
    "search": _search,
    "info": _info,
    "config": _config,
    "env list": _list_environments,
    "env export": _export,
    "env create": make_from_file,
    "env remove": remove_whole,
}
