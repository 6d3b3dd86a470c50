"""Mends what users have put on top of their environment's base: commands that pip made, and conda's packages.

Runs in commands, as the user, after the environment itself was mended.
"""

from __future__ import annotations

import os
from pathlib import Path

from neuronhub.environments.bases import Base
from neuronhub.environments.conda.contents import read_contents
from neuronhub.environments.conda.solving import Plan
from neuronhub.environments.conda.transaction import Unfinished, carry_out, read_unfinished, write_unfinished
from neuronhub.environments.layout import Layout
from neuronhub.environments.packages import UNFINISHED
from neuronhub.environments.relocation import read_interpreter, relocate_command
from neuronhub.environments.removal import remove_tree
from neuronhub.environments.solution import Source
from neuronhub.environments.types import Report
from neuronhub.environments.user_files import exists, list_names
from neuronhub.environments.verification import verify_records


def mend_additions(layout: Layout, base: Base, report: Report) -> None:
    """Reinstall those of the user's conda packages of which something is missing, changed or half there.

    Commands that start a Python which is not there any more start the environment's. Raises EnvironmentFailed.
    """
    prefix = layout.prefix
    mend_commands(prefix)
    verdict = verify_records(prefix, base.python)
    for path in verdict.unreadable:
        remove_tree(path)  # conda would take no step while it is there
    if not verdict.broken and not exists(prefix / UNFINISHED):
        return
    half = read_unfinished(prefix)
    write_unfinished(prefix, Unfinished(half.names | verdict.broken, half.arriving))
    contents = read_contents(prefix)
    carry_out(Plan(contents, contents.own), layout, Source(layout.channels, layout.mirrors, layout.conda), report)


def mend_commands(prefix: Path) -> None:
    """Have the commands in ``prefix`` start its Python if the one that they name is gone: they were made elsewhere."""
    for name in list_names(prefix / "bin"):
        python = Path(read_interpreter(prefix / "bin" / name))
        if python.name.startswith("python") and python.is_absolute() and not os.access(python, os.X_OK):
            relocate_command(prefix / "bin" / name, python.parent, prefix / "bin")
