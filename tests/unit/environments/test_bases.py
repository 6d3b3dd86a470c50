"""Which bases there are, which is active, and how that is changed: on folders with nothing but markers in them."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from neuronhub.environments.base.versions import (
    activate_base,
    choose_superfluous,
    find_active,
    hold_bases,
    remove_base,
)
from neuronhub.environments.bases import MARKER, Base, list_bases, read_active, read_base
from neuronhub.errors import BaseMissing, ConflictingState, EnvironmentBusy, EnvironmentFailed


def make_version(bases: Path, version: str, day: int = 1) -> Base:
    """A base that is nothing but its marker, made on a day of January."""
    path = bases / version
    (path / "conda-meta").mkdir(parents=True)
    base = Base(version, path, "3.11.2", datetime(2026, 1, day, tzinfo=UTC), ("python", "numpy >=2"))
    (path / MARKER).write_text(json.dumps(base.to_json()))
    return base


def versions(bases: Path) -> list[str]:
    return [base.version for base in list_bases(bases)]


def test_a_marker_says_all_of_a_base(tmp_path: Path) -> None:
    base = make_version(tmp_path, "one")
    assert read_base(base.path) == base
    assert base.site_packages == tmp_path / "one" / "lib" / "python3.11" / "site-packages"


def test_the_active_base_is_a_folder_that_stays_and_on_every_node_the_same(tmp_path: Path) -> None:
    base = make_version(tmp_path / "node" / "bases", "one")
    activate_base(tmp_path / "node" / "bases", "one")
    (tmp_path / "apps").symlink_to("node")  # where it leads may differ from node to node
    assert (tmp_path / "node" / "bases" / "current").readlink() == Path("one")
    assert read_active(tmp_path / "apps" / "bases").path == tmp_path / "apps" / "bases" / "one"
    assert read_base(tmp_path / "apps" / "bases" / "one").path == tmp_path / "apps" / "bases" / "one"
    assert read_active(tmp_path / "node" / "bases").path == base.path


def test_an_active_base_is_not_superfluous_however_its_link_is_written(tmp_path: Path) -> None:
    make_version(tmp_path / "node", "one")
    (tmp_path / "apps").symlink_to("node")
    (tmp_path / "node" / "current").symlink_to(tmp_path / "apps" / "one")
    assert choose_superfluous(tmp_path / "node", keep=0) == ()


def test_the_oldest_is_listed_first_and_half_made_ones_not_at_all(tmp_path: Path) -> None:
    for version, day in (("b", 2), ("a", 3), ("c", 1)):
        make_version(tmp_path, version, day)
    make_version(tmp_path, ".d.new")
    (tmp_path / "e").mkdir()
    (tmp_path / "current").symlink_to("a")
    assert versions(tmp_path) == ["c", "b", "a"]
    assert versions(tmp_path / "nowhere") == []


@pytest.mark.parametrize(
    "marker",
    ["", "nonsense", "[]", "{}", json.dumps({"format": 2}), '{"format": 1, "version": "x", "made_at": "never"}'],
)
def test_a_marker_that_makes_no_sense_is_no_base(tmp_path: Path, marker: str) -> None:
    make_version(tmp_path, "one")
    (tmp_path / "one" / MARKER).write_text(marker)
    (tmp_path / "current").symlink_to("one")
    with pytest.raises(BaseMissing, match="neuronhub base"):
        read_active(tmp_path)


def test_a_base_whose_marker_makes_no_sense_does_not_hide_the_others(tmp_path: Path) -> None:
    make_version(tmp_path, "one")
    make_version(tmp_path, "two")
    (tmp_path / "one" / MARKER).write_text("nonsense")
    assert versions(tmp_path) == ["two"]


def test_without_an_active_base_it_is_said_who_helps(tmp_path: Path) -> None:
    with pytest.raises(BaseMissing, match="An operator makes one"):
        read_active(tmp_path)
    (tmp_path / "current").symlink_to("gone")
    with pytest.raises(BaseMissing):
        read_active(tmp_path)
    assert find_active(tmp_path) is None


@pytest.mark.parametrize("version", ["nothing", "half", ".one.new", "current", "../bases/one", "", "."])
def test_only_a_whole_version_is_activated(tmp_path: Path, version: str) -> None:
    bases = tmp_path / "bases"
    make_version(bases, "one")
    make_version(bases, ".one.new")
    (bases / "half").mkdir()
    activate_base(bases, "one")
    with pytest.raises(BaseMissing, match="There are: one"):
        activate_base(bases, version)
    assert read_active(bases).version == "one"


def test_a_folder_in_the_place_of_the_link_is_left_alone(tmp_path: Path) -> None:
    make_version(tmp_path, "one")
    (tmp_path / "current").mkdir()
    with pytest.raises(ConflictingState, match="current is in the way"):
        activate_base(tmp_path, "one")


def test_at_no_moment_is_no_base_active(tmp_path: Path) -> None:
    for version in ("one", "two"):
        make_version(tmp_path, version)
    activate_base(tmp_path, "one")
    ended = threading.Event()
    seen: set[str] = set()

    def look() -> None:
        while not ended.is_set():
            seen.add(read_active(tmp_path).version)

    looker = threading.Thread(target=look)
    looker.start()
    for _ in range(300):
        activate_base(tmp_path, "two")
        activate_base(tmp_path, "one")
    ended.set()
    looker.join()
    assert seen <= {"one", "two"}
    assert looker.is_alive() is False
    assert read_active(tmp_path).version == "one"


def test_the_active_one_and_the_newest_others_are_kept(tmp_path: Path) -> None:
    for day, version in enumerate(("one", "two", "three", "four"), start=1):
        make_version(tmp_path, version, day)
    activate_base(tmp_path, "one")
    assert [base.version for base in choose_superfluous(tmp_path, 1)] == ["two", "three"]
    assert [base.version for base in choose_superfluous(tmp_path, 0)] == ["two", "three", "four"]
    assert choose_superfluous(tmp_path, 9) == ()
    remove_base(read_base(tmp_path / "two"))
    assert versions(tmp_path) == ["one", "three", "four"]
    assert not list(tmp_path.glob(".two*"))


def test_leftovers_of_killed_commands_go_and_nothing_else(tmp_path: Path) -> None:
    make_version(tmp_path, "one")
    outside = tmp_path.parent / "outside"
    make_version(outside, "kept")
    for name in (".two.new", ".three.old"):
        make_version(tmp_path, name)
    (tmp_path / ".current.new").symlink_to(outside)
    (tmp_path / ".cache").mkdir()
    with hold_bases(tmp_path):
        pass
    assert sorted(path.name for path in tmp_path.iterdir()) == [".cache", ".lock", "one"]
    assert versions(outside) == ["kept"]


def test_one_command_at_a_time(tmp_path: Path) -> None:
    with hold_bases(tmp_path / "bases"):
        (tmp_path / "bases" / ".one.new").mkdir()
        with pytest.raises(EnvironmentBusy, match="Another command"), hold_bases(tmp_path / "bases"):
            pytest.fail("both have it")
        assert (tmp_path / "bases" / ".one.new").exists()
    with hold_bases(tmp_path / "bases"):
        assert not (tmp_path / "bases" / ".one.new").exists()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EnvironmentFailed, match="Run the command as their owner"), hold_bases(tmp_path / "file" / "x"):
        pytest.fail("there is no such folder")
