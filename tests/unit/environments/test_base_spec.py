"""What a base is made from: the files that we ship, and files that make no sense."""

from __future__ import annotations

from pathlib import Path

import pytest

from neuronhub.environments.base.lock import read_locked
from neuronhub.environments.base.spec import fingerprint, read_spec
from neuronhub.errors import ConflictingState

CHECKOUT = Path(__file__).parents[3]


@pytest.mark.parametrize("name", ["cpu", "gpu", "embedded"])
def test_specs_that_we_ship_can_be_read(name: str) -> None:
    spec = read_spec(CHECKOUT / "deploy" / "base" / f"{name}.yaml")
    assert {line.split()[0] for line in spec} > {"python", "jupyterlab", "ipykernel", "tensorboard", "pip"}


def test_a_list_has_one_package_a_line(tmp_path: Path) -> None:
    (tmp_path / "spec.txt").write_text("# all\npython =3.11\n\n  numpy >=2,<3  # for computing\n")
    assert read_spec(tmp_path / "spec.txt") == ("python =3.11", "numpy >=2,<3")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "dependencies"),
        ("[python]", "dependencies"),
        ("dependencies: python", "dependencies"),
        ("dependencies: [python, {pip: [x]}]", "each a text"),
        ("dependencies: [3.11]", "each a text"),
        ("dependencies: []", "names no packages"),
        ("channels: [x]\ndependencies: [python]", "channels are named in the site file"),
        ("dependencies: [python", "no list of packages"),
        ("dependencies: ['python ==> 3 [']", "no list of packages"),
        ("dependencies: !!python/object/apply:os.system [true]", "no list of packages"),
    ],
)
def test_an_environment_file_that_is_wrong_says_why(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "spec.yaml").write_text(text)
    with pytest.raises(ConflictingState, match=reason) as raised:
        read_spec(tmp_path / "spec.yaml")
    assert str(tmp_path / "spec.yaml") in str(raised.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConflictingState, match="No such file"):
        read_spec(tmp_path / "none.yaml")
    (tmp_path / "bytes.txt").write_bytes(b"\xff\xfe")
    with pytest.raises(ConflictingState, match="no list of packages"):
        read_spec(tmp_path / "bytes.txt")


def test_what_is_asked_for_has_one_fingerprint() -> None:
    asked = fingerprint(("a", "b"), ("x", "y"), "linux-64")
    assert fingerprint(("b", "a"), ("x", "y"), "linux-64") == asked
    others = {
        fingerprint(("a", "b"), ("y", "x"), "linux-64"),
        fingerprint(("a", "b", "x"), ("y",), "linux-64"),
        fingerprint(("a",), ("x", "y"), "linux-64"),
        fingerprint(("a", "b"), ("x", "y"), "linux-aarch64"),
    }
    assert len(others | {asked}) == 5


@pytest.mark.parametrize("text", ["", "something else\n", "# neuronhub base build, for x\n[nonsense"])
def test_a_lock_file_that_is_none_is_not_overwritten(tmp_path: Path, text: str) -> None:
    (tmp_path / "lock").write_text(text)
    with pytest.raises(ConflictingState, match="lock"):
        read_locked(tmp_path / "lock", "x", "linux-64")
    assert (tmp_path / "lock").read_text() == text
