from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.unit.environments.conda.conftest import Place

from neuronhub.environments.conda.arguments import WRONG_USE
from neuronhub.environments.conda.transaction import install_packages
from neuronhub.errors import ConflictingState, EnvironmentFailed, PackagesNotFound

Conda = Callable[..., str]


def test_says_plainly_what_it_is(conda: Conda) -> None:
    for words in ("--version",), ("-V",):
        printed = conda(*words)
        assert "not Anaconda's conda" in printed
        assert "does not build packages" in printed


@pytest.mark.parametrize("words", [("build", "x"), ("install", "--no-deps", "x"), ("frobnicate",), ("install",)])
def test_what_it_does_not_know_it_says(
    words: tuple[str, ...], conda: Conda, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        conda(*words)
    assert caught.value.code == WRONG_USE
    assert "NeuronHub's conda" in capsys.readouterr().err


def test_environments_are_listed_with_the_active_one(place: Place, conda: Conda) -> None:
    lines = conda("env", "list").splitlines()
    assert [line.split() for line in lines if "notebook" in line] == [["notebook", "*", str(place.layout.prefix)]]
    assert lines[2].split()[0] == "base"
    assert conda("info", "--envs").splitlines() == lines
    assert str(place.layout.prefix) in json.loads(conda("env", "list", "--json"))["envs"]


def test_info_tells_where_things_are(place: Place, conda: Conda) -> None:
    info = json.loads(conda("info", "--json"))
    assert info["active_prefix"] == str(place.layout.prefix)
    assert info["pkgs_dirs"] == [str(place.layout.packages)]
    assert info["channels"] == [place.channel]
    assert f"active_prefix : {place.layout.prefix}" in conda("info")
    assert conda("info", "--base") == f"{Path(sys.prefix).resolve()}\n"


def test_settings_are_kept_in_condarc_beside_the_users_own(place: Place, conda: Conda) -> None:
    condarc = place.folder / ".condarc"
    condarc.write_bytes(b"channels:\n  - mine # \xb3\xbb")  # no UTF-8
    conda("config", "--set", "auto_activate_base", "true")
    assert condarc.read_bytes() == b"channels:\n  - mine # \xb3\xbb\nauto_activate_base: true\n"
    assert "auto_activate_base: true" in conda("config", "--show")
    conda("config", "--set", "auto_activate_base", "False")
    assert condarc.read_bytes() == b"channels:\n  - mine # \xb3\xbb\nauto_activate_base: false\n"
    assert conda("config", "--get", "auto_activate_base") == "auto_activate_base: false\n"
    assert place.channel in conda("config", "--show", "channels")
    for words in ("channels", "x"), ("auto_activate_base", "perhaps"):
        with pytest.raises(ConflictingState, match=words[0]):
            conda("config", "--set", *words)
    with pytest.raises(ConflictingState, match="no setting"):
        conda("config", "--get", "nothing")


def test_another_environment_stands_on_its_own_feet(place: Place, conda: Conda) -> None:
    printed = conda("create", "-n", "other", "python=3.12", "numeric", "-y")
    other = place.layout.envs / "other"
    assert "conda activate other" in printed
    assert (other / "lib/python3.12/site-packages/numeric.py").is_file()
    assert (other / "bin/numeric-tool").read_text().startswith(f"#!{other}/bin/python3.12")
    assert sorted(path.name for path in place.layout.envs.iterdir()) == ["notebook", "other"]
    conda("install", "-n", "other", "pytensor", "-y")
    assert (other / "lib/python3.12/site-packages/pytensor.py").is_file()
    assert "python=3.12.1" in conda("env", "export", "-n", "other")
    with pytest.raises(ConflictingState, match="there already"):
        conda("create", "-n", "other", "-y")
    conda("env", "remove", "-n", "other", "-y")
    assert sorted(path.name for path in place.layout.envs.iterdir()) == ["notebook"]


def test_an_environment_keeps_its_python_when_others_come(place: Place, conda: Conda) -> None:
    conda("create", "-n", "other", "python=3.11", "-y")
    conda("update", "-n", "other", "--all", "-y")
    assert "3.11.2" in conda("list", "-n", "other", "^python$")


def test_an_environment_is_made_from_what_was_exported(place: Place, conda: Conda) -> None:
    conda("create", "-n", "one", "python=3.11", "solver", "-y")
    file = place.folder / "environment.yml"
    conda("env", "export", "-n", "one", "-f", str(file))
    conda("env", "create", "-f", str(file), "-n", "two", "-y")
    one, two = (json.loads(conda("list", "-n", name, "--json")) for name in ("one", "two"))
    assert one == two
    with pytest.raises(ConflictingState, match="there already"):
        conda("env", "create", "-f", str(file), "-y")
    with pytest.raises(ConflictingState, match="cannot be read"):
        conda("env", "create", "-f", "missing.yml")


def test_nothing_is_left_of_an_environment_that_cannot_be_made(place: Place, conda: Conda) -> None:
    with pytest.raises(PackagesNotFound):
        conda("create", "-n", "other", "nothing-like-it", "-y")
    assert sorted(path.name for path in place.layout.envs.iterdir()) == ["notebook"]


@pytest.mark.parametrize("name", ["base", "notebook", "a b", "../x", ".x", ""])
def test_names_that_cannot_be_given(name: str, place: Place, conda: Conda) -> None:
    with pytest.raises(ConflictingState):
        conda("create", "-n", name, "-y")


def test_notebook_and_base_are_not_removed(place: Place, conda: Conda) -> None:
    with pytest.raises(ConflictingState, match="neuronhub env reset"):
        conda("env", "remove", "-n", "notebook", "-y")
    with pytest.raises(ConflictingState, match="belongs to the whole site"):
        conda("remove", "--all", "-p", str(place.base.path), "-y")
    with pytest.raises(ConflictingState, match="Say which environment"):
        conda("env", "remove", "-y")


def test_without_an_active_environment_it_asks_which(conda: Conda, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CONDA_PREFIX")
    with pytest.raises(ConflictingState, match="conda activate notebook"):
        conda("install", "pytensor", "-y")


def test_root_has_no_environments(conda: Conda, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 0)
    with pytest.raises(EnvironmentFailed, match="not as root"):
        conda("search", "pytensor")


def test_a_channel_that_cannot_be_read_is_named(place: Place, conda: Conda) -> None:
    damaged = place.folder / "damaged" / "noarch" / "repodata.json"
    damaged.parent.mkdir(parents=True)
    damaged.write_text("{")
    for words in ("search", "pytensor"), ("search", "pyten*"), ("install", "pytensor"):
        for channel in "file:///nowhere", f"file://{place.folder}/damaged":
            with pytest.raises(EnvironmentFailed, match="A channel cannot be read"):
                conda(*words, "-c", channel, "--override-channels")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"name": "half"}'])
def test_a_record_that_makes_no_sense_is_named_with_what_helps(text: str, place: Place, conda: Conda) -> None:
    (place.layout.prefix / "conda-meta" / "half-1-0.json").write_text(text)
    with pytest.raises(ConflictingState, match=r"half-1-0.json is no record.*neuronhub env repair"):
        conda("list")


def test_an_environment_that_is_being_built_names_its_later_place(place: Place) -> None:
    building = place.layout.envs / ".notebook.0123abcd.new"
    place.layout.prefix.rename(building)
    told: list[float] = []
    install_packages(place.layout, building, ["numeric=1.26", "frames"], lambda progress: told.append(progress.done))
    command = (building / "bin/numeric-tool").read_text()
    assert command.startswith(f"#!{place.layout.prefix}/bin/python")
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_a_folder_is_a_channel(place: Place, conda: Conda) -> None:
    folder = Path(place.channel.removeprefix("file://"))
    assert "pytensor" in conda("search", "pytensor", "-c", str(folder), "--override-channels")


@pytest.mark.parametrize("kind", ["pipe", "larger than memory"])
def test_a_record_without_an_end_keeps_nobody_waiting(kind: str, place: Place, conda: Conda) -> None:
    record = place.layout.prefix / "conda-meta" / "endless-1-0.json"
    if kind == "pipe":
        os.mkfifo(record)
    else:
        record.touch()
        os.truncate(record, 1 << 40)
    with pytest.raises(ConflictingState, match="env repair"):
        conda("list")
