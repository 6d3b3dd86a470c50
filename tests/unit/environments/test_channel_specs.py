from __future__ import annotations

from itertools import product

import pytest
from packaging.requirements import InvalidRequirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version
from rattler import BuildString, MatchSpec, PackageRecord

from neuronhub.environments.channel.specs import (
    Dependencies,
    render_dependencies,
    render_extra_name,
    render_local,
    render_match,
    render_name,
    render_one_python,
    render_python,
    render_version,
)

HERE = {
    "implementation_name": "cpython",
    "implementation_version": "3.11.2",
    "os_name": "posix",
    "platform_machine": "x86_64",
    "platform_python_implementation": "CPython",
    "platform_release": "6",
    "platform_system": "Linux",
    "platform_version": "1",
    "python_full_version": "3.11.2",
    "python_version": "3.11",
    "sys_platform": "linux",
}
NONE: frozenset[str] = frozenset()

SPECIFIERS = [
    *("", "==1.2", "==1.2.*", "!=1.2", "!=1.2.*", "~=1.2", "~=1.2.1", "~=2.2.post3", "~=1!1.2", "==1.2+cpu"),
    *(">=1.2", ">1.2", "<1.2", "<=1.2", "<2", "<2.0", "<1.2.post1", "<2.0rc1", ">=2.0.dev0", "===1.2", "==1!1.*"),
    *(">=1.2,<2", ">=1.2,!=1.2.1,<2", ">=1.2,==1.*", "!=1.2.*,!=1.3.*,>=1", "<=1.2,>=1.2"),
]
VERSIONS = [
    *("1", "1.0", "1.1.9", "1.2", "1.2.0", "1.2.1", "1.3", "1.10", "1.20", "2", "2.0", "2.0.1", "2.2.post4", "1!1.2"),
    *("1.2a1", "1.2.dev1", "1.2rc2", "1.2.1b1", "2a1", "2.0a1", "2.dev1", "2.0.dev0", "2.0rc1", "2.0.0rc2"),
    *("1.2.post1", "1.2+cpu", "1.2+cuda.12", "2.0+cpu"),
]


def find(spec: str, version: Version) -> bool:
    """True when conda finds a package of ``version``, as it is called in a channel, for ``spec``."""
    build = f"{render_local(version)}py311h0_0"
    record = PackageRecord(
        name="package", version=render_version(version), build=BuildString(build), build_number=0, subdir="noarch"
    )
    return MatchSpec(spec).matches(record)


# Where conda's order of versions leaves no way to say the same.
KNOWN_DIFFERENCES = {
    (">1.2", "1.2.post1"),
    ("<2.0rc1", "2.0.dev0"),
    ("===1.2", "1.2.0"),
    ("===1.2", "1.2+cpu"),
    ("===1.2", "1.2+cuda.12"),
}


def test_conda_finds_what_python_lets_in() -> None:
    differences = {
        (specifiers, version)
        for specifiers, version in product(SPECIFIERS, VERSIONS)
        if find(render_match("package", SpecifierSet(specifiers)), Version(version))
        is not SpecifierSet(specifiers).contains(Version(version), prereleases=True)
    }
    assert differences == KNOWN_DIFFERENCES


@pytest.mark.parametrize(
    ("specifiers", "expected"),
    [
        ("", "package"),
        (">=1.26,<2.7", "package >=1.26,<2.7dev0"),
        ("~=1.4.2", "package >=1.4.2,1.4.*"),
        ("==1.2.*", "package 1.2.*"),
        ("==2.1+cu118", "package ==2.1 cu118_*"),
        ("<2.0.0,!=1.5", "package <2dev0,!=1.5"),
        (">=0.47.0.dev0", "package >=0.47dev0"),
    ],
)
def test_specifiers(specifiers: str, expected: str) -> None:
    assert render_match("package", SpecifierSet(specifiers)) == expected


@pytest.mark.parametrize(
    ("name", "expected"), [("Jinja2", "jinja2"), ("ruamel.yaml", "ruamel-yaml"), ("jupyter_core", "jupyter-core")]
)
def test_names(name: str, expected: str) -> None:
    assert render_name(name) == expected


def test_name_of_an_extra_is_conda_forges() -> None:
    assert render_extra_name("jsonschema", "format_nongpl") == "jsonschema-with-format-nongpl"


@pytest.mark.parametrize(
    ("version", "expected", "local"),
    [
        ("1.0", "1.0", ""),
        ("2.1.0+cu118", "2.1.0", "cu118_"),
        ("4.5.post3", "4.5.post3", ""),
        ("1!2.0rc1", "1!2.0rc1", ""),
    ],
)
def test_versions(version: str, expected: str, local: str) -> None:
    assert (render_version(Version(version)), render_local(Version(version))) == (expected, local)


def wants(*requires: str, without: frozenset[str] = NONE, extra: str = "") -> Dependencies:
    return render_dependencies(requires, HERE, without, extra)


@pytest.mark.parametrize(
    ("requirement", "expected"),
    [
        ("tomli; python_version < '3.11'", ()),
        ("tomli>=2; python_version >= '3.11'", ("tomli >=2",)),
        ("pywin32; sys_platform == 'win32'", ()),
        ("uvloop; platform_system == 'Linux' and implementation_name == 'cpython'", ("uvloop",)),
        ("Typing_Extensions (>=4)", ("typing-extensions >=4",)),
        ("pytest; extra == 'test'", ()),
        ("thing @ https://example.org/thing-1.0.tar.gz", ("thing",)),
    ],
)
def test_markers_are_evaluated(requirement: str, expected: tuple[str, ...]) -> None:
    assert wants(requirement).specs == expected


def test_a_dependency_with_extras_is_on_their_packages() -> None:
    found = wants("jsonschema[format_nongpl,Format]>=4.18")
    assert found.specs == ("jsonschema-with-format >=4.18", "jsonschema-with-format-nongpl >=4.18")
    assert found.extras == {("jsonschema", "format"), ("jsonschema", "format-nongpl")}


def test_an_extra_adds_only_its_own_dependencies() -> None:
    lines = ("attrs", "idna; extra == 'format'", "six; python_version > '3'", "package[format]; extra == 'all'")
    assert wants(*lines, extra="format").specs == ("idna",)
    assert wants(*lines, extra="all").specs == ("package-with-format",)
    assert wants(*lines, extra="none").specs == ()


def test_dropped_packages_are_asked_for_by_nobody() -> None:
    lines = ("rfc3987_syntax>=1.1; extra == 'format'", "attrs", "Six")
    assert wants(*lines, without=frozenset(["rfc3987-syntax", "six"]), extra="format").specs == ()
    assert wants(*lines, without=frozenset(["rfc3987-syntax", "six"])).specs == ("attrs",)


@pytest.mark.parametrize(
    ("requirement", "expected"),
    [
        ("six", False),
        ("pywin32; sys_platform == 'win32'", False),
        ("tomli; python_version < '3.11'", True),
        ("cffi; platform_python_implementation != 'PyPy'", True),
        ("tomli; extra == 'toml' and python_version < '3.11'", False),
    ],
)
def test_markers_about_python_tie_a_package_to_it(requirement: str, expected: bool) -> None:
    assert wants(requirement).of_one_python is expected


def test_markers_about_python_tie_an_extra_to_it() -> None:
    assert wants("tomli; extra == 'toml' and python_version < '3.11'", extra="toml").of_one_python


def test_nonsense_is_refused() -> None:
    with pytest.raises(InvalidRequirement):
        wants("six >== 1")


def test_python() -> None:
    assert render_python(">=3.9,!=3.9.7") == "python >=3.9,!=3.9.7"
    assert render_python("") == "python"
    assert render_python(">=3.6.*") == "python"
    assert render_one_python("3.9") == "python >=3.9,<3.10.0a0"
