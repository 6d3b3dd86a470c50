"""The files of an environment that belong to packages which its user has installed. The standard library only."""

from __future__ import annotations

import csv
import os
from pathlib import Path

from neuronhub.environments.user_files import list_names, read_json, read_text


def list_owned_files(prefix: Path, site_packages: Path) -> frozenset[str]:
    """Return the files, relative to ``prefix``, that pip's and conda's records name; what cannot be read names none."""
    found: set[str] = set()
    for name in list_names(site_packages):
        if name.endswith(".dist-info"):
            found.update(_read_pip_record(site_packages / name / "RECORD", prefix, site_packages))
    for name in list_names(prefix / "conda-meta"):
        if name.endswith(".json"):
            found.update(_read_conda_record(prefix / "conda-meta" / name))
    return frozenset(found)


def _read_pip_record(path: Path, prefix: Path, site_packages: Path) -> set[str]:
    try:
        rows = list(csv.reader(read_text(path).splitlines()))
    except (OSError, csv.Error):
        return set()
    files = (os.path.normpath(site_packages / row[0]) for row in rows if row)
    start = f"{prefix}/"
    return {file.removeprefix(start) for file in files if file.startswith(start)}


def _read_conda_record(path: Path) -> set[str]:
    try:
        files = read_json(path).get("files")
    except (OSError, ValueError):
        return set()
    return {file for file in files if isinstance(file, str)} if isinstance(files, list) else set()
