"""What Jupyter needs below the prefix of a layered environment. The standard library only.

Not the base's own folders: a link to one would let pip write through it into the base, and prebuilt extensions of an
old base would come before those of a newer Jupyter server. The environment's settings name the base's folders instead.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from neuronhub.environments.entries import Entry
from neuronhub.environments.user_files import read_json

_KERNELS = "share/jupyter/kernels"
_SETTINGS = "etc/jupyter"
_PYTHON = re.compile(r"(.*/)?python[\d.]*")


def draw_kernels(base: Path, python: Path) -> Iterator[Entry]:
    """The kernels of ``base``; those of Python run with ``python``."""
    for folder in _folders(base / _KERNELS):
        for file in _files(folder):
            place = f"{_KERNELS}/{folder.name}/{file.relative_to(folder)}"
            if place.endswith("/kernel.json") and (spec := _with_python(file, python)):
                yield Entry(place, json.dumps(spec, indent=1, ensure_ascii=False) + "\n")
            else:
                yield Entry(place, link=str(file))


def draw_settings(base: Path) -> Iterator[Entry]:
    """The settings of ``base``, copied so that they can be changed, and where Jupyter finds the base's folders."""
    own = _folders_of_base(base)
    for file in _files(base / _SETTINGS):
        name = str(file.relative_to(base / _SETTINGS))
        if name not in own:
            yield Entry(f"{_SETTINGS}/{name}", file.read_text(encoding="utf-8", errors="surrogateescape"))
    for name, settings in own.items():
        there = base / _SETTINGS / name
        known = read_json(there) if there.exists() else {}
        yield Entry(f"{_SETTINGS}/{name}", json.dumps({**known, **settings}, indent=1, ensure_ascii=False) + "\n")


def _folders_of_base(base: Path) -> dict[str, dict[str, Any]]:
    extensions, templates = base / "share/jupyter/labextensions", base / "share/jupyter/nbconvert/templates"
    found: dict[str, dict[str, Any]] = {}
    if extensions.is_dir():
        for name, application in ("lab", "LabApp"), ("notebook", "JupyterNotebookApp"):
            found[f"jupyter_{name}_config.json"] = {application: {"extra_labextensions_path": [str(extensions)]}}
    if templates.is_dir():
        # The first is nbconvert's default; templates name each other by their place below one of the second.
        paths = {"extra_template_basedirs": [".", str(templates)], "extra_template_paths": [str(templates)]}
        found["jupyter_nbconvert_config.json"] = {"TemplateExporter": paths}
    return found


def _with_python(file: Path, python: Path) -> dict[str, Any] | None:
    """The kernel's description with ``python`` in the place of its own; None when it is no Python kernel."""
    try:
        spec = read_json(file)
    except ValueError:
        return None
    argv = spec.get("argv")
    if not isinstance(argv, list) or not argv or not _PYTHON.fullmatch(str(argv[0])):
        return None
    return {**spec, "argv": [str(python), *argv[1:]]}


def _folders(path: Path) -> list[Path]:
    return sorted(folder for folder in path.iterdir() if folder.is_dir()) if path.is_dir() else []


def _files(path: Path) -> Iterator[Path]:
    for folder, names, files in os.walk(path):
        names.sort()
        yield from (Path(folder, name) for name in sorted(files))
