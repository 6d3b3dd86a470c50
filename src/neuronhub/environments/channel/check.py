"""Whether the packages of a channel find what they ask for in it. Runs in ``neuronhub base channel``."""

from __future__ import annotations

from pathlib import Path

from rattler import Channel, MatchSpec
from rattler.repo_data import RepoData, RepoDataRecord

from neuronhub.language import translate as _


def find_missing(out: Path, looked_at: set[tuple[str, str]]) -> tuple[str, ...]:
    """Sentences: what packages (name, version) ask for that no package of the indexed channel ``out`` fulfils."""
    records = _read_records(out)
    newest: dict[tuple[str, str], RepoDataRecord] = {}
    of_name: dict[str, list[RepoDataRecord]] = {}
    for record in records:
        name = record.name.normalized
        of_name.setdefault(name, []).append(record)
        key = (name, str(record.version))
        if key in looked_at and (key not in newest or record.build_number > newest[key].build_number):
            newest[key] = record
    wanting: dict[str, list[str]] = {}
    for (name, _version), record in newest.items():
        for spec in record.depends:
            if not _is_there(spec, of_name):
                wanting.setdefault(spec, []).append(name)
    sentence = _("{spec}: asked for by {packages}, and not in the channel.")
    return tuple(
        sentence.format(spec=spec, packages=", ".join(sorted(names))) for spec, names in sorted(wanting.items())
    )


def _read_records(out: Path) -> list[RepoDataRecord]:
    indexes = [out / subdir / "repodata.json" for subdir in ("noarch", "linux-64")]
    channel = Channel(out.absolute().as_uri())
    return [r for index in indexes if index.exists() for r in RepoData.from_path(index).into_repo_data(channel)]


def _is_there(spec: str, of_name: dict[str, list[RepoDataRecord]]) -> bool:
    name = spec.split(" ", 1)[0]
    match = MatchSpec(spec)
    return any(match.matches(record) for record in of_name.get(name, []))
