from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.environments.wheels import describe_wheel

from neuronhub.environments.channel.archive import Record
from neuronhub.environments.channel.plan import make_plan
from neuronhub.environments.channel.target import Target
from neuronhub.environments.channel.wheels import Wheel
from neuronhub.errors import ConflictingState

HERE = Target(
    program=Path("/usr/bin/python3.11"),
    prefix=Path("/usr"),
    environment={
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
        "platform_system": "Linux",
        "python_full_version": "3.11.2",
        "python_version": "3.11",
        "sys_platform": "linux",
    },
    site_packages=("/usr/lib/python3/dist-packages",),
)
NONE: frozenset[str] = frozenset()


def plan(*wheels: Wheel, known: tuple[Wheel, ...] = (), without: frozenset[str] = NONE) -> dict[str, Record]:
    return {planned.record.name: planned.record for planned in make_plan(wheels, known, HERE, without)}


def test_pure_wheel_is_for_any_python(tmp_path: Path) -> None:
    wheel = describe_wheel(tmp_path, "Pure_One", metadata="Requires-Python: >=3.9\nRequires-Dist: six<2")
    record = plan(wheel)["pure-one"]
    assert (record.subdir, record.noarch) == ("noarch", "python")
    assert record.depends == ("python >=3.9", "six <2dev0")
    assert record.build.startswith("pyh")


def test_pure_wheel_whose_dependencies_hang_on_python_is_for_this_one(tmp_path: Path) -> None:
    wheel = describe_wheel(tmp_path, "pure", metadata="Requires-Dist: tomli; python_version < '3.11'")
    record = plan(wheel)["pure"]
    assert (record.subdir, record.noarch) == ("noarch", "python")
    assert record.depends == ("python >=3.11,<3.12.0a0",)
    assert record.build.startswith("py311h")


@pytest.mark.parametrize(
    "tag", ["cp311-cp311-manylinux2014_x86_64", "cp39-abi3-manylinux_2_17_x86_64", "py3-none-manylinux2014_x86_64"]
)
def test_compiled_wheel_is_for_this_python_and_platform(tmp_path: Path, tag: str) -> None:
    record = plan(describe_wheel(tmp_path, "fast", tag=tag))["fast"]
    assert (record.subdir, record.noarch, record.depends) == ("linux-64", None, ("python >=3.11,<3.12.0a0",))


@pytest.mark.parametrize("tag", ["cp312-cp312-manylinux2014_x86_64", "cp311-cp311-win_amd64", "py2-none-any"])
def test_wheel_for_something_else_is_refused(tmp_path: Path, tag: str) -> None:
    with pytest.raises(ConflictingState, match=r"is not for Python 3\.11\.2"):
        plan(describe_wheel(tmp_path, "foreign", tag=tag))


def test_wheel_for_another_python_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConflictingState, match=r"is not for Python 3\.11\.2"):
        plan(describe_wheel(tmp_path, "new", metadata="Requires-Python: >=3.12"))


def test_wheel_that_asks_for_nonsense_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConflictingState, match=r"odd-1\.0-py3-none-any\.whl asks for something"):
        plan(describe_wheel(tmp_path, "odd", metadata="Requires-Dist: six >== 1"))


def test_local_version_goes_into_the_build(tmp_path: Path) -> None:
    record = plan(describe_wheel(tmp_path, "torch", "2.1+cpu"))["torch"]
    assert (record.version, record.build[:7]) == ("2.1", "cpu_pyh")


def test_extras_that_are_asked_for_get_a_package(tmp_path: Path) -> None:
    asking = describe_wheel(tmp_path, "asking", metadata="Requires-Dist: schema[all]>=1")
    schema = describe_wheel(
        tmp_path,
        "schema",
        "1.5",
        metadata="Requires-Dist: attrs\n"
        "Requires-Dist: schema[format]; extra == 'all'\n"
        "Requires-Dist: idna; extra == 'format'\n"
        "Requires-Dist: six; extra == 'unused'",
    )
    packages = plan(asking, schema)
    assert set(packages) == {"asking", "schema", "schema-with-all", "schema-with-format"}
    assert packages["asking"].depends == ("python", "schema-with-all >=1")
    assert packages["schema-with-all"].depends == ("schema ==1.5", "schema-with-format")
    assert packages["schema-with-format"].depends == ("schema ==1.5", "idna")
    assert packages["schema-with-format"].noarch == "generic"


def test_extras_of_a_package_that_is_in_the_channel_already(tmp_path: Path) -> None:
    known = describe_wheel(tmp_path, "schema", "1.5", metadata="Requires-Dist: idna; extra == 'format'")
    packages = plan(describe_wheel(tmp_path, "asking", metadata="Requires-Dist: schema[format]"), known=(known,))
    assert set(packages) == {"asking", "schema-with-format"}


def test_dropped_dependencies_are_dropped_everywhere(tmp_path: Path) -> None:
    asking = describe_wheel(tmp_path, "asking", metadata="Requires-Dist: schema[format]\nRequires-Dist: Slow_One")
    schema = describe_wheel(tmp_path, "schema", metadata="Requires-Dist: slow.one; extra == 'format'")
    packages = plan(asking, schema, without=frozenset(["slow-one"]))
    assert packages["asking"].depends == ("python", "schema-with-format")
    assert packages["schema-with-format"].depends == ("schema ==1.0",)


def test_build_tells_contents_apart_and_nothing_else(tmp_path: Path) -> None:
    one = describe_wheel(tmp_path / "1", "same", metadata="Requires-Dist: six")
    again = describe_wheel(tmp_path / "2", "same", metadata="Requires-Dist: six")
    other = describe_wheel(tmp_path / "3", "same", metadata="Requires-Dist: six\nSummary: other")
    assert plan(one) == plan(again)
    assert plan(one)["same"].build != plan(other)["same"].build
    assert plan(one)["same"].build != plan(one, without=frozenset(["six"]))["same"].build
