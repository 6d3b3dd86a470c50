"""Which environment and which channels the options of a command mean, and how its progress is shown."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from neuronhub.environments.conda.places import find_prefix
from neuronhub.environments.layout import Layout
from neuronhub.environments.solution import Source
from neuronhub.environments.terminal import show_progress
from neuronhub.environments.types import Report
from neuronhub.errors import ConflictingState
from neuronhub.language import translate as _


def choose_prefix(arguments: argparse.Namespace) -> Path:
    """The environment that ``-n`` or ``-p`` names, else the active one; raises ConflictingState when there is none."""
    if arguments.name:
        return find_prefix(arguments.name, os.environ)
    path = arguments.prefix or os.environ.get("CONDA_PREFIX")
    if not path:
        text = _("No environment is active. Activate one ({command}), or name it: -n {name}")
        raise ConflictingState(text.format(command="conda activate notebook", name="notebook"))
    return find_prefix(f"{path}/", os.environ)


def choose_source(arguments: argparse.Namespace, layout: Layout) -> Source:
    """The channels of ``-c``, then those of the site."""
    if arguments.override_channels and not arguments.channel:
        raise ConflictingState(_("With --override-channels, say where to look: -c CHANNEL"))
    rest = () if arguments.override_channels else layout.channels
    channels = tuple(dict.fromkeys((*(_complete(name) for name in arguments.channel), *rest)))
    return Source(channels, layout.mirrors, layout.conda)


@contextmanager
def progress(arguments: argparse.Namespace) -> Iterator[Report]:
    """A report that shows the progress of the command, unless it is to be quiet."""
    sys.stdout.flush()  # what was said so far comes before the progress also where both go to a file
    if arguments.quiet:
        yield lambda _progress: None
        return
    with show_progress() as report:
        yield report


def _complete(channel: str) -> str:
    """A folder as its URL; names and URLs as they are."""
    if channel.startswith((".", "/", "~")):
        return Path(os.path.expanduser(channel)).resolve().as_uri()
    return channel
