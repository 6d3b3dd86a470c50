"""The example notebooks in a workspace (row X1): copied once, renewed as long as the user has not changed them.

Runs in the job, as the user, before the server. What a user has changed or deleted is never written again: what was
copied is kept by its digest in the user's own state folder, and whatever differs from that is the user's.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

RECORD = Path(".local", "state", "neuronhub", "examples.json")
"""Below the home folder: workspace -> name -> Copy."""


@dataclass(frozen=True, slots=True)
class Copy:
    """What was copied."""

    digest: str
    """SHA-256 of the content."""
    size: int
    """Of the site's file, like the next: while both are as they were, nothing has to be read at a start."""
    mtime_ns: int


def ensure_examples(examples: Path, workspace: Path, home: Path, *, fill: bool) -> Iterator[str]:
    """Copy and renew what is to be copied and renewed, and tell of it, a line each.

    A workspace that is not new (``fill``) and was never filled by us receives nothing. A missing example never stops a
    start.
    """
    everything = _read_record(home / RECORD)
    known = everything.get(str(workspace))
    if known is None and not fill:
        return
    kept = dict(known or {})
    try:
        for source in sorted(examples.iterdir()):
            if source.is_file() and not source.name.startswith("."):
                yield from _ensure_example(source, workspace / source.name, kept)
    except OSError as error:
        yield f"the examples in {examples} could not all be copied: {error}"
    if kept != known:
        yield from _write_record(home / RECORD, {**everything, str(workspace): kept})


def _ensure_example(source: Path, place: Path, kept: dict[str, Copy]) -> Iterator[str]:
    known, found = kept.get(source.name), source.stat()
    if known and (known.size, known.mtime_ns) == (found.st_size, found.st_mtime_ns):
        return
    present = os.path.lexists(place)
    if known is None and present:  # the user's own file of that name
        return
    content = source.read_bytes()
    new = Copy(hashlib.sha256(content).hexdigest(), found.st_size, found.st_mtime_ns)
    if known is None:
        _place(source, place)
        yield f"example {source.name}"
    elif new.digest != known.digest:
        if not present or place.is_symlink() or _digest(place) != known.digest:
            return  # changed or deleted by the user
        _place(source, place)
        yield f"example {source.name}, renewed"
    kept[source.name] = new


def _digest(path: Path) -> str | None:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None


def _place(source: Path, place: Path) -> None:
    """Put a copy at ``place`` in one step, with nothing of its owner's modes and times."""
    with tempfile.TemporaryDirectory(dir=place.parent, prefix=".neuronhub-") as folder:
        fresh = Path(folder, source.name)
        shutil.copyfile(source, fresh)
        os.replace(fresh, place)


def _read_record(path: Path) -> dict[str, dict[str, Copy]]:
    """Return the record; without one that can be read, every file in a workspace is the user's."""
    try:
        data = json.loads(path.read_bytes())
        return {workspace: {name: Copy(**copy) for name, copy in copies.items()} for workspace, copies in data.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def _write_record(path: Path, record: dict[str, dict[str, Copy]]) -> Iterator[str]:
    data = {workspace: {name: asdict(copy) for name, copy in copies.items()} for workspace, copies in record.items()}
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:
            fresh = Path(folder, path.name)
            fresh.write_text(json.dumps(data, indent=1), encoding="utf-8")
            os.replace(fresh, path)
    except OSError as error:
        yield f"{path} could not be written ({error.strerror}): these examples will not be renewed"
