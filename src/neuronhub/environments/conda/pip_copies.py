"""Takes away what pip has put where conda installs the same package: two versions of one must not lie in one place."""

from __future__ import annotations

import csv
import glob
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from neuronhub.environments.packages import find_site_packages, normalise_name
from neuronhub.environments.user_files import list_names, read_json, read_text


def drop_pip_copies(prefix: Path, names: Iterable[str], aside: Path) -> None:
    """Move the packages ``names`` that pip has installed from ``prefix`` to the folder ``aside``. Raises OSError.

    Before conda installs: by the names that conda has for them. Afterwards: also what the conda packages ``names`` hold
    under another name (conda's pytorch is pip's torch).
    """
    site_packages = find_site_packages(prefix, "")
    files, names = read_conda_files(prefix), set(names)
    dists = {normalise_name(name) for name in names}
    start = f"{site_packages.relative_to(prefix)}/"
    for name in names & set(files):
        found = (file.removeprefix(start).split("/")[0] for file in files[name] if file.startswith(start))
        dists |= {_dist_of(folder) for folder in found if folder.endswith(".dist-info")}
    owned = {file for of_one in files.values() for file in of_one}
    folders = [name for name in list_names(site_packages) if name.endswith(".dist-info") and _dist_of(name) in dists]
    for folder in folders:
        if f"{start}{folder}/METADATA" not in owned:
            for path in _list_files(site_packages, folder, prefix):
                if str(path.relative_to(prefix)) not in owned and os.path.lexists(path):
                    kept = aside / path.relative_to(prefix)
                    kept.parent.mkdir(parents=True, exist_ok=True)
                    os.rename(path, kept)
                    clear_around(path, site_packages)


def bring_back(prefix: Path, aside: Path) -> None:
    """Move what was moved aside back to its place."""
    for folder, _folders, names in os.walk(aside):
        for name in names:
            kept = Path(folder, name)
            place = prefix / kept.relative_to(aside)
            place.parent.mkdir(parents=True, exist_ok=True)
            os.replace(kept, place)


def _dist_of(folder: str) -> str:
    return normalise_name(folder.removesuffix(".dist-info").split("-")[0])


def read_conda_files(prefix: Path) -> dict[str, list[str]]:
    """Name of a conda package -> its files."""
    files: dict[str, list[str]] = {}
    for name in list_names(prefix / "conda-meta"):
        if name.endswith(".json"):
            record = read_json(prefix / "conda-meta" / name)
            files[str(record["name"])] = [file for file in record.get("files", []) if isinstance(file, str)]
    return files


def _list_files(site_packages: Path, folder: str, prefix: Path) -> list[Path]:
    """The files of the package with the metadata ``folder`` that lie in ``prefix``, its list of them last."""
    record = site_packages / folder / "RECORD"
    rows = list(csv.reader(read_text(record).splitlines())) if record.is_file() else []
    paths = {Path(os.path.normpath(site_packages / row[0])) for row in rows if row}
    paths |= {site_packages / folder / name for name in list_names(site_packages / folder)}
    return [*sorted(path for path in paths if path != record and _is_inside(path, prefix)), record]


def _is_inside(path: Path, prefix: Path) -> bool:
    """True where no ``..`` and no link on the way leads out of the environment."""
    return path.is_relative_to(prefix) and path.parent.resolve().is_relative_to(prefix.resolve())


def clear_around(path: Path, site_packages: Path) -> None:
    """Where the file ``path`` has gone: delete its bytecode too, and the folders that are empty now."""
    cache = path.parent / "__pycache__"
    for cached in cache.glob(f"{glob.escape(path.stem)}.*.pyc") if path.suffix == ".py" else ():
        cached.unlink()
    for folder in (cache, path.parent, *path.parent.parents):
        if folder != site_packages and folder.is_relative_to(site_packages) and not list_names(folder):
            with suppress(FileNotFoundError):
                folder.rmdir()
