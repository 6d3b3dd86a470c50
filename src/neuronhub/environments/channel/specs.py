"""Python's words for versions and dependencies, said in conda's: names, versions, specifiers, markers, extras.

Pure: text in, text out. Runs in ``neuronhub base channel``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.specifiers import InvalidSpecifier, Specifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

_OF_ONE_PYTHON = re.compile(r"\b(python_version|python_full_version|\w*implementation\w*)\b")


@dataclass(frozen=True, slots=True)
class Dependencies:
    """What a package asks for on one Python and platform."""

    specs: tuple[str, ...]
    """conda match specs, each package once unless it is asked for twice."""
    extras: frozenset[tuple[str, str]]
    """(package, extra) that are asked for: the channel needs a package for each, see ``render_extra_name``."""
    of_one_python: bool
    """True where another version of Python would have given other dependencies."""


def render_name(name: str) -> str:
    """The conda name of a Python distribution: lower case, words joined by ``-``."""
    return canonicalize_name(name)


def render_extra_name(name: str, extra: str) -> str:
    """The conda package that stands for ``name[extra]``, named as conda-forge does: ``jsonschema-with-format``."""
    return f"{render_name(name)}-with-{canonicalize_name(extra)}"


def render_version(version: Version) -> str:
    """The conda version: without the local part, which goes into the build string (``render_local``).

    conda would sort ``2.1+cpu`` after ``2.1``, so that ``==2.1`` and ``<=2.1`` would not find it; in Python they do.
    """
    return version.public


def render_local(version: Version) -> str:
    """What a build string begins with because of the local part of ``version``: ``cpu_``, or nothing."""
    return f"{version.local}_" if version.local else ""


def render_match(name: str, specifiers: SpecifierSet) -> str:
    """The conda match spec for a package in one of the versions that ``specifiers`` let in.

    As in conda, pre-releases count as versions. Other than in Python, ``>V`` lets in post-releases of V, and ``===V``
    what is written otherwise but equal.
    """
    parts: list[str] = []
    build = ""
    for specifier in sorted(specifiers, key=lambda one: (_ORDER.index(one.operator), one.version)):
        parts += _render_specifier(specifier)
        build = build or _render_build(specifier)
    return " ".join(filter(None, (name, ",".join(parts), build)))


_ORDER = ["===", "==", "~=", ">=", ">", "<", "<=", "!="]


def _render_specifier(specifier: Specifier) -> list[str]:
    operator, text = specifier.operator, specifier.version
    if operator == "===":
        return [f"=={_render_arbitrary(text)}"]
    if text.endswith(".*"):
        # rattler forgets the star of ==1.2.* where another condition stands beside it.
        return [f"{'!=' if operator == '!=' else ''}{render_version(Version(text[:-2]))}.*"]
    version = Version(text)
    if operator == "~=":
        epoch = f"{version.epoch}!" if version.epoch else ""
        series = ".".join(str(number) for number in version.release[:-1])
        return [f">={render_version(version)}", f"{epoch}{series}.*"]
    if operator == "<" and not (version.is_prerelease or version.is_postrelease):
        return [f"<{_render_before_all(version)}"]
    if operator == ">=" and version.is_devrelease and version.pre is None and version.post is None:
        return [f">={_render_before_all(version)}"]
    return [f"{operator}{render_version(version)}"]


def _render_before_all(version: Version) -> str:
    """What sorts in conda before every pre-release of ``version``.

    Python's ``<2`` lets none of them in, and ``>=2.dev0`` all; conda would put ``2.dev0`` after ``2a1``.
    """
    release = list(version.release)
    while len(release) > 1 and release[-1] == 0:
        release.pop()
    epoch = f"{version.epoch}!" if version.epoch else ""
    return f"{epoch}{'.'.join(str(number) for number in release)}dev0"


def _render_arbitrary(text: str) -> str:
    try:
        return render_version(Version(text))
    except InvalidVersion:
        return text


def _render_build(specifier: Specifier) -> str:
    """The build strings that ``==2.1+cpu`` lets in; nothing for any other specifier."""
    if specifier.operator != "==" or "+" not in specifier.version:
        return ""
    return f"{render_local(Version(specifier.version))}*"


def render_dependencies(
    requires: Iterable[str], environment: Mapping[str, str], without: frozenset[str], extra: str = ""
) -> Dependencies:
    """What the lines ``Requires-Dist`` ask for where markers see ``environment``; packages ``without`` are dropped.

    With ``extra``: what that extra asks for in addition. Raises InvalidRequirement for a line that is none.
    """
    specs: dict[str, None] = {}
    extras = set()
    of_one_python = False
    for requirement in map(Requirement, requires):
        name = render_name(requirement.name)
        if name in without:
            continue
        marker = requirement.marker
        if marker is not None:
            of_one_python = of_one_python or _depends_on_python(marker, extra)
        if not _is_wanted(marker, environment, extra):
            continue
        names = [render_extra_name(name, one) for one in sorted(requirement.extras)] or [name]
        extras |= {(name, canonicalize_name(one)) for one in requirement.extras}
        specs |= dict.fromkeys(render_match(one, requirement.specifier) for one in names)
    return Dependencies(tuple(specs), frozenset(extras), of_one_python)


def _is_wanted(marker: Marker | None, environment: Mapping[str, str], extra: str) -> bool:
    always = marker is None or marker.evaluate({**environment, "extra": ""})
    if not extra or always:
        return always and not extra
    return marker is not None and marker.evaluate({**environment, "extra": extra})


def _depends_on_python(marker: Marker, extra: str) -> bool:
    text = str(marker)
    return bool(_OF_ONE_PYTHON.search(text)) and (bool(extra) or "extra" not in text)


def render_python(requires_python: str) -> str:
    """The dependency on python of a package for any minor version; what nobody can read asks for nothing, as in pip."""
    try:
        return render_match("python", SpecifierSet(requires_python))
    except InvalidSpecifier:
        return "python"


def render_one_python(minor: str) -> str:
    """The dependency on python ``minor`` (``3.11``) alone, as conda-forge says it."""
    major, number = minor.split(".")
    return f"python >={minor},<{major}.{int(number) + 1}.0a0"
