"""What there is to say of a user's environment: its state, packages, problems, and the progress of work on it.

Imported while a Jupyter server starts, so the standard library only. Values, and their JSON.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, TypeVar


class Action(StrEnum):
    """What can be done to an environment; also the sub-command of ``neuronhub env``."""

    CREATE = "create"
    """Make it if there is none; leave a sound one alone."""
    REPAIR = "repair"
    """Mend what status finds and keep the user's own packages."""
    RESET = "reset"
    """Back to the first state; the user's own packages go."""


class Condition(StrEnum):
    """One word for the environment as a whole."""

    MISSING = "missing"
    READY = "ready"
    """It works; there may be problems that only deserve a word (``Problem.serious`` is False)."""
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an action has come."""

    step: str
    """A sentence in the reader's language, for instance "Installing 12 packages."."""
    done: float
    """Share of the whole action, 0 to 1; never falls."""


Report = Callable[[Progress], None]
"""Told of progress, from the thread that works; must be quick and must not raise."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, and the one action that helps."""

    code: str
    """Stable, for tests and pages: ``half-made``, ``base-gone``, ``base-old``, ``kernel``, ``shadowed`` ..."""
    text: str
    """A sentence in the reader's language."""
    remedy: Action
    serious: bool = True
    """False: everything works, it is worth knowing."""


@dataclass(frozen=True, slots=True)
class Package:
    """A package of the user's own, on top of the base."""

    name: str
    version: str
    size_bytes: int
    installer: str
    """``pip`` or ``conda``."""


@dataclass(frozen=True, slots=True)
class Status:
    """All that ``neuronhub env status`` and the pages tell."""

    condition: Condition
    kind: str
    """``layered`` or ``full``: of the environment that is there, or that would be made."""
    prefix: str
    python: str
    """Version, for instance ``3.11.2``; '' while there is none."""
    base: str
    """Version of the base that it stands on; '' while there is none."""
    newest_base: str
    """Version that the site has activated; '' where the site has none."""
    packages: tuple[Package, ...]
    problems: tuple[Problem, ...]

    def to_json(self) -> dict[str, Any]:
        """As the REST bodies and ``--json`` carry it."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Status:
        """The opposite of to_json, for data from anywhere; KeyError, TypeError or ValueError if it is not one."""
        return cls(
            condition=Condition(data["condition"]),
            **{name: _read(data, name, str) for name in ("kind", "prefix", "python", "base", "newest_base")},
            packages=tuple(
                Package(
                    name=_read(package, "name", str),
                    version=_read(package, "version", str),
                    size_bytes=_read(package, "size_bytes", int),
                    installer=_read(package, "installer", str),
                )
                for package in data["packages"]
            ),
            problems=tuple(
                Problem(
                    code=_read(problem, "code", str),
                    text=_read(problem, "text", str),
                    remedy=Action(problem["remedy"]),
                    serious=_read(problem, "serious", bool),
                )
                for problem in data["problems"]
            ),
        )


Value = TypeVar("Value", str, int, bool)


def _read(data: dict[str, Any], name: str, kind: type[Value]) -> Value:
    value = data[name]
    if type(value) is not kind:
        raise TypeError(f"{name} must be {kind.__name__}")
    return value
