"""Real wheels become a channel; rattler makes a prefix of it; what is in that works and pip knows of it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

CHECKOUT = Path(__file__).resolve().parents[3]
LOCKS = ("base.txt", "channel-older.txt")

NAMES = {
    *("pip", "six", "tqdm", "pyyaml"),  # pure and compiled, some with commands
    *("fonttools", "pygments"),  # data files and commands of a compiled and of a pure one
    *("attrs", "jsonschema", "jsonschema-specifications", "referencing", "rpds-py", "typing-extensions"),
    *("fqdn", "idna", "jsonpointer", "rfc3339-validator", "rfc3986-validator", "uri-template", "webcolors"),
    *("jupyter-events", "python-json-logger", "traitlets", "packaging"),  # asks for jsonschema[format-nongpl]
}

# Installs in a process of its own: rattler sometimes aborts when the interpreter ends.
INSTALL = """
import asyncio, os, sys
from rattler import Gateway, MatchSpec, VirtualPackage, solve
from rattler.install import install

channel, prefix, cache, *specs = sys.argv[1:]

async def main():
    records = await solve(
        [channel], specs, gateway=Gateway(cache_dir=cache), platforms=["linux-64", "noarch"],
        virtual_packages=VirtualPackage.detect(),
    )
    await install(records, target_prefix=prefix, cache_dir=cache, show_progress=False)

asyncio.run(main())
os._exit(0)
"""

QUESTION = """
import json, site, sqlite3, ssl, sys, sysconfig
print(json.dumps([sys.prefix, sys.base_prefix, site.getsitepackages(), sys.path, sysconfig.get_paths(),
                  sysconfig.get_preferred_scheme("prefix")]))
"""

pytestmark = pytest.mark.contract


@pytest.fixture(scope="module")
def channel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A channel of a handful of packages of the base, made by the command."""
    folder = tmp_path_factory.mktemp("channel")
    requirements = []
    for name in LOCKS:
        text = (CHECKOUT / "requirements" / name).read_text(encoding="utf-8")
        blocks = re.findall(r"^\S.*(?:\n\s+.*)*", text, flags=re.MULTILINE)
        requirements.append(folder / name)
        requirements[-1].write_text("\n".join(block for block in blocks if re.split(r"[=\[; ]", block)[0] in NAMES))
    excludes = CHECKOUT / "requirements" / "base-without.txt"
    command = [
        *(sys.executable, "-m", "neuronhub.cli", "base", "channel", "--strict"),
        *("--out", str(folder / "channel"), "--excludes", str(excludes), *map(str, requirements)),
    ]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    return folder / "channel"


@pytest.fixture(scope="module")
def prefix(channel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment made of it, with all but the older versions."""
    prefix = tmp_path_factory.mktemp("environments") / "one"
    install(channel, prefix, "python", *sorted(NAMES))
    return prefix


def install(channel: Path, prefix: Path, *specs: str) -> None:
    cache = prefix.parent / "cache"
    subprocess.run([sys.executable, "-c", INSTALL, channel.as_uri(), str(prefix), str(cache), *specs], check=True)


def run(program: Path, *arguments: str) -> str:
    """What a program prints; without this checkout's environment around it."""
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(program.parent.parent)}
    done = subprocess.run([program, *arguments], capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_python_lives_where_it_was_put(prefix: Path) -> None:
    (library,) = (prefix / "lib").glob("python3.*")
    archive = prefix / "lib" / f"{library.name.replace('.', '')}.zip"
    packages = library / "site-packages"
    for flags in ((), ("-I",), ("-X", "frozen_modules=off")):
        own, base, folders, path, places, scheme = json.loads(run(prefix / "bin/python", *flags, "-c", QUESTION))
        assert (own, base, folders) == (str(prefix), str(prefix), [str(packages)])
        assert [entry for entry in path if entry] == [
            *(str(archive), str(library), str(library / "lib-dynload"), str(packages))
        ]
        assert (places["purelib"], places["scripts"], scheme) == (str(packages), f"{prefix}/bin", "posix_prefix")


def test_virtual_environment_on_it_sees_its_own_packages_only(prefix: Path, tmp_path: Path) -> None:
    run(prefix / "bin" / "python", "-m", "venv", "--without-pip", str(tmp_path / "venv"))
    question = "import sys, sysconfig; print(sysconfig.get_path('purelib')); import yaml"
    done = subprocess.run([tmp_path / "venv/bin/python", "-c", question], capture_output=True, text=True, check=False)
    assert done.stdout.startswith(f"{tmp_path}/venv/lib/")
    assert "No module named 'yaml'" in done.stderr


def test_pip_knows_what_is_there(prefix: Path) -> None:
    rows = json.loads(run(prefix / "bin/pip", "list", "--format=json"))
    listed = {str(canonicalize_name(row["name"])): row["version"] for row in rows}
    assert set(listed) == NAMES
    assert listed["six"] == "1.17.0"
    assert "No broken requirements" in run(prefix / "bin/pip", "check")


def test_commands_run(prefix: Path) -> None:
    assert re.fullmatch(r"[0-9.]+\n", run(prefix / "bin/ttx", "--version"))
    assert re.fullmatch(r"[0-9.]+\n", run(prefix / "bin/tqdm", "--version"))
    assert run(prefix / "bin/pygmentize", "-V").startswith("Pygments version")


def test_modules_work(prefix: Path) -> None:
    code = "import yaml, jsonschema; print(yaml.__with_libyaml__, bool(jsonschema.Draft202012Validator({})))"
    assert run(prefix / "bin/python", "-c", code).split() == ["True", "True"]


def test_extras_are_there_without_what_was_dropped(prefix: Path) -> None:
    records = {path.name.rsplit("-", 2)[0] for path in (prefix / "conda-meta").glob("*.json")}
    assert "jsonschema-with-format-nongpl" in records
    assert not any(name.startswith(("rfc3987", "isoduration")) for name in records)


def test_pip_uninstalls_a_package_without_a_trace(channel: Path, tmp_path: Path) -> None:
    prefix = tmp_path / "two"
    install(channel, prefix, "python", "pip", "fonttools", "pygments")
    run(prefix / "bin/pip", "uninstall", "--yes", "fonttools", "Pygments")
    left = [path for path in prefix.rglob("*") if re.search("fonttools|pygment|ttx", path.name, re.IGNORECASE)]
    assert {path.parent.name for path in left} == {"conda-meta", "_vendor"}  # pip has a Pygments of its own


def test_an_older_version_can_be_had(channel: Path, tmp_path: Path) -> None:
    prefix = tmp_path / "older"
    install(channel, prefix, "python", "six <1.17", "tqdm")
    assert run(prefix / "bin/python", "-c", "import six; print(six.__version__)").strip() == "1.16.0"
