"""Takes away what an installation that did not come to its end has left of packages that have no record yet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from neuronhub.environments.conda.pip_copies import clear_around, read_conda_files
from neuronhub.environments.packages import find_site_packages
from neuronhub.environments.user_files import read_json

_PATHS, _LINK = Path("info", "paths.json"), Path("info", "link.json")
"""In an extracted package: its files, and the commands of a package for any Python."""


def sweep(prefix: Path, dists: Iterable[str], cache: Path) -> None:
    """Delete the files of the packages ``dists`` (``name-version-build``) that no record in ``prefix`` names.

    What they consist of is known from the package ``cache``: nothing is installed that was not there whole.
    """
    owned = {file for of_one in read_conda_files(prefix).values() for file in of_one}
    site_packages = find_site_packages(prefix, "")
    for dist in dists:
        if (prefix / "conda-meta" / f"{dist}.json").exists():
            continue
        for file in _list_files(cache / dist, site_packages.relative_to(prefix)):
            path = prefix / file
            if str(file) not in owned and path.parent.resolve().is_relative_to(prefix.resolve()):
                path.unlink(missing_ok=True)
                clear_around(path, site_packages)


def _list_files(package: Path, site_packages: Path) -> Iterator[Path]:
    """Where the files of the extracted ``package`` lie below a prefix."""
    for entry in _read(package / _PATHS).get("paths", []):
        file = PurePosixPath(str(entry.get("_path")))
        if file.is_absolute() or ".." in file.parts:
            continue
        if file.parts[0] == "site-packages":
            yield site_packages.joinpath(*file.parts[1:])
        elif file.parts[0] == "python-scripts":
            yield Path("bin", *file.parts[1:])
        else:
            yield Path(file)
    noarch = _read(package / _LINK).get("noarch")
    for command in noarch.get("entry_points", []) if isinstance(noarch, dict) else ():
        yield Path("bin", PurePosixPath(str(command).partition("=")[0].strip()).name)


def _read(file: Path) -> dict[str, Any]:
    """The JSON of ``file``; {} where the package is not there, or only half: then nothing of it was installed."""
    try:
        return read_json(file)
    except (OSError, ValueError):
        return {}
