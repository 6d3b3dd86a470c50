"""Packages from conda channels: which of them together satisfy a spec, and putting them into a prefix (rattler).

Runs in commands, never in the hub or while a Jupyter server starts.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rattler import (
    Channel,
    Config,
    Gateway,
    MatchSpec,
    PackageCache,
    RepoDataRecord,
    ValidationMode,
    VirtualPackage,
    VirtualPackageOverrides,
    install,
    solve,
)
from rattler.exceptions import (
    DetectVirtualPackageError,
    GatewayError,
    InstallerError,
    InvalidMatchSpecError,
    IoError,
    LinkError,
    SolverError,
    TransactionError,
)
from rattler.networking import Client

from neuronhub.environments.user_files import list_names
from neuronhub.errors import EnvironmentFailed, NoRoom, PackagesNotFound
from neuronhub.language import translate as _

_FULL = ("No space left on device", "Disk quota exceeded", "os error 28", "os error 122")
_LOOK_S = 0.2
_CONFIGURATION = """\
tls-root-certs = "system"
[mirrors]
"""


@dataclass(frozen=True, slots=True)
class Source:
    """Where packages come from, and where they are kept once they have been fetched."""

    channels: tuple[str, ...]
    """In order of priority: names, or ``https://`` and ``file://`` URLs."""
    mirrors: Mapping[str, tuple[str, ...]]
    """Channel -> where to fetch it from instead, in order."""
    cache: Path

    @property
    def names(self) -> tuple[str, ...]:
        """The channels as URLs."""
        return tuple(_url(name) for name in self.channels)

    @property
    def urls(self) -> tuple[str, ...]:
        """What the channels are read from: one that has a mirror in a folder of this machine is replaced by it.

        The other mirrors are the client's affair, which speaks HTTP only.
        """
        return tuple(next(filter(_is_folder, self._mirrors(name)), _url(name)) for name in self.channels)

    @property
    def packages(self) -> Path:
        """The cache of fetched and extracted packages."""
        return self.cache / "pkgs"

    def open_client(self) -> Client:
        """The client for all that is fetched over HTTP; raises EnvironmentFailed where the certificates are missing."""
        mirrors = {_url(name).rstrip("/"): [url.rstrip("/") for url in self._mirrors(name)] for name in self.mirrors}
        lines = (f"{json.dumps(url)} = {json.dumps(instead)}\n" for url, instead in mirrors.items())
        configuration = Config.from_toml(_CONFIGURATION + "".join(lines))
        try:
            return Client.from_config(configuration)
        except ValueError as error:
            text = _("No connection can be made ({reason}). Look at your variables SSL_CERT_FILE and SSL_CERT_DIR.")
            raise EnvironmentFailed(text.format(reason=error)) from error

    def _mirrors(self, name: str) -> list[str]:
        return [_url(mirror) for mirror in self.mirrors.get(name, ())]


def _url(channel: str) -> str:
    return Channel(channel).base_url


def _is_folder(url: str) -> bool:
    return url.startswith("file:")


@contextmanager
def open_gateway(source: Source) -> Iterator[Gateway]:
    """What reads the channels, for the body; what keeps them from being read is raised as an EnvironmentFailed."""
    try:
        yield Gateway(cache_dir=source.cache / "repodata", client=source.open_client())
    except (GatewayError, IoError, DetectVirtualPackageError) as error:
        _refuse_full(error, source, source.cache)
        raise EnvironmentFailed(
            _("A channel cannot be read: {reason}. Look at channels and mirrors in the site file.").format(
                reason=_one_line(error)
            )
        ) from error


async def fetch_solution(
    spec: Sequence[str],
    source: Source,
    *,
    locked: Sequence[RepoDataRecord] = (),
    pinned: Sequence[RepoDataRecord] = (),
) -> list[RepoDataRecord]:
    """Return the packages that together satisfy ``spec``, by name.

    Of packages in ``locked`` those versions are taken where they fit, of packages in ``pinned`` no others. What the
    machine cannot tell by itself comes from the environment, as with conda (``CONDA_OVERRIDE_CUDA=12.4``).
    Raises PackagesNotFound when there are none, EnvironmentFailed when a channel cannot be read.
    """
    try:
        with open_gateway(source) as gateway:
            records = await solve(
                list(source.urls),
                [MatchSpec(line) for line in spec],
                gateway=gateway,
                locked_packages=list(locked),
                pinned_packages=list(pinned),
                virtual_packages=VirtualPackage.detect(VirtualPackageOverrides.from_env()),
            )
    except (SolverError, InvalidMatchSpecError) as error:
        raise PackagesNotFound(
            _("The channels {channels} do not have what is asked for: {reason}. Change the list of packages.").format(
                channels=", ".join(source.channels), reason=_one_line(error)
            )
        ) from error
    return sorted(records, key=lambda record: record.name.normalized)


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
    """Fill the folder ``target`` with the packages; scripts in it name ``location``, where it will be seen.

    With ``reinstall`` what is in the cache is compared with its hashes before it is used, and the packages of these
    names are installed anew also where they are there. Those named in ``ignored`` are only there to be known of.
    ``report`` is told how many of how many steps are done. Raises NoRoom or EnvironmentFailed.
    """
    watching = asyncio.create_task(_watch(records, target, source.packages, report))
    validation = ValidationMode.fast() if reinstall is None else ValidationMode.full()
    try:
        await install(
            list(records),
            target,
            package_cache=PackageCache.new_layered([source.packages], validation_mode=validation),
            reinstall_packages=set(reinstall or ()),
            ignored_packages=set(ignored),
            requested_specs=[MatchSpec(line)._match_spec for line in spec],
            show_progress=False,
            client=source.open_client(),
            alternative_target_prefix=location,
            execute_link_scripts=False,
        )
    except (InstallerError, LinkError, TransactionError, IoError) as error:
        _refuse_full(error, source, target.parent)
        raise EnvironmentFailed(
            _(
                "A package could not be installed: {reason}. Try again. If it stays so, the channel is at fault, "
                "or it is newer than the lock file that a base is built from (--update)."
            ).format(reason=_one_line(error))
        ) from error
    finally:
        watching.cancel()


async def _watch(
    records: Sequence[RepoDataRecord], target: Path, packages: Path, report: Callable[[int, int], None]
) -> None:
    """Report how many packages are in the cache and how many are installed, until cancelled.

    Rattler would tell by calls from threads of its own; one that waits for Python can bring both to a standstill.
    """
    before = _count(records, target, packages)
    steps = max(2 * len(records) - before, 1)
    while True:
        await asyncio.sleep(_LOOK_S)
        report(min(max(_count(records, target, packages) - before, 0), steps), steps)


def _count(records: Sequence[RepoDataRecord], target: Path, packages: Path) -> int:
    """Packages that are in the cache, and packages that are installed."""
    cached = sum((packages / record.file_name.removesuffix(".conda")).is_dir() for record in records)
    return cached + sum(name.endswith(".json") for name in list_names(target / "conda-meta"))


def _refuse_full(error: Exception, source: Source, target: Path) -> None:
    """Raise NoRoom when that is what ``error`` is about."""
    reason = _one_line(error)
    if any(words in reason for words in _FULL):
        text = _("There is no room for the packages: {reason}. Make room in {cache} and {target}.")
        raise NoRoom(text.format(reason=reason, cache=source.cache, target=target)) from error


def _one_line(error: Exception) -> str:
    return "; ".join(line.strip(" .") for line in str(error).splitlines() if line.strip())
