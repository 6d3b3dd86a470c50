"""Puts packages into a prefix (rattler), in a process of its own: what is written there has ended when that has.

Rattler goes on in the background when it has failed or was cancelled, and what it still writes would come back into
what is cleared up meanwhile. As ``python -I -m neuronhub.environments.installation`` this is that process.
"""

from __future__ import annotations

import asyncio
import ctypes
import json
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from rattler import MatchSpec, PackageCache, PrefixRecord, RepoDataRecord, ValidationMode, install
from rattler.exceptions import InstallerError, IoError, LinkError, TransactionError

from neuronhub import language
from neuronhub.environments.solution import Source, one_line, refuse_full
from neuronhub.environments.user_files import list_names
from neuronhub.errors import CommandSilent, EnvironmentFailed, NoRoom
from neuronhub.language import translate as _
from neuronhub.process import Output, run

TIME_LIMIT_S = 12 * 3600.0
"""A base with CUDA is gigabytes, and some sites' links are slow."""
_LOOK_S = 0.2
_FAILED, _NO_ROOM = 3, 4
"""Exit codes; standard output says why, in a sentence."""
_PR_SET_PDEATHSIG = 1


async def install_records(
    records: Sequence[RepoDataRecord],
    target: Path,
    source: Source,
    *,
    location: Path,
    spec: Sequence[str],
    report: Callable[[int, int], None],
    reinstall: frozenset[str] | None = None,
    ignored: frozenset[str] = frozenset(),
) -> None:
    """Fill the folder ``target`` (absolute) with the packages; scripts in it name ``location``, where it will be seen.

    With ``reinstall`` what is in the cache is compared with its hashes before it is used, and the packages of these
    names are installed anew also where they are there. Those named in ``ignored`` are only there to be known of.
    ``report`` is told how many of how many steps are done. Raises NoRoom or EnvironmentFailed. However this ends,
    nothing is written any more afterwards.
    """
    order = {
        "parent": os.getpid(),
        "language": language.current.get(),
        "records": [_render_record(record) for record in records],
        "target": str(target),
        "mirrors": source.mirror_urls,
        "cache": str(source.cache),
        "location": str(location),
        "spec": list(spec),
        "reinstall": None if reinstall is None else sorted(reinstall),
        "ignored": sorted(ignored),
    }
    watching = asyncio.create_task(_watch(records, target, source.packages, report))
    try:
        argv = [sys.executable, "-I", "-m", __name__]
        stdin = json.dumps(order)
        output = await run("the installer", argv, environment=os.environ, stdin=stdin, timeout_s=TIME_LIMIT_S)
    except CommandSilent as error:
        raise _explain(str(error)) from error
    finally:
        watching.cancel()
        _clear_half_records(target)
    _refuse(output)


def _refuse(output: Output) -> None:
    """Raise what the process says against it."""
    if output.code == _NO_ROOM:
        raise NoRoom(output.stdout)
    if output.code == _FAILED:
        raise EnvironmentFailed(output.stdout)
    if output.code:
        last = output.stderr.strip().rpartition("\n")[2]
        raise _explain(last or _("the installer ended with {code}").format(code=output.code))


def _explain(reason: str) -> EnvironmentFailed:
    return EnvironmentFailed(
        _(
            "A package could not be installed: {reason}. Try again. If it stays so, the channel is at fault, "
            "or it is newer than the lock file that a base is built from (--update)."
        ).format(reason=reason)
    )


def _clear_half_records(target: Path) -> None:
    """Delete what rattler calls a record until it is whole: the process may have ended before."""
    for name in list_names(target / "conda-meta"):
        if name.startswith("prefix_record_") and not name.endswith(".json"):
            (target / "conda-meta" / name).unlink()


async def _watch(
    records: Sequence[RepoDataRecord], target: Path, packages: Path, report: Callable[[int, int], None]
) -> None:
    """Report how many packages are in the cache and how many are installed, until cancelled."""
    before = _count(records, target, packages)
    steps = max(2 * len(records) - before, 1)
    while True:
        await asyncio.sleep(_LOOK_S)
        report(min(max(_count(records, target, packages) - before, 0), steps), steps)


def _count(records: Sequence[RepoDataRecord], target: Path, packages: Path) -> int:
    """Packages that are in the cache, and packages that are installed."""
    cached = sum((packages / record.file_name.removesuffix(".conda")).is_dir() for record in records)
    return cached + sum(name.endswith(".json") for name in list_names(target / "conda-meta"))


def _render_record(record: RepoDataRecord) -> dict[str, Any]:
    """``record`` as JSON, without the list of its files, which may be long and matters only where it is installed."""
    data: dict[str, Any] = json.loads(record.to_json())
    return {key: value for key, value in data.items() if key not in ("files", "paths_data")}


def _parse_record(rendered: dict[str, Any]) -> RepoDataRecord:
    """What ``_render_record`` made; rattler reads records from files only, and there may be no room for one."""
    with os.fdopen(os.memfd_create("record"), "w", encoding="utf-8") as file:
        json.dump(rendered, file)
        file.flush()
        return PrefixRecord.from_path(Path(f"/proc/self/fd/{file.fileno()}"))


def main() -> None:
    """Carry out the order on standard input; ends with the process that gave it."""
    order = json.load(sys.stdin)
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != order["parent"]:
        sys.exit(_FAILED)
    language.current.set(order["language"])
    code = 0
    try:
        asyncio.run(_install(order))
    except EnvironmentFailed as error:
        code = _NO_ROOM if isinstance(error, NoRoom) else _FAILED
        print(error, end="", flush=True)
    os._exit(code)  # py-rattler sometimes aborts at the end of an interpreter, when all is done


async def _install(order: dict[str, Any]) -> None:
    source = Source((), order["mirrors"], Path(order["cache"]))
    reinstall: list[str] | None = order["reinstall"]
    validation = ValidationMode.fast() if reinstall is None else ValidationMode.full()
    try:
        await install(
            [_parse_record(rendered) for rendered in order["records"]],
            order["target"],
            package_cache=PackageCache.new_layered([source.packages], validation_mode=validation),
            reinstall_packages=set(reinstall or ()),
            ignored_packages=set(order["ignored"]),
            requested_specs=[MatchSpec(line)._match_spec for line in order["spec"]],
            show_progress=False,
            client=source.open_client(),
            alternative_target_prefix=order["location"],
            execute_link_scripts=False,
        )
    except (InstallerError, LinkError, TransactionError, IoError) as error:
        refuse_full(error, source, Path(order["target"]).parent)
        raise _explain(one_line(error)) from error


if __name__ == "__main__":
    main()
