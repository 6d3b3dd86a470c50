"""Makes a version of the site's base: solved, fetched, installed beside, compiled, checked, and only then named.

Runs in ``neuronhub base build``, as the operator who owns the folder of the bases.
"""

from __future__ import annotations

import asyncio
import errno
import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from rattler import RepoDataRecord, Subdir

from neuronhub.environments.base.bytecode import compile_bytecode
from neuronhub.environments.base.check import check_base
from neuronhub.environments.base.lock import read_locked, write_locked
from neuronhub.environments.base.spec import fingerprint
from neuronhub.environments.bases import MARKER, Base, read_base
from neuronhub.environments.installation import install_records
from neuronhub.environments.layout import CURRENT
from neuronhub.environments.removal import remove_tree
from neuronhub.environments.scripts import read_commands, render_command
from neuronhub.environments.solution import Source, fetch_solution
from neuronhub.environments.types import Progress, Report
from neuronhub.errors import ConflictingState, EnvironmentFailed, NoRoom
from neuronhub.language import translate as _

VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
#: Share of the whole work at which each part of it begins.
_SOLVE, _INSTALL, _COMPILE, _CHECK = 0.0, 0.05, 0.5, 0.85


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be built."""

    spec: tuple[str, ...]
    source: Source
    bases: Path
    """Folder that gets the new version."""
    location: Path
    """Where that folder is seen by users; scripts in the base name it. Mostly the same."""
    lock_file: Path
    version: str | None = None
    """None: the date and a number."""
    update: bool = False
    """Solve anew, whatever the lock file says."""


def build_base(order: Order, report: Report) -> Base:
    """Make a version of the base and return it; call it while the folder of the bases is held (``hold_bases``).

    Until it is whole it lies under a name that is no version. Raises EnvironmentFailed and its kinds.
    """
    version = _choose_version(order)
    new = order.bases / f".{version}.new"
    os.umask(0o022)
    try:
        asyncio.run(_fill(order, version, new, report))
        new.rename(order.bases / version)
    except BaseException as error:
        if failure := remove_tree(new):
            text = _("Not all of the unfinished base is gone ({path}: {reason}). The next command tries again.")
            report(Progress(text.format(path=new, reason=failure.strerror), 1.0))
        if isinstance(error, OSError):
            raise _explain(error, new) from error
        raise
    report(Progress(_("The base {version} is ready.").format(version=version), 1.0))
    return read_base(order.bases / version)


def _explain(error: OSError, new: Path) -> EnvironmentFailed:
    kind = NoRoom if error.errno in (errno.ENOSPC, errno.EDQUOT) else EnvironmentFailed
    text = _("The base cannot be written: {reason} ({path}). Mend that, then run the command again.")
    return kind(text.format(reason=error.strerror, path=error.filename or new))


def _choose_version(order: Order) -> str:
    if order.version is None:
        day = datetime.now(UTC).date().isoformat()
        taken = [_number(path.name, day) for path in order.bases.glob(f"{day}.*")]
        return f"{day}.{max(taken, default=0) + 1}"
    if not VERSION.fullmatch(order.version) or order.version == CURRENT:
        raise ConflictingState(
            _("{version} cannot be a version: use letters, digits, '.', '_' and '-'.").format(version=order.version)
        )
    if (order.bases / order.version).exists():
        raise ConflictingState(
            _("There is a base {version} already. Bases are never changed: choose another --version.").format(
                version=order.version
            )
        )
    return order.version


def _number(name: str, day: str) -> int:
    rest = name.removeprefix(f"{day}.")
    return int(rest) if rest.isdecimal() else 0


async def _fill(order: Order, version: str, new: Path, report: Report) -> None:
    """Make the whole base in the folder ``new``."""
    location = order.location / version
    report(Progress(_("Looking for packages in {channels}.").format(channels=", ".join(order.source.channels)), _SOLVE))
    records = await _fetch_records(order)
    python = next((str(record.version) for record in records if record.name.normalized == "python"), None)
    if python is None:
        raise EnvironmentFailed(_("A base needs Python: add python, or a package that needs it, to the spec."))
    base = Base(version, new, python, datetime.now(UTC), order.spec)

    def part(step: str, begin: float, end: float) -> Callable[[int, int], None]:
        report(Progress(step, begin))
        return lambda done, of: report(Progress(step, begin + (end - begin) * done / max(of, 1)))

    step = _("Installing {number} packages.").format(number=len(records))
    await install_records(
        records,
        new,
        order.source,
        location=location,
        spec=order.spec,
        report=part(step, _INSTALL, _COMPILE),
    )
    name_channels(new, order.source)
    isolate_commands(base, location)
    step = _("Compiling bytecode.")
    await compile_bytecode(base, location, order.source.cache / "bytecode", part(step, _COMPILE, _CHECK))
    step = _("Starting what it contains.")
    await check_base(base, {record.name.normalized for record in records}, part(step, _CHECK, 1.0))
    (new / MARKER).write_text(json.dumps(base.to_json(), indent=2) + "\n", encoding="utf-8")
    open_for_everyone(new)


async def _fetch_records(order: Order) -> list[RepoDataRecord]:
    """The packages that the lock file names, or else what the channels have; that is locked then."""
    platform = str(Subdir.current())
    asked = fingerprint(order.spec, order.source.urls, platform)
    if not order.update and (locked := read_locked(order.lock_file, asked, platform)):
        return locked
    records = await fetch_solution(order.spec, order.source)
    write_locked(order.lock_file, asked, platform, order.source.urls, records)
    return records


def name_channels(new: Path, source: Source) -> None:
    """Have the records of the installed packages name the channels, where a folder stood in for one as its mirror."""
    stood_in = {url: name for url, name in zip(source.urls, source.names, strict=True) if url != name}
    for file in (new / "conda-meta").glob("*.json") if stood_in else ():
        record = json.loads(file.read_text(encoding="utf-8"))
        for url, name in stood_in.items():
            if record["url"].startswith(url):
                record |= {"url": name + record["url"].removeprefix(url), "channel": name}
        file.write_text(json.dumps(record, indent=2), encoding="utf-8")


def isolate_commands(base: Base, location: Path) -> None:
    """Have our own commands run on nothing but the base: they mend what users have broken, also in their home folder.

    ``location`` is where the base will be seen.
    """
    for name, target in read_commands(base.site_packages).items():
        if target.startswith("neuronhub."):
            beside = base.path / "bin" / f".{name}"
            beside.write_text(render_command(location / "bin" / "python", target, isolated=True), encoding="utf-8")
            beside.chmod(0o755)
            beside.replace(base.path / "bin" / name)


def open_for_everyone(folder: Path) -> None:
    """Everyone may read what lies below; only its owner may write. Packages bring modes of their own."""
    folder.chmod(0o755)
    for parent, folders, files in os.walk(folder):
        for name in (*folders, *files):
            _open(os.path.join(parent, name))


def _open(path: str) -> None:
    mode = os.lstat(path).st_mode
    wanted = (mode | 0o444 | (0o111 if mode & 0o100 else 0)) & ~0o022 & 0o7777
    if mode & 0o170000 != 0o120000 and wanted != mode & 0o7777:
        os.chmod(path, wanted)
