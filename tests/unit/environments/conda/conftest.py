from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.unit.environments.conda.packages import Made, make_channel, python_package

from neuronhub.environments import bases
from neuronhub.environments.bases import Base, read_base
from neuronhub.environments.conda.commands import run_command
from neuronhub.environments.installation import install_records
from neuronhub.environments.layered import make_layered
from neuronhub.environments.layout import Layout
from neuronhub.environments.solution import Source, fetch_solution

CHANNEL = (
    Made(
        "python", "3.11.2", ("zlib",), {"bin/python3.11": "#!/bin/sh\n", "lib/python3.11/os.py": "", "bin/python": ""}
    ),
    Made("python", "3.12.1", ("zlib",), {"bin/python3.12": "#!/bin/sh\n"}),
    Made("zlib", "1.3", (), {"lib/libz.so.1": "z"}),
    Made("blas", "3.9", ("gfortran",), {"lib/libblas.so.3": "blas", "include/blas.h": ""}),
    Made("gfortran", "5.0", (), {"lib/libgfortran.so.5": "fortran"}),
    Made("data", "1.0", (), {"share/data.txt": "", "lib/data/deep.so": ""}),
    python_package("numeric", "1.26", ("blas",), entry_points=("numeric-tool = numeric:main",)),
    python_package("numeric", "2.1", ("blas",), entry_points=("numeric-tool = numeric:main",)),
    python_package("frames", "1.0", ("numeric >=2",)),
    python_package("frames", "0.9", ("numeric >=1,<2",)),
    python_package("ipykernel", "7.0"),
    python_package("solver", "1.0", ("numeric", "blas", "data")),
    python_package("old-solver", "1.0", ("numeric <2",)),
    python_package("plotter", "1.0", ("solver",)),
    python_package("plotter", "1.1", ("solver",)),
    python_package("theano-like", "1.0"),
    python_package("pytensor", "2.0"),
)
BASE = ("python=3.11", "numeric", "frames", "ipykernel", "data")
SITE = """
[hub]
public_url = "https://jupyter.example.org"
proxy_token_file = "/nonexistent"
cookie_secret_file = "/nonexistent"
start_key_file = "/nonexistent"
state_dir = "/nonexistent"
[places]
scratch = {scratch}
bases = {bases}
[environments]
channels = [{channel}]
[[queues]]
name = "jupyter"
"""
USER, USER_ID = "nobody", 65534


@dataclass(frozen=True)
class Place:
    """A site with a base, and one user with a notebook environment on it."""

    layout: Layout
    base: Base
    channel: str
    folder: Path

    @property
    def packages(self) -> Path:
        """Where the environment keeps Python packages."""
        return self.layout.prefix / "lib/python3.11/site-packages"

    def version(self, name: str) -> str | None:
        """The version of a package in the environment itself, by its module; None when it has none."""
        module = self.packages / f"{name.replace('-', '_')}.py"
        return module.read_text().split("'")[1] if module.is_file() else None

    def records(self) -> list[str]:
        """What conda's records name, with versions."""
        names = (path.name.removesuffix("-0.json") for path in (self.layout.prefix / "conda-meta").glob("*.json"))
        return sorted(names)


@pytest.fixture(scope="session")
def _site(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A base that is read only, and the URL of the channel that it came from."""
    folder = tmp_path_factory.mktemp("conda")
    url = make_channel(folder / "channel", *CHANNEL)
    prefix = folder / "bases" / "1"
    source = Source((url,), {}, folder / "cache")

    async def build() -> None:
        records = await fetch_solution(BASE, source)
        await install_records(records, prefix, source, location=prefix, spec=BASE, report=lambda _done, _of: None)

    asyncio.run(build())
    marker = {"format": 1, "version": "1", "made_at": "2026-01-01T00:00:00+00:00", "python": "3.11.2", "spec": BASE}
    (prefix / bases.MARKER).write_text(json.dumps(marker))
    (folder / "bases" / "current").symlink_to("1")
    return folder, url


@pytest.fixture
def place(_site: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """Where commands run, with the environment notebook active."""
    folder, channel = _site
    scratch = tmp_path / "scratch"
    site_file = tmp_path / "site.toml"
    words = {"scratch": scratch, "bases": folder / "bases", "channel": channel}
    site_file.write_text(SITE.format(**{name: json.dumps(str(value)) for name, value in words.items()}))
    layout = Layout(scratch / USER / ".conda", folder / "bases", "layered", (channel,), {}, None)
    layout.prefix.mkdir(parents=True)
    base = read_base(layout.base)
    make_layered(layout, base, layout.prefix, lambda _progress: None)
    monkeypatch.setattr(os, "getuid", lambda: USER_ID)
    for name in [name for name in os.environ if name.startswith("CONDA")]:
        monkeypatch.delenv(name)
    for name, value in (
        ("NEURONHUB_SITE", site_file),
        ("CONDA_PREFIX", layout.prefix),
        ("HOME", tmp_path),
        ("COLUMNS", "200"),
    ):
        monkeypatch.setenv(name, str(value))
    return Place(layout, base, channel, tmp_path)


@pytest.fixture
def conda(place: Place, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Runs a command that succeeds; returns what it printed."""

    def run(*words: str, code: int = 0) -> str:
        assert run_command(words) == code
        return capsys.readouterr().out

    return run
