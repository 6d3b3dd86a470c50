"""``neuronhub base`` as operators call it, on a tiny channel with a real Python; also killed, or on a full disk."""

from __future__ import annotations

import functools
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from tests.unit.environments.wheels import make_wheel

from neuronhub.environments.base.versions import hold_bases
from neuronhub.environments.channel.making import Order, make_channel

pytestmark = pytest.mark.contract

COMMAND = (sys.executable, "-m", "neuronhub.cli", "base")
LOCATION = Path("/apps/jupyter/bases")


def make_hello(wheels: Path, version: str = "1.0", text: str = "") -> None:
    """A wheel with a module and a command."""
    metadata = "Requires-Dist: greeting"
    entry = "[console_scripts]\nhello = hello:main\n"
    code = f"from greeting import TEXT\n{text}\ndef main() -> None:\n    print(TEXT, '{version}')\n"
    make_wheel(wheels, "hello", version, metadata=metadata, files={"hello.py": code}, entry_points=entry)


class QuietHandler(SimpleHTTPRequestHandler):
    """Serves files and says nothing."""

    def log_message(self, *_words: object) -> None:
        """Nothing."""


@dataclass(frozen=True)
class Site:
    """A channel of a handful of packages, and a folder for bases."""

    folder: Path
    cache: Path

    @property
    def bases(self) -> Path:
        return self.folder / "bases"

    @property
    def channel(self) -> Path:
        return self.folder / "channel"

    def add(self, version: str, text: str = "") -> None:
        """Put another version of hello into the channel."""
        wheels = self.folder / f"wheels-{version}"
        make_hello(wheels, version, text)
        make_channel(Order(self.channel, wheelhouse=wheels, use_index=False), lambda _progress: None)

    def command(self, action: str, *arguments: str) -> list[str]:
        return [*COMMAND, action, "--bases", str(self.bases), *arguments]

    def building(self, *options: str) -> list[str]:
        cache = () if "--cache" in options else ("--cache", str(self.cache))
        channel = () if "--channel" in options else ("--channel", self.channel.as_uri())
        spec = () if str(self.folder) in options[-1:] else (str(self.folder / "spec.txt"),)
        return self.command("build", "--location", str(LOCATION), *cache, *channel, *options, *spec)

    def run(self, action: str, *arguments: str, stdin: str = "") -> str:
        """What the command prints; it has to succeed."""
        argv = self.building(*arguments) if action == "build" else self.command(action, *arguments)
        done = subprocess.run(argv, text=True, capture_output=True, input=stdin, check=False, timeout=120)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def refused(self, action: str, *arguments: str) -> str:
        """What the command says against it; nothing of a base is left."""
        before = self.versions()
        argv = self.building(*arguments) if action == "build" else self.command(action, *arguments)
        done = subprocess.run(argv, text=True, capture_output=True, input="", check=False, timeout=120)
        assert (done.returncode, done.stdout) == (1, "")
        assert "Traceback" not in done.stderr
        assert self.versions() == before
        assert not list(self.bases.glob(".*.new"))
        return re.sub(r"\s+", " ", done.stderr)

    def entries(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.run("list", "--json"))
        return found

    def versions(self) -> list[str]:
        return [entry["version"] for entry in self.entries()]

    def say_hello(self, version: str) -> str:
        """What the base's own Python makes of the module."""
        python = self.bases / version / "bin" / "python"
        argv = [str(python), "-I", "-c", "import hello; hello.main()"]
        return subprocess.check_output(argv, text=True).strip()


@pytest.fixture(scope="session")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A channel with Python, pip's stand-in and two packages; and a cache, in ``cache``."""
    folder = tmp_path_factory.mktemp("origin")
    make_wheel(folder / "wheels", "greeting", files={"greeting.py": "TEXT = 'hello'\n"})
    make_hello(folder / "wheels")
    make_channel(Order(folder / "channel", wheelhouse=folder / "wheels", use_index=False), lambda _progress: None)
    return folder


@pytest.fixture
def made(origin: Path, tmp_path: Path) -> Site:
    """A site of its own for the test, with a cache that is warm after the first."""
    shutil.copytree(origin / "channel", tmp_path / "channel")
    (tmp_path / "spec.txt").write_text("python\nhello\n")
    return Site(tmp_path, origin / "cache")


def test_a_base_is_whole_and_knows_its_final_place_only(made: Site) -> None:
    made.run("build", "--version", "one")
    base = made.bases / "one"
    assert made.say_hello("one") == "hello 1.0"
    head = (base / "bin" / "hello").read_text().splitlines()[0]
    assert head.startswith(f"#!{LOCATION}/one/bin/python")
    own = str(made.bases).encode()
    naming = [path for path in base.rglob("*") if path.is_file() and not path.is_symlink() and own in path.read_bytes()]
    assert [path for path in naming if path.parent.name != "conda-meta"] == []
    (entry,) = made.entries()
    assert (entry["version"], entry["active"], entry["packages"]) == ("one", False, 3)
    assert entry["size_bytes"] > 10_000_000


def test_our_own_commands_run_whatever_is_in_the_home_folder(made: Site, tmp_path: Path) -> None:
    files = {"neuronhub/__init__.py": "", "neuronhub/cli.py": "def main():\n    print('mended')\n"}
    entry = "[console_scripts]\nneuronhub = neuronhub.cli:main\n"
    make_wheel(tmp_path / "ours", "neuronhub", files=files, entry_points=entry)
    make_channel(Order(made.channel, wheelhouse=tmp_path / "ours", use_index=False), lambda _progress: None)
    (tmp_path / "spec.txt").write_text("python\nneuronhub\n")
    made.run("build", "--location", str(made.bases), "--version", "one")
    (library,) = (made.bases / "one" / "lib").glob("python3.*")
    own = tmp_path / "home" / ".local" / "lib" / library.name / "site-packages"
    own.mkdir(parents=True)
    for name in ("usercustomize.py", "sitecustomize.py", "json.py"):
        (own / name).write_text("raise SystemExit('broken')\n")
    (own / "bomb.pth").write_text("import os; os._exit(7)\n")
    environment = {"HOME": str(tmp_path / "home"), "PYTHONPATH": str(own), "PYTHONHOME": "/nowhere"}
    argv = [str(made.bases / "one" / "bin" / "neuronhub")]
    assert subprocess.check_output(argv, env=environment, text=True) == "mended\n"


def test_everyone_can_read_a_base_and_only_its_owner_write(made: Site) -> None:
    os.umask(0o077)
    try:
        made.run("build", "--version", "one")
    finally:
        os.umask(0o022)
    for path in (made.bases, *(made.bases / "one").rglob("*"), made.bases / "one"):
        if path.is_symlink():
            continue
        mode = path.stat().st_mode
        assert mode & 0o044 == 0o044, path
        assert mode & 0o022 == 0, path
        assert not path.is_dir() or mode & 0o011 == 0o011, path


def test_all_its_bytecode_is_there_and_that_of_the_sources(made: Site) -> None:
    for version in ("one", "two"):  # the second one takes it from the cache
        made.run("build", "--version", version)
        library = made.bases / version / "lib" / f"python3.{sys.version_info.minor}"
        sources = [path for path in library.rglob("*.py") if "/tests/" not in f"{path}"]
        assert len(sources) > 500
        compiled = [path for path in sources if Path(importlib.util.cache_from_source(str(path))).exists()]
        for source in compiled:
            data = Path(importlib.util.cache_from_source(str(source))).read_bytes()
            assert data[4:16] == b"\x01\0\0\0" + importlib.util.source_hash(source.read_bytes()), source
        assert [path for path in set(sources) - set(compiled) if "bad" not in path.name] == []


def test_a_mirror_in_a_folder_is_not_seen_in_the_records(made: Site) -> None:
    seen = "file:///apps/jupyter/channel"
    made.run("build", "--channel", seen, "--mirror", seen, made.channel.as_uri(), "--version", "one")
    records = [json.loads(path.read_text()) for path in (made.bases / "one" / "conda-meta").glob("*.json")]
    assert len(records) == 3
    assert all(record["url"].startswith(f"{seen}/") and record["channel"] == f"{seen}/" for record in records)


def test_a_mirror_over_http_is_asked_in_the_channels_place(made: Site) -> None:
    seen = "https://channel.invalid/site"
    handler = functools.partial(QuietHandler, directory=str(made.channel))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        mirror = f"http://127.0.0.1:{server.server_port}"
        cache = str(made.folder / "cache")
        made.run("build", "--channel", seen, "--mirror", seen, mirror, "--cache", cache, "--version", "one")
        server.shutdown()
    assert made.say_hello("one") == "hello 1.0"
    records = [json.loads(path.read_text()) for path in (made.bases / "one" / "conda-meta").glob("*.json")]
    assert all(record["url"].startswith(f"{seen}/") for record in records)


def test_what_was_locked_is_made_again_until_it_is_solved_anew(made: Site) -> None:
    made.run("build", "--version", "one")
    made.add("2.0")
    made.run("build", "--version", "two")
    assert made.say_hello("two") == "hello 1.0"
    made.run("build", "--version", "three", "--update")
    assert made.say_hello("three") == "hello 2.0"
    made.run("build", "--version", "four")
    assert made.say_hello("four") == "hello 2.0"
    records = [
        sorted(path.name for path in (made.bases / name / "conda-meta").glob("*.json")) for name in ("one", "two")
    ]
    assert records[0] == records[1]


def test_another_spec_is_solved_anew(made: Site) -> None:
    made.run("build")
    made.add("2.0")
    (made.folder / "spec.txt").write_text("hello >=1.5\npython\n")
    assert made.say_hello(made.run("build")) == "hello 2.0"
    assert len(made.versions()) == 2


def test_versions_are_called_after_the_day_and_a_number(made: Site) -> None:
    names = [made.run("build"), made.run("build")]
    assert [re.sub(r"^\d{4}-\d\d-\d\d\.", "", name) for name in names] == ["1", "2"]
    assert made.versions() == names


@pytest.mark.parametrize("version", ["current", "../outside", ".hidden", "", "a b", "x" * 65, "-x/y"])
def test_a_version_may_not_be_called_so(made: Site, version: str) -> None:
    assert "cannot be a version" in made.refused("build", f"--version={version}")


def test_a_version_is_never_made_twice(made: Site) -> None:
    made.run("build", "--version", "one")
    assert "choose another --version" in made.refused("build", "--version", "one")


def test_a_killed_build_is_no_base_and_the_next_one_clears_up(made: Site) -> None:
    process = subprocess.Popen(
        made.building("--version", "one"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    half = made.bases / ".one.new"
    deadline = time.monotonic() + 60
    while not list(half.glob("conda-meta/*.json")):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.005)
    os.killpg(process.pid, 9)
    process.wait()
    assert half.is_dir()
    assert made.versions() == []
    assert "There is no base one" in made.refused("activate", "one")
    assert not half.exists()
    made.run("build", "--version", "one")
    assert made.say_hello("one") == "hello 1.0"


def test_two_at_once_do_not_disturb_each_other(made: Site) -> None:
    with hold_bases(made.bases):
        done = subprocess.run(made.building(), text=True, capture_output=True, check=False, timeout=60)
        assert done.returncode == 1
        assert "Another command works on the bases" in done.stderr
    argv = [made.building("--version", version) for version in ("one", "two")]
    both = [subprocess.Popen(each, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for each in argv]
    said = [process.communicate(timeout=120) for process in both]
    for process, (_out, error) in zip(both, said, strict=True):
        assert process.returncode == 0 or "Another command works on the bases" in error
    whole = made.versions()
    assert len(whole) == sum(process.returncode == 0 for process in both) >= 1
    assert all(made.say_hello(version) == "hello 1.0" for version in whole)


def test_what_no_channel_has_is_named(made: Site) -> None:
    (made.folder / "spec.txt").write_text("python\nno-such-package >=3\n")
    assert "no-such-package >=3" in made.refused("build")
    (made.folder / "spec.txt").write_text("greeting >=2\n")
    assert "greeting >=2" in made.refused("build")
    assert not (made.folder / "spec.txt.lock").exists()


def test_a_channel_that_cannot_be_read_is_named(made: Site) -> None:
    said = made.refused("build", "--channel", "file:///no/such/channel")
    assert "A channel cannot be read" in said
    assert "/no/such/channel" in said


@pytest.mark.parametrize("damage", ["cut", "changed", "gone"])
def test_a_corrupt_package_is_named_and_not_installed(made: Site, tmp_path: Path, damage: str) -> None:
    package = next((made.channel / "noarch").glob("hello-1.0-*.conda"))
    data = package.read_bytes()
    package.unlink()
    if damage != "gone":
        package.write_bytes(data[: len(data) // 2] if damage == "cut" else data[:200] + bytes(50) + data[250:])
    said = made.refused("build", "--cache", str(tmp_path / "cache"))
    assert "A package could not be installed" in said
    assert package.name in said
    package.write_bytes(data)
    made.run("build", "--cache", str(tmp_path / "cache"), "--version", "one")
    assert made.say_hello("one") == "hello 1.0"


def test_what_does_not_start_is_no_base(made: Site) -> None:
    made.add("3.0", "raise RuntimeError('broken on purpose')")
    said = made.refused("build")
    assert "does not start" in said
    assert "hello: broken on purpose" in said


def test_a_base_needs_python(made: Site) -> None:
    (made.folder / "spec.txt").write_text("python\n")
    shutil.rmtree(made.channel / "linux-64")
    assert "python" in made.refused("build", "--update")


def test_a_full_disk_leaves_nothing(made: Site) -> None:
    made.bases.mkdir()
    mount = 'mount -t tmpfs -o size=12m none "$1" && shift && exec "$@"'
    argv = ["/usr/bin/unshare", "--mount", "/bin/sh", "-c", mount, "sh", str(made.bases), *made.building()]
    done = subprocess.run(argv, text=True, capture_output=True, check=False, timeout=120)
    assert done.returncode == 1
    assert "There is no room" in done.stderr
    assert str(made.bases) in done.stderr


def test_the_active_one_is_marked_and_is_never_deleted(made: Site) -> None:
    for version in ("one", "two", "three"):
        made.run("build", "--version", version)
    made.run("activate", "one")
    assert [entry["version"] for entry in made.entries() if entry["active"]] == ["one"]
    assert re.search(r"^\* +one ", made.run("list"), re.MULTILINE)
    assert "There is no base four" in made.refused("activate", "four")
    asked = subprocess.run(
        made.command("prune", "--keep", "0"), text=True, capture_output=True, input="n\n", check=False, timeout=60
    )
    assert asked.returncode == 1
    assert "neuronhub env repair" in asked.stdout
    assert made.versions() == ["one", "two", "three"]
    made.run("prune", "--yes")
    assert made.versions() == ["one", "three"]
    made.run("prune", "--yes", "--keep", "0")
    assert made.versions() == ["one"]
    assert "nothing to delete" in made.run("prune", "--keep", "0")
    assert made.say_hello("current") == "hello 1.0"
