"""Answers questions: which packages and environments there are, and what the channels have. Changes nothing."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

from rattler import MatchSpec, RepoDataRecord
from rattler.exceptions import InvalidMatchSpecError

from neuronhub import __version__
from neuronhub.environments.conda.contents import read_contents
from neuronhub.environments.conda.places import BASE, list_prefixes, name_prefix, read_base_prefix
from neuronhub.environments.conda.solving import describe_missing, fetch_names, platforms
from neuronhub.environments.layout import Layout
from neuronhub.environments.packages import normalise_name, read_inventory
from neuronhub.environments.solution import Source, open_gateway
from neuronhub.errors import PackagesNotFound
from neuronhub.language import translate as _


@dataclass(frozen=True, slots=True)
class Line:
    """One package of a list."""

    name: str
    version: str
    build_string: str
    channel: str
    """``base`` for what belongs to the site's base, ``pypi`` for what pip installed."""


def list_packages(prefix: Path, pattern: str | None = None) -> list[Line]:
    """The packages that can be seen in the environment at ``prefix``, by name; ``pattern`` is a regular expression."""
    contents = read_contents(prefix)
    lines = {name: _describe(record, BASE) for name, record in contents.below.items()}
    lines |= {name: _describe(record, shorten_channel(record.channel)) for name, record in contents.own.items()}
    by_dist = {normalise_name(name): name for name in lines}
    for package in read_inventory(prefix, contents.base.python if contents.base else "").packages:
        if package.installer == "pip":
            name = by_dist.get(normalise_name(package.name), package.name)
            lines[name] = Line(name, package.version, "pypi_0", "pypi")
    chosen = sorted(lines.values(), key=lambda line: line.name)
    return [line for line in chosen if pattern is None or re.search(pattern, line.name)]


def search_packages(words: str, source: Source) -> list[Line]:
    """What the channels have of ``words``, a spec or a name with ``*``; raises EnvironmentFailed and its kinds."""
    try:
        spec = MatchSpec(words, exact_names_only=False)
        names = fetch_names(source)
        pattern = re.compile(re.escape(words.lower()).replace(r"\*", ".*"))
        wanted = [name for name in names if pattern.fullmatch(name)] if "*" in words.split("=")[0] else None
        records = asyncio.run(_fetch_records(wanted if wanted is not None else [str(spec)], source))
    except InvalidMatchSpecError as error:
        raise PackagesNotFound(_("{words} is no package.").format(words=repr(words))) from error
    found = [record for record in records if wanted is not None or spec.matches(record)]
    if not found:
        name = words if wanted is not None else str(getattr(spec.name, "normalized", spec.name))
        raise PackagesNotFound(describe_missing(name, names))
    found.sort(key=lambda record: (record.name.normalized, record.version, record.build_number))
    return list(dict.fromkeys(_describe(record, shorten_channel(record.channel)) for record in found))


async def _fetch_records(specs: Sequence[str], source: Source) -> list[RepoDataRecord]:
    with open_gateway(source) as gateway:
        found = await gateway.query(list(source.urls), platforms(), specs, recursive=False)
    return [record for records in found for record in records]


def render_lines(lines: Iterable[Line]) -> str:
    """As the table that conda prints."""
    rows = [("# Name", "Version", "Build", "Channel")]
    rows += [(line.name, line.version, line.build_string, line.channel) for line in lines]
    return "\n".join(render_columns(rows))


def render_columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """``rows`` as lines, their columns under each other."""
    columns = max(map(len, rows))
    widths = [max(len(row[column]) for row in rows if column < len(row)) for column in range(columns)]
    return ["  ".join(cell.ljust(widths[column]) for column, cell in enumerate(row)).rstrip() for row in rows]


def line_to_json(line: Line) -> dict[str, str]:
    """As ``--json`` carries it."""
    return asdict(line)


def render_environments(environ: Mapping[str, str], folders: tuple[Path, ...]) -> str:
    """The environments, the active one with a star."""
    active = environ.get("CONDA_PREFIX")
    lines = ["# conda environments:", "#"]
    for prefix in list_prefixes(environ):
        star = "*" if active and Path(active) == prefix else " "
        name = name_prefix(prefix, folders)
        lines.append(f"{name:<22} {star}  {prefix}")
    return "\n".join(lines)


def read_info(environ: Mapping[str, str], layout: Layout, home: Path) -> dict[str, object]:
    """What is where."""
    return {
        "conda_version": f"NeuronHub {__version__}, py-rattler {version('py-rattler')}",
        "python_version": ".".join(map(str, sys.version_info[:3])),
        "active_prefix": environ.get("CONDA_PREFIX"),
        "active_prefix_name": environ.get("CONDA_DEFAULT_ENV"),
        "conda_shlvl": int(level) if (level := environ.get("CONDA_SHLVL", "")).isdecimal() else 0,
        "root_prefix": str(read_base_prefix()),
        "root_writable": False,
        "envs": [str(prefix) for prefix in list_prefixes(environ)],
        "envs_dirs": [str(layout.envs)],
        "pkgs_dirs": [str(layout.packages)],
        "channels": list(layout.channels),
        "rc_path": str(home / ".condarc"),
        "platform": str(platforms()[0]),
    }


def render_info(info: Mapping[str, object]) -> str:
    """For people."""
    rows = {
        name: ", ".join(map(str, value)) if isinstance(value, list) else str(value)
        for name, value in info.items()
        if name != "envs"
    }
    width = max(map(len, rows))
    return "\n".join(f"{name:>{width}} : {value}" for name, value in rows.items())


def _describe(record: RepoDataRecord, channel: str) -> Line:
    return Line(record.name.normalized, str(record.version), str(record.build), channel)


def shorten_channel(channel: str) -> str:
    """A channel's URL as people write it."""
    return channel.rstrip("/").rsplit("/", 1)[-1]
