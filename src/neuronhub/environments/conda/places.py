"""Which environments there are and what they are called. Runs at every activation, so the standard library only."""

from __future__ import annotations

import os
import pwd
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from neuronhub.environments.layout import NAME, Layout
from neuronhub.environments.user_files import list_names
from neuronhub.errors import ConflictingState, EnvironmentFailed
from neuronhub.language import translate as _

BASE = "base"
"""What people call the site's base."""


def read_layout(environ: Mapping[str, str]) -> Layout:
    """The layout of the present user, from the site file. Takes a while: the file is validated."""
    from neuronhub.site import DEFAULT_SITE, read_site

    if os.getuid() == 0:
        raise EnvironmentFailed(_("Environments belong to users: run this as one of them, not as root."))
    user = pwd.getpwuid(os.getuid()).pw_name
    return Layout.of(read_site(Path(environ.get("NEURONHUB_SITE") or DEFAULT_SITE)), user)


def list_folders(environ: Mapping[str, str]) -> tuple[Path, ...]:
    """The folders that hold environments: those of the shell, else that of the site file."""
    named = environ.get("CONDA_ENVS_PATH") or environ.get("CONDA_ENVS_DIRS") or ""
    folders = tuple(Path(os.path.abspath(os.path.expanduser(name))) for name in named.split(os.pathsep) if name)
    return folders or (read_layout(environ).envs,)


def read_base_prefix() -> Path:
    """The base that this program runs from: its real folder, which stays when the site activates another one."""
    return Path(sys.prefix).resolve()


def find_prefix(name: str, environ: Mapping[str, str]) -> Path:
    """The environment called ``name``, or at the path ``name``; raises ConflictingState when there is none."""
    if name in (BASE, "root"):
        return read_base_prefix()
    if "/" in name or name in (".", ".."):
        prefix = Path(os.path.abspath(os.path.expanduser(name)))
        if (prefix / "conda-meta").is_dir():
            return prefix
        raise ConflictingState(_("There is no environment in {prefix}. Look at: conda env list").format(prefix=prefix))
    for folder in list_folders(environ):
        if (folder / name / "conda-meta").is_dir():
            return folder / name
    if name == NAME:
        text = _("You have no environment {name} yet. Make it: neuronhub env create")
    else:
        text = _("There is no environment called {name}. Look at: conda env list, or make it: conda create -n {name}")
    raise ConflictingState(text.format(name=name))


def name_prefix(prefix: Path, folders: tuple[Path, ...]) -> str:
    """What people call the environment at ``prefix``: a name, or the path where it has none."""
    if prefix.parent in folders and not prefix.name.startswith("."):
        return prefix.name
    return BASE if prefix.resolve() == read_base_prefix() else str(prefix)


def list_prefixes(environ: Mapping[str, str]) -> Iterator[Path]:
    """The base, then the user's environments by name."""
    yield read_base_prefix()
    for folder in list_folders(environ):
        for name in list_names(folder):
            if not name.startswith(".") and (folder / name / "conda-meta").is_dir():
                yield folder / name
