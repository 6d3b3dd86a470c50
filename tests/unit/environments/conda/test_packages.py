from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.unit.environments.conda.conftest import Place
from tests.unit.environments.conda.packages import Made, make_channel, python_package

from neuronhub.environments.packages import UNFINISHED
from neuronhub.environments.user_files import read_json
from neuronhub.errors import ConflictingState, EnvironmentFailed, PackagesNotFound

Conda = Callable[..., str]


def fingerprint(folder: Path) -> str:
    """Changes with any file, mode or link below ``folder``."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        digest.update(f"{path} {status.st_mode} {status.st_mtime_ns}".encode())
        if path.is_file():
            digest.update(path.read_bytes())
    return digest.hexdigest()


def test_a_new_package_comes_alone(place: Place, conda: Conda) -> None:
    before = fingerprint(place.base.path)
    printed = conda("install", "theano-like", "-y")
    assert place.version("theano-like") == "1.0"
    assert place.records() == ["theano-like-1.0"]
    assert "INSTALLED" in printed
    assert fingerprint(place.base.path) == before


def test_what_the_base_has_is_not_installed_again(place: Place, conda: Conda) -> None:
    assert "Nothing to do" in conda("install", "numeric", "frames", "-y")
    assert place.records() == []


def test_a_package_brings_the_libraries_that_only_the_base_has(place: Place, conda: Conda) -> None:
    conda("install", "solver", "-y")
    # blas and what it needs; not data, which is no library, nor what only Python needs.
    assert place.records() == ["blas-3.9", "gfortran-5.0", "solver-1.0"]
    assert (place.layout.prefix / "lib/libblas.so.3").read_text() == "blas"


def test_another_version_hides_that_of_the_base_until_it_is_removed(place: Place, conda: Conda) -> None:
    tool = place.layout.prefix / "bin/numeric-tool"
    door, base = tool.read_text(), fingerprint(place.base.path)
    printed = conda("install", "numeric=1.26", "frames", "-y")
    assert "DOWNGRADED" in printed
    assert (place.version("numeric"), place.version("frames")) == ("1.26", "0.9")
    assert tool.read_text() != door
    assert tool.read_text().startswith(f"#!{place.layout.prefix}/bin/python")
    printed = conda("remove", "numeric", "-y")
    assert "frames" in printed  # 0.9 cannot work with the base's numeric
    assert "the base's 2.1 shows again" in printed
    assert place.records() == []
    assert tool.read_text() == door
    assert fingerprint(place.base.path) == base


def test_packages_of_the_base_that_no_longer_fit_are_named(place: Place, conda: Conda) -> None:
    url = make_channel(
        place.folder / "extra", python_package("needy", "1.0", ("numeric ==0.5",)), python_package("numeric", "0.5")
    )
    printed = conda("install", "needy", "-c", url, "-y")
    assert "frames, which needs numeric >=2" in printed
    assert place.version("numeric") == "0.5"
    assert place.version("frames") is None


def test_with_another_channel_the_rest_stays_as_it_is(place: Place, conda: Conda) -> None:
    url = make_channel(
        place.folder / "extra", python_package("numeric", "9.0"), python_package("special", "1.0", ("numeric",))
    )
    conda("install", "-c", url, "special", "-y")
    assert place.records() == ["special-1.0"]


def test_updates_reach_the_newest_and_leave_others_alone(place: Place, conda: Conda) -> None:
    conda("install", "plotter=1.0", "theano-like", "-y")
    assert place.version("plotter") == "1.0"
    assert "Nothing to do" in conda("install", "plotter", "-y")
    assert "UPDATED" in conda("update", "plotter", "-y")
    assert place.version("plotter") == "1.1"
    assert "Nothing to do" in conda("update", "--all", "-y")


def test_removing_takes_what_needs_it_and_what_only_it_needed(place: Place, conda: Conda) -> None:
    conda("install", "plotter", "theano-like", "-y")
    conda("remove", "solver", "-y")
    assert place.records() == ["theano-like-1.0"]
    conda("install", "plotter", "-y")
    conda("remove", "plotter", "-y")
    assert place.records() == ["theano-like-1.0"]
    conda("install", "plotter", "solver", "-y")
    conda("remove", "plotter", "-y")
    assert place.version("solver") == "1.0"  # asked for by itself


def test_what_was_asked_for_is_remembered(place: Place, conda: Conda) -> None:
    conda("install", "theano-like>=1", "-y")
    conda("install", "pytensor", "-y")
    record = read_json(place.layout.prefix / "conda-meta/theano-like-1.0-0.json")
    assert record["requested_specs"] == ["theano-like >=1"]


def test_what_belongs_to_the_base_stays(place: Place, conda: Conda) -> None:
    with pytest.raises(ConflictingState, match="belongs to the site's base"):
        conda("remove", "numeric", "-y")
    with pytest.raises(ConflictingState, match="not installed by conda"):
        conda("remove", "nothing", "-y")
    with pytest.raises(ConflictingState, match="The base belongs to the whole site"):
        conda("install", "-p", str(place.base.path), "pytensor", "-y")
    with pytest.raises(ConflictingState, match=r"conda create -n NAME python=3\.12"):
        conda("install", "python=3.12", "-y")


def test_a_name_that_no_channel_has_is_met_with_names_like_it(place: Place, conda: Conda) -> None:
    with pytest.raises(PackagesNotFound) as caught:
        conda("install", "pytensr", "pytensor", "-y")
    assert "No channel has pytensr. Similar names: pytensor, python." in str(caught.value)
    assert "pip install pytensr" in str(caught.value)
    with pytest.raises(PackagesNotFound, match="no package"):
        conda("install", "./package.whl", "-y")


def test_what_cannot_be_had_together_is_explained(place: Place, conda: Conda) -> None:
    with pytest.raises(ConflictingState, match="numeric >=9"):
        conda("install", "numeric>=9", "-y")
    assert place.records() == []


def test_asks_and_takes_silence_for_no(place: Place, conda: Conda, monkeypatch: pytest.MonkeyPatch) -> None:
    for answer, code in (("n\n", 1), ("", 1), ("what\nNo\n", 1), ("\n", 0)):
        monkeypatch.setattr("sys.stdin", io.StringIO(answer))
        printed = conda("install", "pytensor", code=code)
        assert ("Nothing was changed" in printed) == (code == 1)
        assert (place.version("pytensor") is None) == (code == 1)


def test_a_dry_run_changes_nothing(place: Place, conda: Conda) -> None:
    before = fingerprint(place.layout.prefix)
    assert "pytensor  2.0" in conda("install", "pytensor", "--dry-run")
    assert fingerprint(place.layout.prefix) == before


def put_by_pip(place: Place, name: str, version: str, *modules: str) -> None:
    """As pip leaves a package behind: modules, bytecode, metadata."""
    info = place.packages / f"{name}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (info / "INSTALLER").write_text("pip\n")
    rows = [f"{info.name}/METADATA", f"{info.name}/INSTALLER", f"{info.name}/RECORD", *modules]
    (info / "RECORD").write_text("".join(f"{row},,\n" for row in rows))
    for module in modules:
        (place.packages / module).parent.mkdir(parents=True, exist_ok=True)
        (place.packages / module).write_text("by pip = 1")


def test_of_a_package_that_pip_has_put_there_nothing_stays(place: Place, conda: Conda) -> None:
    put_by_pip(place, "pytensor", "1.5", "pytensor.py", "pytensor_old/part.py", "../../../bin/pytensor-tool")
    conda("install", "pytensor", "-y")
    assert place.version("pytensor") == "2.0"
    assert sorted(path.name for path in place.packages.glob("pytensor*")) == ["pytensor-2.0.dist-info", "pytensor.py"]
    assert not (place.layout.prefix / "bin/pytensor-tool").exists()


def test_also_where_conda_calls_it_otherwise(place: Place, conda: Conda) -> None:
    files = {
        "site-packages/torch.py": "__version__ = '3.0'",
        "site-packages/torch-3.0.dist-info/METADATA": "Name: torch",
        "site-packages/torch-3.0.dist-info/RECORD": "",
    }
    url = make_channel(place.folder / "extra", Made("pytorch", "3.0", ("python",), files, noarch=True))
    put_by_pip(place, "torch", "2.0", "torch.py", "torchgen.py")
    conda("install", "pytorch", "-c", url, "-y")
    assert place.version("torch") == "3.0"
    assert sorted(path.name for path in place.packages.glob("torch*")) == ["torch-3.0.dist-info", "torch.py"]


def test_no_record_of_pip_leads_out_of_the_environment(place: Place, conda: Conda) -> None:
    workspace = place.folder / "workspace"
    workspace.mkdir()
    (workspace / "precious.py").write_text("mine")
    (place.packages / "linked").symlink_to(workspace)
    put_by_pip(place, "pytensor", "1.5", "linked/precious.py", f"{workspace}/precious.py", "../../../../../x.py")
    (workspace / "precious.py").write_text("mine")
    conda("install", "pytensor", "-y")
    assert (workspace / "precious.py").read_text() == "mine"


def test_a_killed_run_is_mended_by_the_next(place: Place, conda: Conda) -> None:
    conda("install", "pytensor", "solver", "-y")
    unfinished = place.layout.prefix / UNFINISHED
    assert not unfinished.exists()
    unfinished.write_text(json.dumps({"packages": ["pytensor", "solver"]}))
    (place.packages / "pytensor.py").unlink()
    (place.packages / "solver.py").unlink()
    (place.layout.prefix / "conda-meta/solver-1.0-0.json").unlink()  # its record had not been written
    printed = conda("install", "pytensor", "solver", "-y")
    assert "interrupted" in printed
    assert (place.version("pytensor"), place.version("solver")) == ("2.0", "1.0")
    assert not unfinished.exists()


def read_tree(folder: Path) -> dict[str, str]:
    """Path -> text or target of every file and link below ``folder``."""
    return {
        str(path.relative_to(folder)): str(path.readlink()) if path.is_symlink() else path.read_text()
        for path in folder.rglob("*")
        if path.is_symlink() or path.is_file()
    }


def test_what_fails_is_undone(place: Place, conda: Conda) -> None:
    extra = place.folder / "extra"
    url = make_channel(
        extra,
        python_package("first", "2.0", ("broken", "plotter >=1.1"), entry_points=("f2 = first:main",)),
        python_package("broken", "1.0"),
    )
    (extra / "noarch/broken-1.0-0.tar.bz2").write_bytes(b"no archive")
    conda("install", "plotter=1.0", "-y")
    put_by_pip(place, "first", "1.0", "first.py", "first_more/part.py")
    before = read_tree(place.layout.prefix)
    with pytest.raises(EnvironmentFailed, match="broken"):
        conda("install", "first", "-c", url, "-y")
    after = read_tree(place.layout.prefix)
    for name in "conda-meta/history", "conda-meta/neuronhub":  # a log, and the time
        del before[name], after[name]
    assert after == before


def test_what_a_killed_run_has_put_in_without_a_record_is_swept_away(place: Place, conda: Conda) -> None:
    conda("install", "solver", "-y")
    (place.layout.prefix / "conda-meta/solver-1.0-0.json").unlink()
    unfinished = {"packages": ["solver", "../x"], "arriving": ["solver-1.0-0", "../../x", "nothing-1-0"]}
    (place.layout.prefix / UNFINISHED).write_text(json.dumps(unfinished))
    conda("install", "pytensor", "-y")
    assert place.version("solver") is None
    assert place.version("pytensor") == "2.0"


def test_the_list_tells_where_packages_come_from(place: Place, conda: Conda) -> None:
    conda("install", "numeric=1.26", "frames=0.9", "pytensor", "-y")
    put_by_pip(place, "Some.Thing", "0.1", "some.py")
    put_by_pip(place, "ipykernel", "6.0", "ipykernel.py")
    listed = {line["name"]: line for line in json.loads(conda("list", "--json"))}
    channel = place.channel.rsplit("/", 1)[-1]
    found = {name: (line["version"], line["channel"]) for name, line in listed.items()}
    assert found["numeric"] == ("1.26", channel)
    assert found["python"] == ("3.11.2", "base")
    assert found["Some.Thing"] == ("0.1", "pypi")
    assert found["ipykernel"] == ("6.0", "pypi")
    assert "pytensor=2.0=0" in conda("list", "-e", "^py").splitlines()
    assert "numeric" not in conda("list", "^py")


def test_searching(place: Place, conda: Conda) -> None:
    assert [line.split()[:2] for line in conda("search", "numeric").splitlines()[1:]] == [
        ["numeric", "1.26"],
        ["numeric", "2.1"],
    ]
    assert list(json.loads(conda("search", "*solver", "--json"))) == ["old-solver", "solver"]
    assert len(conda("search", "numeric>=2").splitlines()) == 2
    with pytest.raises(PackagesNotFound, match="Similar names: numeric"):
        conda("search", "numerics")
