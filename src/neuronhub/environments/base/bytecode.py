"""The bytecode of a base: compiled once for each package, kept beside the package cache, linked into every base.

It is checked against nothing (PEP 552), as a base is not edited in place, and so is good for copies of it too.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from neuronhub.environments.bases import Base
from neuronhub.errors import CommandSilent, EnvironmentFailed
from neuronhub.language import translate as _
from neuronhub.process import run

WORKERS = 2
"""A build machine has other things to do, and soon the disk is the limit."""
TIME_LIMIT_S = 1800.0
_ENVIRONMENT = {"LC_ALL": "C.UTF-8"}
_PROBLEMS = 1
"""compileall's exit code when a file could not be compiled: some packages bring templates that are no Python."""


@dataclass(frozen=True, slots=True)
class _Package:
    kept: Path
    """Folder with its bytecode, as in a prefix; named after package, version, build, hash and Python."""
    sources: tuple[str, ...]
    """Its Python files, relative to the prefix."""


async def compile_bytecode(base: Base, location: Path, store: Path, report: Callable[[int, int], None]) -> None:
    """Give every Python file of the base its bytecode, taken from ``store`` where that has it already.

    The base will be seen at ``location``. ``report`` is told how many of how many files are done. Raises
    EnvironmentFailed.
    """
    packages = list(_read_packages(base, store))
    missing = [package for package in packages if not package.kept.is_dir()]
    sources = [source for package in missing for source in package.sources]
    done = 0

    def count(printed: bytes) -> None:
        nonlocal done
        done = min(done + printed.count(b"\n"), len(sources))
        report(done, len(sources))

    shares = [sources[first::WORKERS] for first in range(WORKERS)]
    await asyncio.gather(*(_compile(base, location, share, count) for share in shares if share))
    for package in packages:
        names = [_bytecode_of(source, base.python) for source in package.sources]
        if package not in missing:
            _link(names, package.kept, base.path)
            continue
        half = package.kept.with_name(f"{package.kept.name}.{os.getpid()}.new")
        half.mkdir(parents=True)
        _link(names, base.path, half)
        half.rename(package.kept)


def _read_packages(base: Base, store: Path) -> Iterator[_Package]:
    library = f"{base.site_packages.parent.relative_to(base.path)}/"
    for file in sorted((base.path / "conda-meta").glob("*.json")):
        record = json.loads(file.read_text(encoding="utf-8"))
        sources = tuple(name for name in record["files"] if name.startswith(library) and name.endswith(".py"))
        if sources:
            yield _Package(store / f"{file.stem}-{record['sha256'][:16]}-python{base.python}", sources)


async def _compile(base: Base, location: Path, sources: Sequence[str], count: Callable[[bytes], None]) -> None:
    # -B: what it imports itself must not be written as Python writes it, which names the present folder.
    argv = [str(base.interpreter), "-I", "-B", "-u", "-m", "compileall", "--invalidation-mode", "unchecked-hash"]
    argv += ["-s", str(base.path), "-p", str(location), "-i", "-"]
    names = "".join(f"{base.path / source}\n" for source in sources)
    try:
        output = await run(
            "compileall", argv, environment=_ENVIRONMENT, timeout_s=TIME_LIMIT_S, stdin=names, take=count
        )
        reason = "" if output.code in (0, _PROBLEMS) else output.stderr.strip() or f"compileall: {output.code}"
    except CommandSilent as error:
        reason = str(error)
    if reason:
        text = _("The base's Python cannot compile its packages. Look at the channel's package python. ({reason})")
        raise EnvironmentFailed(text.format(reason=reason))


def _bytecode_of(source: str, python: str) -> str:
    folder, _slash, name = source.rpartition("/")
    tag = "".join(python.split(".")[:2])
    return f"{folder}/__pycache__/{name.removesuffix('.py')}.cpython-{tag}.pyc"


def _link(names: Sequence[str], source: Path, target: Path) -> None:
    """Have those files that one folder has in the other too; as copies where there can be no hard links."""
    there = [name for name in names if (source / name).exists()]
    for folder in {os.path.dirname(name) for name in there}:
        (target / folder).mkdir(parents=True, exist_ok=True)
    for name in there:
        try:
            os.link(source / name, target / name)
        except FileExistsError:
            continue  # the package brings it
        except OSError:
            shutil.copyfile(source / name, target / name)
