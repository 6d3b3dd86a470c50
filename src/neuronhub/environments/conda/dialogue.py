"""Shows what will be done to an environment, and asks."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from neuronhub.environments.conda.listing import render_columns, shorten_channel
from neuronhub.environments.conda.solving import Plan
from neuronhub.language import translate as _

_UNITS = ("B", "kB", "MB", "GB")


def render_plan(plan: Plan) -> str:
    """What comes, what changes and what goes, with what has to be fetched."""
    sections: dict[str, list[tuple[str, ...]]] = {}
    for name in plan.changed:
        title, row = _describe_change(plan, name)
        sections.setdefault(title, []).append(row)
    for name in plan.removed:
        below = plan.contents.below.get(name)
        back = _("(the base's {version} shows again)").format(version=below.version) if below else ""
        title = _("The following packages will be REMOVED:")
        sections.setdefault(title, []).append((name, str(plan.contents.own[name].version), back))
    for name, need in plan.broken:
        title = _("These packages of the base may not work in this environment any more:")
        sections.setdefault(title, []).append((_("{name}, which needs {need}").format(name=name, need=need),))
    total = sum(plan.records[name].size or 0 for name in plan.changed)
    lines = [_("Environment: {prefix}").format(prefix=plan.contents.prefix)]
    for title, rows in sections.items():
        lines += ["", title, *(f"  {line}" for line in render_columns(rows))]
    return "\n".join([*lines, "", _("Packages: {size}").format(size=render_size(total))])


def _describe_change(plan: Plan, name: str) -> tuple[str, tuple[str, ...]]:
    """The title under which the change of the package ``name`` is shown, and its columns."""
    record, old = plan.records[name], plan.contents.seen.get(name)
    size = render_size(record.size or 0)
    row: tuple[str, ...] = (name, str(record.version), shorten_channel(record.channel), size)
    if old is None:
        return _("The following packages will be INSTALLED:"), row
    text = _("now {version}") if name in plan.contents.own else _("the base has {version}")
    row = (*row, text.format(version=old.version))
    if old.version == record.version:
        return _("The following packages will be INSTALLED:"), row
    if old.version < record.version:
        return _("The following packages will be UPDATED:"), row
    return _("The following packages will be DOWNGRADED:"), row


def render_size(size: float) -> str:
    """Bytes for people."""
    for unit in _UNITS[:-1]:
        if size < 1000:
            return f"{size:.0f} {unit}"
        size /= 1000
    return f"{size:.1f} {_UNITS[-1]}"


def ask(question: str) -> bool:
    """True for yes, or just Enter; no answer at all counts as no."""
    print(f"{question} ([y]/n)? ", end="", flush=True)
    for answer in _read_answers():
        if answer in ("", "y", "yes"):
            return True
        if answer in ("n", "no"):
            return False
        print(_("Answer y or n: "), end="", flush=True)
    print()
    return False


def _read_answers() -> Iterator[str]:
    for line in sys.stdin:
        yield line.strip().lower()
