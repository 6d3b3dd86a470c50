"""Full environments made from a channel of packages that were written by hand."""

from __future__ import annotations

import asyncio
import dataclasses
import functools
import hashlib
import io
import json
import os
import shutil
import tarfile
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from rattler import install
from rattler.index import index_fs
from tests.unit.environments.handmade import activate, make_layout

from neuronhub.environments.bases import MARKER, Base, read_base
from neuronhub.environments.conda.transaction import install_packages
from neuronhub.environments.diagnosis import read_status
from neuronhub.environments.layout import Layout
from neuronhub.environments.operations import ensure_environment, repair_environment, reset_environment
from neuronhub.environments.solution import Source, fetch_solution
from neuronhub.environments.types import Progress
from neuronhub.environments.verification import verify_records
from neuronhub.errors import BaseMissing, EnvironmentFailed

PLACEHOLDER = "/opt/placeholder_of_the_channel"


def ignore(_progress: Progress) -> None:
    pass


def add_package(channel: Path, name: str, version: str, files: dict[str, str]) -> None:
    """Write a conda package; files that name PLACEHOLDER name the environment once they are installed."""
    index = {"name": name, "version": version, "build": "0", "build_number": 0, "depends": [], "subdir": "noarch"}
    paths = []
    for place, text in files.items():
        digest = hashlib.sha256(text.encode()).hexdigest()
        entry = {"_path": place, "path_type": "hardlink", "sha256": digest, "size_in_bytes": len(text)}
        if PLACEHOLDER in text:
            entry |= {"prefix_placeholder": PLACEHOLDER, "file_mode": "text"}
        paths.append(entry)
    content = {
        "info/index.json": json.dumps(index),
        "info/paths.json": json.dumps({"paths": paths, "paths_version": 1}),
        "info/files": "\n".join(files),
        **files,
    }
    (channel / "noarch").mkdir(parents=True, exist_ok=True)
    with tarfile.open(channel / "noarch" / f"{name}-{version}-0.tar.bz2", "w:bz2") as archive:
        for place, text in content.items():
            member = tarfile.TarInfo(place)
            member.size = len(text)
            member.mode = 0o755 if place.startswith("bin/") else 0o644
            archive.addfile(member, io.BytesIO(text.encode()))


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return make_layout(tmp_path, "full")


def make_base(layout: Layout, version: str, spec: tuple[str, ...]) -> Base:
    """Install ``spec`` from the channel as a base, and activate it."""
    prefix = layout.bases / version
    source = Source(layout.channels, {}, layout.bases.parent / "cache-of-operator")

    async def fill() -> None:
        records = await fetch_solution(spec, source)
        await install(records, prefix, cache_dir=source.packages, show_progress=False)

    asyncio.run(fill())
    made = {"format": 1, "version": version, "made_at": "2026-11-01T00:00:00+00:00", "python": "3.11.2", "spec": spec}
    (prefix / MARKER).write_text(json.dumps(made), encoding="utf-8")
    activate(layout.bases, version)
    return read_base(prefix)


@pytest.fixture
def channel(tmp_path: Path) -> Path:
    folder = tmp_path / "channel"
    add_package(folder, "python", "3.11.2", {"bin/python": "#!/bin/sh\n", "lib/python3.11/site-packages/x": ""})
    add_package(folder, "tool", "1.0", {"bin/tool": f"#!{PLACEHOLDER}/bin/python\n", "share/tool/data": "1.0"})
    add_package(folder, "tool", "2.0", {"bin/tool": f"#!{PLACEHOLDER}/bin/python\n", "share/tool/data": "2.0"})
    add_package(folder, "own", "1.0", {"share/own/data": "own"})
    asyncio.run(index_fs(folder))
    return folder


@pytest.fixture
def base(layout: Layout, channel: Path) -> Base:
    return make_base(layout, "1", ("python", "tool=1.0"))


@pytest.fixture
def made(layout: Layout, base: Base) -> Layout:
    assert ensure_environment(layout, ignore)
    return layout


def test_environment_has_what_the_base_has(made: Layout) -> None:
    status = read_status(made)
    assert (status.kind, status.base, status.python, status.packages) == ("full", "1", "3.11.2", ())
    assert status.problems == ()
    assert (made.prefix / "bin" / "tool").read_text() == f"#!{made.prefix}/bin/python\n"
    assert str(made.base / "bin" / "neuronhub") in (made.prefix / "bin" / "neuronhub").read_text()
    assert os.listdir(made.envs) == ["notebook"]


def test_files_are_shared_with_the_users_package_cache(made: Layout) -> None:
    data = made.prefix / "share" / "tool" / "data"
    assert data.samefile(made.packages / "tool-1.0-0" / "share" / "tool" / "data")


def test_channel_is_seen_elsewhere_than_where_the_base_was_built(layout: Layout, base: Base, channel: Path) -> None:
    channel.rename(channel.with_name("moved"))
    moved = Layout(layout.conda, layout.bases, "full", (f"file://{channel.with_name('moved')}",), {}, None)
    assert ensure_environment(moved, ignore)
    assert (moved.prefix / "share" / "tool" / "data").read_text() == "1.0"


def test_channel_that_is_gone_makes_no_half_environment(layout: Layout, base: Base, channel: Path) -> None:
    shutil.rmtree(channel)
    with pytest.raises(EnvironmentFailed, match="could not be installed"):
        ensure_environment(layout, ignore)
    assert not layout.prefix.exists()


@pytest.fixture
def served(layout: Layout, channel: Path) -> Iterator[Layout]:
    """The same, with the channel on a web server."""

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *_words: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(channel)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield dataclasses.replace(layout, channels=(f"http://127.0.0.1:{server.server_port}",))
    server.shutdown()
    thread.join()
    server.server_close()


def test_package_that_was_changed_in_the_channel_is_refused(served: Layout, channel: Path) -> None:
    make_base(served, "1", ("python", "tool=1.0"))
    add_package(channel, "tool", "1.0", {"share/tool/data": "evil"})
    with pytest.raises(EnvironmentFailed, match="hash mismatch"):
        ensure_environment(served, ignore)
    assert not served.prefix.exists()


def test_failed_reset_leaves_the_old_one(made: Layout, channel: Path) -> None:
    shutil.rmtree(channel)
    shutil.rmtree(made.packages)
    with pytest.raises(EnvironmentFailed):
        reset_environment(made, ignore)
    assert read_status(made).problems == ()


def test_file_edited_in_place_and_with_it_the_cache_is_mended(made: Layout) -> None:
    data = made.prefix / "share" / "tool" / "data"
    data.write_text("edited")
    assert verify_records(made.prefix, "3.11.2").broken == {"tool"}
    repair_environment(made, ignore)
    assert data.read_text() == "1.0"
    assert (made.packages / "tool-1.0-0" / "share" / "tool" / "data").read_text() == "1.0"
    assert verify_records(made.prefix, "3.11.2").broken == frozenset()


@pytest.mark.parametrize("damage", ["file gone", "folder gone", "record gone", "record cut off", "command moved"])
def test_repair_mends_and_keeps_the_users_packages(made: Layout, damage: str) -> None:
    install_packages(made, made.prefix, ["own"], ignore)
    record = made.prefix / "conda-meta" / "tool-1.0-0.json"
    if damage == "file gone":
        (made.prefix / "bin" / "tool").unlink()
    elif damage == "folder gone":
        shutil.rmtree(made.prefix / "share")
    elif damage == "record gone":
        record.unlink()
    elif damage == "record cut off":
        record.write_text(record.read_text()[:50])
    else:
        (made.prefix / "bin" / "tool").write_text("#!/elsewhere/bin/python\n")
    repair_environment(made, ignore)
    assert (made.prefix / "bin" / "tool").read_text() == f"#!{made.prefix}/bin/python\n"
    assert (made.prefix / "share" / "tool" / "data").read_text() == "1.0"
    assert (made.prefix / "share" / "own" / "data").read_text() == "own"
    assert record.exists()
    assert [package.name for package in read_status(made).packages] == ["own"]


def test_commands_that_pip_made_elsewhere_start_this_python(made: Layout) -> None:
    command = made.prefix / "bin" / "own"
    command.write_text("#!/scratch/alice/.conda/envs/other/bin/python3\nprint()\n")
    repair_environment(made, ignore)
    assert command.read_text() == f"#!{made.prefix}/bin/python3\nprint()\n"


def test_repair_gives_commands_their_places_back_whatever_lies_there(made: Layout) -> None:
    door = made.prefix / "bin" / "neuronhub"
    text = door.read_text()
    door.unlink()
    (door / "full").mkdir(parents=True)
    (door / "full" / "of").touch()
    repair_environment(made, ignore)
    assert door.read_text() == text
    assert not [name for name in os.listdir(made.envs) if name.startswith(".")]


def test_repair_keeps_another_version_that_the_user_chose(made: Layout) -> None:
    install_packages(made, made.prefix, ["tool=2.0"], ignore)
    (made.prefix / "bin" / "tool").unlink()
    repair_environment(made, ignore)
    assert (made.prefix / "bin" / "tool").exists()
    assert (made.prefix / "share" / "tool" / "data").read_text() == "2.0"


def test_repair_puts_it_on_a_newer_base(made: Layout) -> None:
    install_packages(made, made.prefix, ["own"], ignore)
    make_base(made, "2", ("python", "tool=2.0"))
    assert [problem.code for problem in read_status(made).problems] == ["base-old"]
    repair_environment(made, ignore)
    status = read_status(made)
    assert (status.base, status.problems, [package.name for package in status.packages]) == ("2", (), ["own"])
    assert (made.prefix / "share" / "tool" / "data").read_text() == "2.0"


def test_base_whose_records_are_damaged(layout: Layout, base: Base) -> None:
    (base.path / "conda-meta" / "tool-1.0-0.json").write_text("{")
    with pytest.raises(BaseMissing, match="build it anew"):
        ensure_environment(layout, ignore)
