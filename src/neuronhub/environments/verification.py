"""Compares the files of a conda prefix with what conda's records say was installed."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rattler import PrefixRecord
from rattler.exceptions import IoError

from neuronhub.environments.packages import normalise_name, read_inventory
from neuronhub.environments.user_files import list_names, read_head, read_json

_HEAD_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found."""

    records: Mapping[str, PrefixRecord]
    """By name; unreadable ones have been left out."""
    unreadable: tuple[Path, ...]
    """Files in ``conda-meta`` that are no records."""
    broken: frozenset[str]
    """Names of the packages of which a file is missing or changed."""


def verify_records(prefix: Path, python: str, leave_out: Collection[str] = ()) -> Verdict:
    """Read all files of all packages in ``prefix`` but those to ``leave_out``.

    Packages that pip has replaced with another version pass.
    """
    replaced = {one.name for one in read_inventory(prefix, python).installed if one.package.installer == "pip"}
    records: dict[str, PrefixRecord] = {}
    unreadable = []
    broken = set()
    for name in list_names(prefix / "conda-meta"):
        path = prefix / "conda-meta" / name
        if not name.endswith(".json"):
            continue
        try:
            entries = [(str(entry["_path"]), dict(entry)) for entry in read_json(path)["paths_data"]["paths"]]
            record = PrefixRecord.from_path(path)
        except (OSError, ValueError, KeyError, TypeError, IoError):
            unreadable.append(path)
            continue
        package = record.name.normalized
        records[package] = record
        if not _list_distributions(place for place, _entry in entries) & replaced and not all(
            _is_as_installed(prefix, place, entry) for place, entry in entries if place not in leave_out
        ):
            broken.add(package)
    return Verdict(records, tuple(unreadable), frozenset(broken))


def _list_distributions(places: Iterable[str]) -> set[str]:
    """The normalised names of the Python packages whose metadata lie at ``places``."""
    folders = {place.rpartition("/")[0] for place in places if ".dist-info/" in place}
    return {normalise_name(folder.rpartition("/")[2].split("-")[0]) for folder in folders}


def _is_as_installed(prefix: Path, place: str, entry: dict[str, Any]) -> bool:
    """True when what conda calls ``entry`` of a package is at ``place``, unchanged."""
    kind, path = entry.get("path_type"), prefix / place
    if kind == "pyc_file":
        return True  # Python makes it anew
    try:
        mode = os.lstat(path).st_mode
        if kind in ("softlink", "directory"):
            return True
        if kind == "unix_python_entry_point":  # it has no hash
            return str(prefix).encode() in read_head(path, _HEAD_BYTES)
        expected = entry.get("sha256_in_prefix") or entry.get("sha256")
        return stat.S_ISREG(mode) and expected in (None, _hash(path))
    except OSError:
        return False


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
