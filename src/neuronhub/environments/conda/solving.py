"""What an environment will hold after packages were asked for or taken away. Decides, and changes nothing."""

from __future__ import annotations

import asyncio
import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from rattler import MatchSpec, RepoDataRecord, Subdir
from rattler.exceptions import InvalidMatchSpecError, SolverError

from neuronhub.environments.conda.contents import Contents
from neuronhub.environments.solution import Source, fetch_solution, open_gateway
from neuronhub.errors import ConflictingState, EnvironmentFailed, PackagesNotFound
from neuronhub.language import translate as _

_KERNEL = "ipykernel"
"""Whatever else is given up for a package: the notebook's kernel goes on working."""
_OTHER_NAMES = {
    "cv2": "opencv",
    "pil": "pillow",
    "sklearn": "scikit-learn",
    "tensorflow-gpu": "tensorflow",
    "theano": "pytensor",
    "torch": "pytorch",
}
"""What people ask for -> what it is called by now, or in conda channels."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What will be done to an environment."""

    contents: Contents
    """As it is."""
    records: Mapping[str, RepoDataRecord]
    """What the environment itself will hold, by name."""
    asked: tuple[str, ...] = ()
    """In conda's words; what was asked for stays when something else goes."""
    broken: tuple[tuple[str, str], ...] = ()
    """Packages of the base, and what they need and will not see any more."""

    @property
    def changed(self) -> list[str]:
        """Names of packages that come, or come in another version or build, sorted."""
        return sorted(name for name, record in self.records.items() if not _same(record, self.contents.own.get(name)))

    @property
    def removed(self) -> list[str]:
        """Names of packages that go, sorted."""
        return sorted(set(self.contents.own) - set(self.records))


def parse_specs(words: Iterable[str]) -> list[MatchSpec]:
    """What ``words`` ask for, in conda's syntax; raises PackagesNotFound for what is none."""
    specs = []
    for word in words:
        try:
            spec = MatchSpec(word)
        except InvalidMatchSpecError as error:
            text = _("{word} is no package: write for instance numpy, numpy=1.26 or 'numpy>=1.24,<2'.")
            raise PackagesNotFound(text.format(word=repr(word))) from error
        specs.append(spec)
    return specs


def name_of(spec: MatchSpec) -> str:
    """The name of the one package that ``spec`` asks for."""
    return str(spec.name.normalized)


def plan_install(contents: Contents, specs: Sequence[MatchSpec], source: Source) -> Plan:
    """How ``specs`` get into the environment with as few changes as possible; raises PackagesNotFound."""
    names = {name_of(spec) for spec in specs}
    _refuse_other_python(contents, specs)
    kept = [name for name in contents.seen if name not in names]
    return _solve(contents, specs, kept, contents.seen, source)


def plan_update(contents: Contents, names: Sequence[str], source: Source) -> Plan:
    """How the packages ``names``, or all of the environment's own, become the newest that fit."""
    missing = [name for name in names if name not in contents.seen]
    if missing:
        text = _("{names}: not installed. Install with: conda install {names}")
        raise PackagesNotFound(text.format(names=" ".join(missing)))
    chosen = set(names or contents.own)
    if not chosen:
        return Plan(contents, contents.own)
    pins = [text for name, record in contents.own.items() if name not in names for text in record.requested_specs]
    locked = {name: record for name, record in contents.seen.items() if name not in chosen}
    specs = [MatchSpec(name) for name in sorted(chosen)]
    return _solve(contents, specs, [*contents.seen, *pins], locked, source, asked=tuple(names))


def plan_removal(contents: Contents, names: Sequence[str]) -> Plan:
    """What stays when ``names``, all that needs them and all that only they needed go; raises ConflictingState."""
    _refuse_absent(contents, names)
    gone = set(names)
    while needy := {name for name in contents.own if name not in gone and _lacks(contents, name, gone)}:
        gone |= needy
    needs = {name: {need.split()[0] for need in record.depends} for name, record in contents.own.items()}
    roots = [name for name, record in contents.own.items() if record.requested_specs]
    needed = set().union(*needs.values()) if needs else set()
    kept = {name for name in contents.own if name in roots or name not in needed} - gone
    stack = list(kept)
    while stack:
        reached = (needs[stack.pop()] & set(contents.own)) - gone - kept
        kept |= reached
        stack += reached
    return Plan(contents, {name: contents.own[name] for name in kept})


def _solve(
    contents: Contents,
    specs: Sequence[MatchSpec],
    kept: Sequence[str],
    locked: Mapping[str, RepoDataRecord],
    source: Source,
    asked: tuple[str, ...] | None = None,
) -> Plan:
    wanted = [str(spec) for spec in specs]
    channels = tuple(str(spec.channel.name) for spec in specs if spec.channel)
    source = Source(tuple(dict.fromkeys((*channels, *source.channels))), source.mirrors, source.cache)
    python = contents.below.get("python")
    pinned = [python] if python else []
    if not python and "python" in contents.own and "python" not in map(name_of, specs):
        minor = ".".join(str(contents.own["python"].version).split(".")[:2])
        wanted.append(f"python {minor}.*")

    def solve(lines: Sequence[str]) -> list[RepoDataRecord]:
        return asyncio.run(fetch_solution(lines, source, locked=list(locked.values()), pinned=pinned))

    try:
        solution = solve([*wanted, *kept])
    except PackagesNotFound as error:
        explained = _explain(error, specs, source)
        if not contents.below or not isinstance(explained, ConflictingState):
            raise explained from error
        # Not together with all of the base: then without what of the base nobody here asked for.
        try:
            essentials = [_KERNEL] if _KERNEL in contents.below else []
            own = [name for name in kept if name in contents.own]
            solution = solve([*wanted, *own, *essentials, "python"])
        except PackagesNotFound:
            raise explained from error
    records = _choose_own(contents, {record.name.normalized: record for record in solution})
    asked = tuple(map(str, specs)) if asked is None else asked
    return Plan(contents, records, asked, tuple(_list_broken(contents, records)))


def _choose_own(contents: Contents, solution: Mapping[str, RepoDataRecord]) -> dict[str, RepoDataRecord]:
    """The part of ``solution`` that must lie in the environment itself."""
    chosen = {name: record for name, record in solution.items() if not _same(record, contents.below.get(name))}
    stack = list(chosen)
    visited = set(stack)
    while stack:
        for need in solution[stack.pop()].depends:
            name = need.split()[0]
            below = contents.below.get(name)
            if name in visited or name not in solution or below is None or _is_for_python(name, below.depends):
                continue
            visited.add(name)
            stack.append(name)
            # The loader looks for shared libraries beside those that need them, not in the base.
            if any(file.parts[0] == "lib" and ".so" in file.name and len(file.parts) == 2 for file in below.files):
                chosen[name] = solution[name]
    return chosen


def _list_broken(contents: Contents, records: Mapping[str, RepoDataRecord]) -> Iterable[tuple[str, str]]:
    """The packages of the base that would see other versions than they can work with."""
    for name, record in sorted(contents.below.items()):
        if name in records:
            continue
        for need in record.depends:
            spec = MatchSpec(need)
            other = records.get(name_of(spec))
            if other is not None and not spec.matches(other):
                yield name, need


def _refuse_other_python(contents: Contents, specs: Sequence[MatchSpec]) -> None:
    python = contents.below.get("python")
    for spec in specs:
        if python is not None and name_of(spec) == "python" and not spec.matches(python):
            text = _(
                "The Python of this environment is that of the site's base, {version}. For another one, "
                "make an environment of its own: conda create -n NAME python={wanted}"
            )
            wanted = (spec.version or "").strip("=*.<>! ") or "VERSION"
            raise ConflictingState(text.format(version=python.version, wanted=wanted))


def _refuse_absent(contents: Contents, names: Sequence[str]) -> None:
    for name in names:
        if name in contents.own:
            continue
        if name in contents.below:
            text = _("{name} belongs to the site's base and stays. A version of your own: conda install {name}=VERSION")
        else:
            text = _("{name} was not installed by conda. If pip installed it: pip uninstall {name}")
        raise ConflictingState(text.format(name=name))


def _lacks(contents: Contents, name: str, gone: set[str]) -> bool:
    """True when the own package ``name`` cannot work without the packages ``gone``; the base's may do instead."""
    for need in contents.own[name].depends:
        spec = MatchSpec(need)
        other = name_of(spec)
        if other in gone and not (other in contents.below and spec.matches(contents.below[other])):
            return True
    return False


def _is_for_python(name: str, depends: Sequence[str]) -> bool:
    """True for Python and its packages: they lie together with the libraries that they need."""
    return name == "python" or any(need.split()[0] in ("python", "python_abi") for need in depends)


def _same(one: RepoDataRecord, other: RepoDataRecord | None) -> bool:
    if other is None or (str(one.version), str(one.build)) != (str(other.version), str(other.build)):
        return False
    return one.sha256 == other.sha256 if one.sha256 and other.sha256 else True


def _explain(error: PackagesNotFound, specs: Sequence[MatchSpec], source: Source) -> EnvironmentFailed:
    """Packages that no channel has, with names like theirs; or what the solver says of packages that do not fit."""
    if not isinstance(error.__cause__, SolverError):
        return error
    names = fetch_names(source)
    missing = [name_of(spec) for spec in specs if name_of(spec) not in names]
    if missing:
        lines = [describe_missing(name, names) for name in missing]
        lines.append(
            _("Channels: {channels}. With pip: pip install {names}").format(
                channels=", ".join(source.channels), names=" ".join(missing)
            )
        )
        return PackagesNotFound("\n".join(lines))
    text = _(
        "This cannot be had together with what is in the environment:\n{reason}\n"
        "Ask for other versions, or make an environment for it: conda create -n NAME {specs}"
    )
    return ConflictingState(text.format(reason=str(error.__cause__).strip(), specs=" ".join(map(str, specs))))


def describe_missing(name: str, names: Sequence[str]) -> str:
    """That no channel has ``name``, and which of ``names`` are like it."""
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.6)
    if _OTHER_NAMES.get(name) in names:
        near = [_OTHER_NAMES[name]]
    if near:
        return _("No channel has {name}. Similar names: {near}.").format(name=name, near=", ".join(near))
    return _("No channel has {name}.").format(name=name)


def platforms() -> list[Subdir]:
    """The parts of a channel that fit this machine."""
    return [Subdir.current(), Subdir("noarch")]


def fetch_names(source: Source) -> list[str]:
    """The names of all packages in the channels, sorted; raises EnvironmentFailed when a channel cannot be read."""

    async def fetch() -> list[str]:
        with open_gateway(source) as gateway:
            return sorted(name.normalized for name in await gateway.names(list(source.urls), platforms()))

    return asyncio.run(fetch())
