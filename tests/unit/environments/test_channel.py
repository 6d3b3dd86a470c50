from __future__ import annotations

import fcntl
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.unit.environments.wheels import make_wheel

from neuronhub.environments.channel import store
from neuronhub.environments.channel.cli import channel
from neuronhub.environments.channel.making import Order, Summary, make_channel
from neuronhub.environments.channel.wheels import read_wheel
from neuronhub.environments.types import Progress
from neuronhub.errors import ConflictingState, EnvironmentBusy, NoRoom, PackagesNotFound

Make = Callable[..., Summary]


def ignore(_progress: Progress) -> None:
    pass


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A wheelhouse with a package that needs one that is there, and one that is not."""
    house = tmp_path / "house"
    make_wheel(house, "Top", metadata="Requires-Dist: bottom[more]>=1\nRequires-Dist: nowhere<2")
    make_wheel(house, "bottom", "1.5", metadata="Requires-Dist: top; extra == 'more'")
    return house


@pytest.fixture
def make(tmp_path: Path, house: Path) -> Make:
    def make(**changes: object) -> Summary:
        return make_channel(Order(**{"out": tmp_path / "channel", "wheelhouse": house, **changes}), ignore)  # type: ignore[arg-type]

    return make


def list_packages(tmp_path: Path) -> list[str]:
    """Names of the packages in the channel's index, each as often as it is there."""
    names = []
    for subdir in ("noarch", "linux-64"):
        index = json.loads((tmp_path / "channel" / subdir / "repodata.json").read_text(encoding="utf-8"))
        names += [package["name"] for package in index["packages.conda"].values()]
    return sorted(names)


def lock(folder: Path, *wheels: Path) -> Path:
    """A requirements file that pins ``wheels``."""
    lines = []
    for path in wheels:
        wheel = read_wheel(path)
        lines.append(f"{wheel.name}=={wheel.version} --hash=sha256:{wheel.sha256}\n")
    file = folder / "requirements.txt"
    file.write_text("".join(lines), encoding="utf-8")
    return file


def test_every_wheel_of_a_folder(make: Make, tmp_path: Path) -> None:
    summary = make()
    assert (summary.made, summary.kept) == (4, 0)
    assert list_packages(tmp_path) == ["bottom", "bottom-with-more", "python", "top"]
    assert summary.missing == ("nowhere <2dev0: asked for by top, and not in the channel.",)
    assert summary.size_bytes == sum(path.stat().st_size for path in (tmp_path / "channel").glob("*/*.conda"))
    assert not (tmp_path / "channel" / ".new").exists()


def test_nothing_is_made_twice(make: Make, tmp_path: Path) -> None:
    make()
    dates = {path: path.stat().st_mtime_ns for path in (tmp_path / "channel").glob("*/*.conda")}
    summary = make()
    assert (summary.made, summary.kept) == (0, 4)
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "channel").glob("*/*.conda")} == dates


def test_other_content_is_another_build_that_is_preferred(make: Make, house: Path, tmp_path: Path) -> None:
    make()
    make_wheel(house, "top", metadata="Summary: renewed")
    assert make().made == 1
    builds = {path.name.split("-")[2]: path for path in (tmp_path / "channel" / "noarch").glob("top-1.0-*.conda")}
    assert sorted(build.split("_")[1] for build in builds) == ["0.conda", "1.conda"]
    assert list_packages(tmp_path).count("top") == 2


def test_dropped_dependencies_make_another_build(make: Make) -> None:
    make()
    summary = make(without=frozenset(["nowhere"]))
    assert (summary.made, summary.missing) == (1, ())


def test_what_the_channel_knows_is_not_needed_again(make: Make, house: Path, tmp_path: Path) -> None:
    locked = lock(tmp_path, *house.glob("*.whl"))
    make(requirements=(locked,), use_index=False)
    for wheel in house.glob("*.whl"):
        wheel.unlink()
    assert make(requirements=(locked,), use_index=False).kept == 4
    with pytest.raises(PackagesNotFound, match="No wheel for this Python and platform of: top"):
        make(requirements=(locked,), use_index=False, without=frozenset(["nowhere"]))


def test_only_what_is_pinned(make: Make, house: Path, tmp_path: Path) -> None:
    make(requirements=(lock(tmp_path, *house.glob("bottom-*.whl")),), use_index=False)
    assert list_packages(tmp_path) == ["bottom", "python"]


def test_broken_wheel_leaves_the_others(make: Make, house: Path, tmp_path: Path) -> None:
    make()
    make_wheel(house, "bad", entry_points="[console_scripts]\nbad = nothing\n")
    with pytest.raises(ConflictingState, match=r"bad-1\.0-py3-none-any\.whl is no sound wheel"):
        make()
    assert list_packages(tmp_path) == ["bottom", "bottom-with-more", "python", "top"]
    (house / "bad-1.0-py3-none-any.whl").unlink()
    assert make().kept == 4


def test_progress_never_falls(house: Path, tmp_path: Path) -> None:
    told: list[Progress] = []
    make_channel(Order(tmp_path / "channel", wheelhouse=house), told.append)
    shares = [progress.done for progress in told]
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0.0, 1.0)
    assert "Making 4 packages." in {progress.step for progress in told}


def test_one_at_a_time(make: Make, tmp_path: Path) -> None:
    (tmp_path / "channel").mkdir()
    with (tmp_path / "channel" / ".lock").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(EnvironmentBusy):
            make()


def test_disk_full(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    full = Path("/dev/full")

    def write(out: Path, *_anything: object) -> None:
        with full.open("w") as file:
            file.write("package")

    monkeypatch.setattr("neuronhub.environments.channel.making.write_packages", write)
    with pytest.raises(NoRoom, match="No space left on device"):
        make()


def test_unreadable_inventory(make: Make, tmp_path: Path) -> None:
    make()
    inventory = tmp_path / "channel" / store.INVENTORY
    inventory.write_text("{", encoding="utf-8")
    with pytest.raises(ConflictingState, match="is damaged"):
        make()
    inventory.unlink()
    assert make().kept == 4


def run(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(channel, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


def test_command(house: Path, tmp_path: Path) -> None:
    out = tmp_path / "channel"
    code, text = run("--out", out, "--wheelhouse", house)
    assert code == 0
    assert f"{out}: 4 packages made, 0 there before" in text
    assert "Warning: nowhere <2dev0: asked for by top" in text
    assert "shared libraries" in text
    assert "[100%] The channel is ready." in text


def test_command_without_warning_where_names_are_dropped(house: Path, tmp_path: Path) -> None:
    names = tmp_path / "names.txt"
    names.write_text("# why\nNowhere\n", encoding="utf-8")
    code, text = run("--out", tmp_path / "channel", "--wheelhouse", house, "--excludes", names, "--strict")
    assert (code, "nowhere" in text) == (0, False)


def test_command_may_insist_on_completeness(house: Path, tmp_path: Path) -> None:
    with pytest.raises(PackagesNotFound, match="nowhere <2dev0: asked for by top"):
        run("--out", tmp_path / "channel", "--wheelhouse", house, "--strict")


def test_command_wants_something_to_make_it_of(tmp_path: Path) -> None:
    code, text = run("--out", tmp_path / "channel")
    assert (code, "Name requirements files, or a wheelhouse" in text) == (2, True)
    assert not (tmp_path / "channel").exists()
