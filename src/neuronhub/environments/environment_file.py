"""The file that an environment is exported to and made again from: ``environment.yml`` as conda and mamba know it.

Text in, values out, and back; nothing else is read or written.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import yaml
from packaging.requirements import InvalidRequirement, Requirement
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from neuronhub.environments.user_files import show
from neuronhub.errors import ConflictingState
from neuronhub.language import translate as _

_LIMIT = 1024 * 1024
_KEYS = frozenset({"name", "channels", "dependencies", "prefix", "platforms"})
_CONDA = re.compile(
    r"(?:[A-Za-z0-9:/._-]+::)?"  # the channel
    r"(?P<name>[A-Za-z0-9_][A-Za-z0-9_.-]*)\s*"
    r"(?P<version>[=<>!~][=<>!~,|*.+A-Za-z0-9_\s-]*|[0-9*][*.+A-Za-z0-9_|,<>=!~-]*)?"
)
_EXACT = re.compile(r"==?([A-Za-z0-9.!+_]+)=[A-Za-z0-9_.*]+")
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+!/@:\[\],<>=~-]*(?: @ [A-Za-z0-9+:/@._~%#=&?-]+)?")
_PLACE = re.compile(r"(?:\.{0,2}/|[a-z+]+://|git\+)\S+")


@dataclass(frozen=True, slots=True)
class EnvironmentFile:
    """What the file asks for."""

    channels: tuple[str, ...]
    conda: tuple[str, ...]
    """Specs in conda's words, ``numpy=1.26.4``, without builds: those differ from channel to channel."""
    pip: tuple[str, ...]
    """Lines of a requirements file."""


def render_environment_file(name: str, wanted: EnvironmentFile, comments: Sequence[str]) -> str:
    """Return the file's text; ``comments`` go to its top, a line each."""
    lines = [f"# {show(comment)}" for comment in comments]
    lines += [f"name: {name}", "channels:", *(f"  - {_quote(channel)}" for channel in wanted.channels)]
    lines += ["dependencies:", *(f"  - {_quote(spec)}" for spec in wanted.conda)]
    if wanted.pip:
        lines += ["  - pip:", *(f"    - {_quote(line)}" for line in wanted.pip)]
    return "\n".join(lines) + "\n"


def parse_environment_file(text: str) -> EnvironmentFile:
    """Return what ``text`` asks for; raises ConflictingState, which names the line that is wrong."""
    if len(text) > _LIMIT:
        raise ConflictingState(_("The file is larger than an environment.yml can be. Export the environment again."))
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise _wrong(line, error.problem or error.context or "") from error
    except (yaml.YAMLError, RecursionError) as error:
        raise ConflictingState(_("The file is no YAML. Export the environment again.")) from error
    if not isinstance(root, MappingNode):
        raise _wrong(1, _("this is no environment.yml: the key dependencies is missing"))
    entries: dict[str, Node] = {}
    for key, value in root.value:
        name = _read_scalar(key)
        if name not in _KEYS:
            raise _wrong(key.start_mark.line + 1, _("NeuronHub does not know the key {key}").format(key=show(name)))
        entries[name] = value
    if "dependencies" not in entries:
        raise _wrong(1, _("this is no environment.yml: the key dependencies is missing"))
    channels = [_read_scalar(node) for node in _read_list(entries["channels"])] if "channels" in entries else []
    conda: list[str] = []
    pip: list[str] = []
    for node in _read_list(entries["dependencies"]):
        if isinstance(node, MappingNode):
            pip += _read_pip(node)
        else:
            conda.append(_read_conda(node))
    return EnvironmentFile(tuple(channels), tuple(conda), tuple(pip))


def conda_name(spec: str) -> str:
    """Return the name of the package that ``spec``, one of EnvironmentFile.conda, asks for."""
    match = _CONDA.fullmatch(spec)
    assert match is not None, spec
    return match["name"].lower()


def _read_conda(node: Node) -> str:
    spec = _read_scalar(node).strip()
    match = _CONDA.fullmatch(spec)
    if match is None:
        raise _wrong(node.start_mark.line + 1, _("{spec} is no conda package").format(spec=show(spec)))
    exact = _EXACT.fullmatch(match["version"] or "")
    return f"{match['name']}=={exact[1]}" if exact else f"{match['name']}{match['version'] or ''}"


def _read_pip(node: MappingNode) -> Iterator[str]:
    for key, value in node.value:
        if _read_scalar(key) != "pip":
            raise _wrong(key.start_mark.line + 1, _("only pip: may stand here"))
        for entry in _read_list(value):
            yield _read_requirement(entry)


def _read_requirement(node: Node) -> str:
    line = _read_scalar(node).strip()
    if not line.startswith("-") and not _PLACE.fullmatch(line):  # options and places are pip's to judge
        try:
            Requirement(line)
        except InvalidRequirement as error:
            text = _("{line} is nothing that pip installs").format(line=show(line))
            raise _wrong(node.start_mark.line + 1, text) from error
    return line


def _read_list(node: Node) -> list[Node]:
    if isinstance(node, ScalarNode) and node.tag == "tag:yaml.org,2002:null":
        return []
    if not isinstance(node, SequenceNode):
        raise _wrong(node.start_mark.line + 1, _("a list is expected here, each entry on a line that begins with -"))
    return list(node.value)


def _read_scalar(node: Node) -> str:
    if not isinstance(node, ScalarNode) or not node.value or not node.value.isprintable():
        raise _wrong(node.start_mark.line + 1, _("one word or line of text is expected here"))
    return str(node.value)


def _wrong(line: int, problem: str) -> ConflictingState:
    text = _("Line {line} of the file is wrong: {problem}. Correct it, or export the environment again.")
    return ConflictingState(text.format(line=line, problem=problem.rstrip(".")))


def _quote(text: str) -> str:
    return text if _PLAIN.fullmatch(text) else json.dumps(text, ensure_ascii=False)
