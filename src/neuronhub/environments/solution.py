"""Packages from conda channels, and which of them together satisfy a spec (rattler).

Runs in commands, never in the hub or while a Jupyter server starts.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rattler import (
    Channel,
    Config,
    Gateway,
    MatchSpec,
    RepoDataRecord,
    VirtualPackage,
    VirtualPackageOverrides,
    solve,
)
from rattler.exceptions import (
    DetectVirtualPackageError,
    GatewayError,
    InvalidMatchSpecError,
    IoError,
    SolverError,
)
from rattler.networking import Client

from neuronhub.errors import EnvironmentFailed, NoRoom, PackagesNotFound
from neuronhub.language import translate as _

_FULL = ("No space left on device", "Disk quota exceeded", "os error 28", "os error 122")
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
    def mirror_urls(self) -> dict[str, list[str]]:
        """Channel -> mirrors, all as URLs."""
        return {_url(name).rstrip("/"): [url.rstrip("/") for url in self._mirrors(name)] for name in self.mirrors}

    @property
    def packages(self) -> Path:
        """The cache of fetched and extracted packages."""
        return self.cache / "pkgs"

    def open_client(self) -> Client:
        """The client for all that is fetched over HTTP; raises EnvironmentFailed where the certificates are missing."""
        lines = (f"{json.dumps(url)} = {json.dumps(instead)}\n" for url, instead in self.mirror_urls.items())
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
        refuse_full(error, source, source.cache)
        raise EnvironmentFailed(
            _("A channel cannot be read: {reason}. Look at channels and mirrors in the site file.").format(
                reason=one_line(error)
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
                channels=", ".join(source.channels), reason=one_line(error)
            )
        ) from error
    return sorted(records, key=lambda record: record.name.normalized)


def refuse_full(error: Exception, source: Source, target: Path) -> None:
    """Raise NoRoom when that is what ``error`` is about."""
    reason = one_line(error)
    if any(words in reason for words in _FULL):
        text = _("There is no room for the packages: {reason}. Make room in {cache} and {target}.")
        raise NoRoom(text.format(reason=reason, cache=source.cache, target=target)) from error


def one_line(error: Exception) -> str:
    """What ``error`` says, without the lines and full stops of a library's own report."""
    return "; ".join(line.strip(" .") for line in str(error).splitlines() if line.strip())
