"""The environment that is a whole conda prefix of its own: the base's list of packages, installed for one user.

Files are hard links into the user's package cache where both lie on one file system. Runs in commands, as the user.
"""

from __future__ import annotations

import asyncio
import json
import os
import stat
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from rattler import PrefixRecord, RepoDataRecord
from rattler.exceptions import IoError

from neuronhub.environments.additions import mend_commands
from neuronhub.environments.bases import Base, read_active
from neuronhub.environments.building import scratch_folder
from neuronhub.environments.conda.transaction import read_unfinished
from neuronhub.environments.entries import Entry, mend_entries
from neuronhub.environments.installation import install_records
from neuronhub.environments.layered import draw_doors
from neuronhub.environments.layout import Layout
from neuronhub.environments.marker import PLACE, Marker
from neuronhub.environments.packages import (
    FIRST_STATE,
    KERNEL_MODULES,
    UNFINISHED,
    list_shadowing_paths,
    normalise_name,
)
from neuronhub.environments.removal import remove_tree
from neuronhub.environments.solution import Source
from neuronhub.environments.types import Progress, Report
from neuronhub.environments.user_files import list_names, read_text
from neuronhub.environments.verification import Verdict, verify_records
from neuronhub.errors import BaseMissing
from neuronhub.language import translate as _

_LAST = 0.75
"""Share of an action at which the packages are in; deleting the old environment comes after that."""


def make_full(layout: Layout, base: Base, target: Path, report: Report) -> None:
    """Fill the empty folder ``target`` so that it may be renamed to ``layout.prefix``.

    Raises BaseMissing, NoRoom or another EnvironmentFailed.
    """
    records = read_base_records(base)
    (target / FIRST_STATE).parent.mkdir()
    (target / FIRST_STATE).write_text(_render_first_state(records), encoding="utf-8")
    _install(layout, base, target, records, report)
    _finish(layout, base, target)


def repair_full(layout: Layout, report: Report) -> None:
    """Mend the environment at ``layout.prefix``; the user's own packages stay, those that hide the kernel's go.

    One that was made from another base than the active one is made anew, with the user's packages.
    Raises EnvironmentFailed.
    """
    base = read_active(layout.bases)
    first = read_base_records(base)
    _open_folders(layout.prefix)
    if not _was_made_from(layout.prefix, first):
        from neuronhub.environments.transfer import rebuild_environment  # it needs make_full

        rebuild_environment(layout, report)
        return
    for path in list_shadowing_paths(layout.prefix, base):
        report(Progress(_("Taking {name} away: it hides what the kernel needs.").format(name=path.name), 0.05))
        if failure := remove_tree(path):
            raise failure
    report(Progress(_("Comparing all files with what was installed."), 0.1))
    verdict = verify_records(layout.prefix, base.python, [door.place for door in draw_doors(layout)])
    for path in verdict.unreadable:
        remove_tree(path)  # conda would take no step while it is there
    broken = verdict.broken | read_unfinished(layout.prefix).names
    _install(layout, base, layout.prefix, _choose_records(first, verdict), report, reinstall=broken)
    mend_commands(layout.prefix)
    (layout.prefix / UNFINISHED).unlink(missing_ok=True)
    _finish(layout, base, layout.prefix)


def read_base_records(base: Base) -> list[RepoDataRecord]:
    """Return the conda packages of ``base``; raises BaseMissing when their records cannot be read."""
    folder = base.path / "conda-meta"
    try:
        return [PrefixRecord.from_path(folder / name) for name in list_names(folder) if name.endswith(".json")]
    except (OSError, ValueError, IoError) as error:
        text = _("The packages of the base {version} cannot be read. The operators of this site have to build it anew.")
        raise BaseMissing(text.format(version=base.version)) from error


def _open_folders(prefix: Path) -> None:
    """Give the owner the permissions back without which nothing below ``prefix`` can be mended."""
    _open(prefix)
    for parent, folders, _files in os.walk(prefix):
        for name in folders:
            _open(Path(parent, name))


def _open(folder: Path) -> None:
    mode = os.lstat(folder).st_mode
    if stat.S_ISDIR(mode) and mode & stat.S_IRWXU != stat.S_IRWXU:
        folder.chmod(stat.S_IMODE(mode) | stat.S_IRWXU)


def _was_made_from(prefix: Path, records: Iterable[RepoDataRecord]) -> bool:
    """True when the environment began with exactly these packages: then it can be mended where it is."""
    try:
        return read_text(prefix / FIRST_STATE) == _render_first_state(records)
    except OSError:
        return False


def _choose_records(first: Iterable[RepoDataRecord], verdict: Verdict) -> list[RepoDataRecord]:
    """All of the base's packages, in the user's version where the kernel does not need them, and the user's own."""
    chosen: dict[str, RepoDataRecord] = dict(verdict.records)
    for record in first:
        name = record.name.normalized
        if name not in verdict.records or normalise_name(name) in KERNEL_MODULES:
            chosen[name] = record
    return list(chosen.values())


def _install(
    layout: Layout,
    base: Base,
    target: Path,
    records: list[RepoDataRecord],
    report: Report,
    reinstall: frozenset[str] | None = None,
) -> None:
    """Install ``records`` into ``target``; with ``reinstall``, those anew, and nothing of the cache is trusted."""
    source = Source(layout.channels, layout.mirrors, layout.conda)
    for record in records:
        _locate(record, source.urls)
    step = _("Installing {number} packages.").format(number=len(records))

    def tell(done: int, of: int) -> None:
        report(Progress(step, 0.1 + (_LAST - 0.1) * done / max(of, 1)))

    tell(0, 1)
    asyncio.run(
        install_records(
            records, target, source, location=layout.prefix, spec=base.spec, report=tell, reinstall=reinstall
        )
    )


def _locate(record: RepoDataRecord, urls: Iterable[str]) -> None:
    """Where ``record`` was fetched from a folder that is not seen from here, take it from the site's channel."""
    if not record.url.startswith("file:") or os.path.exists(_to_path(record.url)):
        return
    for url in urls:
        candidate = f"{url.rstrip('/')}/{record.subdir}/{record.file_name}"
        if candidate.startswith("file:") and os.path.exists(_to_path(candidate)):
            record.url, record.channel = candidate, url
            return


def _to_path(url: str) -> str:
    return url2pathname(urlsplit(url).path)


def _render_first_state(records: Iterable[RepoDataRecord]) -> str:
    names = sorted(f"{record.name.normalized}-{record.version}-{record.build}" for record in records)
    return "".join(f"{name}\n" for name in names)


def _finish(layout: Layout, base: Base, target: Path) -> None:
    """Put NeuronHub's own commands in, which are those of the active base, and write the marker."""
    marker = Entry(str(PLACE), json.dumps(Marker.of("full", base).to_json(), indent=1) + "\n")
    with scratch_folder(layout) as scratch:  # beside: what lay in a command's place may be a folder full of things
        mend_entries([*draw_doors(layout), marker], target, scratch)
