"""The commands of ``conda`` that change environments: plan, show, ask, carry out."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from neuronhub.environments.conda.choices import choose_prefix, choose_source, progress
from neuronhub.environments.conda.contents import Contents, read_contents, refuse_base
from neuronhub.environments.conda.dialogue import ask, render_plan
from neuronhub.environments.conda.making import choose_new_prefix, make_environment, remove_environment
from neuronhub.environments.conda.places import read_layout
from neuronhub.environments.conda.solving import (
    Plan,
    name_of,
    parse_specs,
    plan_install,
    plan_removal,
    plan_update,
)
from neuronhub.environments.conda.transaction import carry_out, read_unfinished
from neuronhub.environments.environment_file import parse_environment_file
from neuronhub.environments.layout import Layout
from neuronhub.environments.lock import hold
from neuronhub.environments.solution import Source
from neuronhub.environments.user_files import read_text
from neuronhub.errors import ConflictingState
from neuronhub.language import translate as _

REFUSED = 1
"""Exit code of a command that was answered with no."""


def install(arguments: argparse.Namespace) -> int:
    """``conda install``."""
    specs = parse_specs(arguments.specs)
    return _change(arguments, lambda contents, source: plan_install(contents, specs, source))


def update(arguments: argparse.Namespace) -> int:
    """``conda update``."""
    if bool(arguments.specs) == arguments.all:
        raise ConflictingState(_("Say which packages: conda update PACKAGE, or all of your own: conda update --all"))
    specs = parse_specs(arguments.specs)
    names = [name_of(spec) for spec in specs]
    if "conda" in names:
        raise ConflictingState(_("This conda is NeuronHub's: the site brings it up to date, with its base."))
    if any(spec.version for spec in specs):
        return _change(arguments, lambda contents, source: plan_install(contents, specs, source))
    return _change(arguments, lambda contents, source: plan_update(contents, names, source))


def remove(arguments: argparse.Namespace) -> int:
    """``conda remove``."""
    if bool(arguments.specs) == arguments.all:
        raise ConflictingState(_("Say which packages: conda remove PACKAGE, or conda remove --all -n NAME"))
    if arguments.all:
        return remove_whole(arguments)
    names = [name_of(spec) for spec in parse_specs(arguments.specs)]
    return _change(arguments, lambda contents, _source: plan_removal(contents, names))


def make(arguments: argparse.Namespace) -> int:
    """``conda create``."""
    layout = read_layout(os.environ)
    prefix = choose_new_prefix(layout, arguments.name, arguments.prefix)
    return _make(arguments, layout, choose_source(arguments, layout), prefix, arguments.specs, ())


def make_from_file(arguments: argparse.Namespace) -> int:
    """``conda env create``."""
    layout = read_layout(os.environ)
    try:
        text = read_text(Path(arguments.file))
    except OSError as error:
        message = _("{file} cannot be read ({reason}). Name another: -f FILE")
        raise ConflictingState(message.format(file=arguments.file, reason=error.strerror)) from error
    wanted = parse_environment_file(text)
    named = re.search(r"^name:[ \t]*(\S+)", text, re.MULTILINE)
    name = arguments.name or (named[1].strip("'\"") if named else None)
    instead = f"neuronhub env import {arguments.file}"
    prefix = choose_new_prefix(layout, None if arguments.prefix else name, arguments.prefix, instead)
    channels = tuple(dict.fromkeys((*wanted.channels, *layout.channels)))
    specs = [spec for spec in wanted.conda if spec != "nodefaults"]
    return _make(arguments, layout, Source(channels, layout.mirrors, layout.conda), prefix, specs, wanted.pip)


def remove_whole(arguments: argparse.Namespace) -> int:
    """``conda env remove``."""
    layout = read_layout(os.environ)
    if not (arguments.name or arguments.prefix):
        raise ConflictingState(_("Say which environment: -n NAME"))
    prefix = choose_prefix(arguments)
    question = _("Delete the environment {prefix} with all that is in it").format(prefix=prefix)
    if not _is_wanted(arguments, question):
        return 0 if arguments.dry_run else REFUSED
    with progress(arguments) as report:
        remove_environment(prefix, layout, report)
    return 0


def _change(arguments: argparse.Namespace, make_plan: Callable[[Contents, Source], Plan]) -> int:
    layout, prefix = read_layout(os.environ), choose_prefix(arguments)
    refuse_base(prefix)
    source = choose_source(arguments, layout)
    with ExitStack() as stack:
        if arguments.yes and not arguments.dry_run:
            # Nobody is asked meanwhile, so others wait rather than find that what was planned is outdated.
            with progress(arguments) as report:
                stack.enter_context(hold(layout, report))
        plan = make_plan(read_contents(prefix), source)
        half = read_unfinished(prefix).names
        if not plan.changed and not plan.removed and not half:
            print(_("Nothing to do: all that was asked for is there."))
            return 0
        print(render_plan(plan))
        if half:
            text = _("An earlier command was interrupted. These are put in order as well: {names}")
            print(text.format(names=" ".join(sorted(half))))
        if not _is_wanted(arguments, _("Proceed")):
            return 0 if arguments.dry_run else REFUSED
        with progress(arguments) as report:
            carry_out(plan, layout, source, report)
    return 0


def _make(
    arguments: argparse.Namespace,
    layout: Layout,
    source: Source,
    prefix: Path,
    specs: Sequence[str],
    pip: Sequence[str],
) -> int:
    empty = Contents(prefix, {}, {})
    plan = plan_install(empty, parse_specs(specs), source) if specs else Plan(empty, {})
    print(render_plan(plan))
    if not _is_wanted(arguments, _("Proceed")):
        return 0 if arguments.dry_run else REFUSED
    with progress(arguments) as report:
        make_environment(plan, layout, source, pip, report)
    print(_("Use it: conda activate {name}").format(name=arguments.name or prefix))
    return 0


def _is_wanted(arguments: argparse.Namespace, question: str) -> bool:
    if arguments.dry_run:
        print(_("Only shown; nothing was changed."))
        return False
    if arguments.yes or ask(question):
        return True
    print(_("Nothing was changed."))
    return False
