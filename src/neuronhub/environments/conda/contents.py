"""The conda packages that can be seen in an environment: its own, and those of the base that it stands on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rattler import PrefixRecord
from rattler.exceptions import IoError

from neuronhub.environments import bases
from neuronhub.environments.bases import Base, read_base
from neuronhub.environments.marker import read_marker
from neuronhub.environments.user_files import list_names, refuse_odd
from neuronhub.errors import BaseMissing, ConflictingState
from neuronhub.language import translate as _

Records = Mapping[str, PrefixRecord]
"""By name."""


@dataclass(frozen=True, slots=True)
class Contents:
    """The records of one environment."""

    prefix: Path
    own: Records
    """Of packages that lie in the environment itself."""
    below: Records
    """Of the packages of its base; {} where the environment stands on its own feet."""
    base: Base | None = None

    @property
    def seen(self) -> Records:
        """What Python finds: the own package where both have one."""
        return {**self.below, **self.own}


def read_contents(prefix: Path) -> Contents:
    """Read the records of the environment at ``prefix``; raises BaseMissing or ConflictingState."""
    marker = read_marker(prefix)
    if marker is None or marker.kind == "full":
        return Contents(prefix, _read_records(prefix), {})
    try:
        base = read_base(Path(marker.base_path))
    except BaseMissing as error:
        text = _("The base {version}, on which your environment stands, is gone. Put it on the present one: {command}")
        raise BaseMissing(text.format(version=marker.base, command="neuronhub env repair")) from error
    return Contents(prefix, _read_records(prefix), _read_records(base.path), base)


def refuse_base(prefix: Path) -> None:
    """Raise ConflictingState when ``prefix`` is a base: nobody changes one after it was made."""
    if (prefix / bases.MARKER).exists():
        text = _("The base belongs to the whole site and is not changed. Choose another: {command}, or -n {name}")
        raise ConflictingState(text.format(command="conda activate notebook", name="notebook"))


def _read_records(prefix: Path) -> Records:
    records: dict[str, PrefixRecord] = {}
    for name in list_names(prefix / "conda-meta"):
        if not name.endswith(".json"):
            continue
        try:
            refuse_odd(prefix / "conda-meta" / name)  # rattler would wait for a pipe
            record = PrefixRecord.from_path(prefix / "conda-meta" / name)
        except (OSError, ValueError, IoError) as error:
            text = _("{path} is no record of a package. Mend the environment: {command}")
            path = prefix / "conda-meta" / name
            raise ConflictingState(text.format(path=path, command="neuronhub env repair")) from error
        records[record.name.normalized] = record
    return records
