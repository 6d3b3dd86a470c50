"""A page of figures: words, rows and what is aimed at, rendered in both languages. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from bench.figures import Run
from bench.subjects import FLOOR, NEURONHUB


@dataclass(frozen=True, slots=True)
class Words:
    """One text in both languages."""

    en: str
    ko: str

    def __getitem__(self, language: str) -> str:
        return self.ko if language == "ko" else self.en


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    scenario: str
    key: str
    words: Words
    unit: str = "s"
    digits: int = 2
    aim: float | None = None
    """At most so much, for NeuronHub."""
    aim_is_floor: bool = False
    """At most what JupyterHub alone has."""

    def find_limit(self, run: Run) -> float | None:
        """What is aimed at, in this run."""
        return run.value(self.scenario, FLOOR, self.key) if self.aim_is_floor else self.aim

    def is_met(self, run: Run) -> bool | None:
        """Whether NeuronHub meets the aim; None where there is no aim, or nothing was measured."""
        limit, value = self.find_limit(run), run.value(self.scenario, NEURONHUB, self.key)
        return None if limit is None or value is None else round(value, self.digits) <= round(limit, self.digits)


@dataclass(frozen=True, slots=True)
class Section:
    """Rows under one heading."""

    title: Words
    rows: tuple[Row, ...]


_MET = {True: Words("met", "달성"), False: Words("**not met**", "**미달**"), None: Words("", "")}
_AS_ALONE = Words("as alone", "단독과 같게")
_PROBLEMS = Words("## What failed, in its own words", "## 실패한 것과 그 원인 (원문)")


@dataclass(frozen=True, slots=True)
class Book:
    """One page of the documentation: the text before the table, the columns, the rows, and the command of a row."""

    head: Words
    """With the places date, cores, processor, memory, kernel, versions, and the table's first two lines."""
    subjects: tuple[str, ...]
    sections: tuple[Section, ...]
    command: str
    """With the place scenario."""

    def render(self, run: Run, language: str) -> str:
        """The page of ``run`` in ``language`` (``en`` or ``ko``)."""
        machine = run.machine
        head = self.head[language].format(
            date=run.taken_at[:10],
            cores=machine.cores,
            processor=machine.processor,
            memory=machine.memory_gib,
            kernel=machine.kernel,
            versions=", ".join(f"{name} {number}" for name, number in run.versions.items()),
        )
        lines = [line for section in self.sections for line in self._render_section(section, run, language)]
        return head + "\n".join(lines) + "\n" + _render_problems(run, language)

    def _render_section(self, section: Section, run: Run, language: str) -> list[str]:
        return [
            f"| **{section.title[language]}** |" + " |" * (len(self.subjects) + 3),
            *(self._render_row(row, run, language) for row in section.rows),
        ]

    def _render_row(self, row: Row, run: Run, language: str) -> str:
        cells = [row.words[language]]
        cells += [_render_value(run.value(row.scenario, subject, row.key), row) for subject in self.subjects]
        if row.aim_is_floor:
            cells.append(f"≤ {_AS_ALONE[language]}")
        else:
            cells.append("" if row.aim is None else f"≤ {_render_value(row.aim, row)}")
        cells.append(_MET[row.is_met(run)][language])
        cells.append(f"`{self.command.format(scenario=row.scenario)}`")
        return "| " + " | ".join(cells) + " |"


def _render_value(value: float | None, row: Row) -> str:
    return "—" if value is None else f"{value:.{row.digits}f} {row.unit}".strip()


def _render_problems(run: Run, language: str) -> str:
    lines = [
        f"- {figures.subject}, `{figures.scenario}`: {problem}"
        for figures in run.figures
        for problem in figures.problems[:3]
    ]
    return "\n" + "\n".join([_PROBLEMS[language], "", *lines]) + "\n" if lines else ""
