"""The figures of a run: what was measured of whom, and how many numbers become one. Pure."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Figures:
    """What one scenario told of one subject. Seconds, milliseconds or counts, as the key's ending says."""

    scenario: str
    subject: str
    values: Mapping[str, float]
    problems: tuple[str, ...] = ()
    """What was answered where something failed; each text once."""

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Figures:
        """The opposite of dataclasses.asdict."""
        return cls(data["scenario"], data["subject"], dict(data["values"]), tuple(data["problems"]))


@dataclass(frozen=True, slots=True)
class Machine:
    """Where it was measured."""

    processor: str
    cores: int
    memory_gib: int
    kernel: str


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the bench. ``versions`` by the name of the program."""

    taken_at: str
    machine: Machine
    versions: Mapping[str, str]
    figures: tuple[Figures, ...]

    def to_json(self) -> dict[str, Any]:
        """JSON-able form."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Run:
        """The opposite of to_json."""
        figures = tuple(Figures.from_json(entry) for entry in data["figures"])
        return cls(data["taken_at"], Machine(**data["machine"]), dict(data["versions"]), figures)

    def value(self, scenario: str, subject: str, key: str) -> float | None:
        """One number, or None when it was not measured."""
        for figures in self.figures:
            if (figures.scenario, figures.subject) == (scenario, subject):
                return figures.values.get(key)
        return None


def take_percentile(values: Sequence[float], percent: float) -> float:
    """The smallest of ``values`` that at least ``percent`` of them do not exceed (nearest rank)."""
    if not values:
        raise ValueError("no values")
    rank = max(1, math.ceil(len(values) * percent / 100))
    return sorted(values)[rank - 1]


def summarise_starts(seconds: Sequence[float], failures: int) -> dict[str, float]:
    """Of starts that went well: median and slowest; and how many did not."""
    values: dict[str, float] = {"failures": failures}
    if seconds:
        values |= {"median_s": statistics.median(seconds), "slowest_s": max(seconds)}
    return values


def summarise_latencies(seconds: Sequence[float]) -> dict[str, float]:
    """Of the hub's answers during a burst."""
    return {
        "latency_p50_ms": take_percentile(seconds, 50) * 1000,
        "latency_p99_ms": take_percentile(seconds, 99) * 1000,
        "latency_max_ms": max(seconds) * 1000,
    }
