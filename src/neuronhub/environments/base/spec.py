"""What a base is made from: a list of packages in conda's words, as an environment file (YAML) or one a line.

Read by ``neuronhub base build``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import yaml
from rattler import MatchSpec
from rattler.exceptions import InvalidMatchSpecError

from neuronhub.errors import ConflictingState
from neuronhub.language import translate as _

_KEYS = {"name", "dependencies"}


def read_spec(path: Path) -> tuple[str, ...]:
    """Return the packages that the file asks for; raises ConflictingState when it cannot be read or is wrong."""
    try:
        text = path.read_text(encoding="utf-8")
        lines = _parse_environment(text) if path.suffix in (".yaml", ".yml") else _parse_list(text)
        for line in lines:
            MatchSpec(line)
    except OSError as error:
        raise ConflictingState(
            _("{path} cannot be read: {reason}. Name the file with the base's packages.").format(
                path=path, reason=error.strerror
            )
        ) from error
    except (ValueError, yaml.YAMLError, InvalidMatchSpecError) as error:
        raise ConflictingState(_("{path} is no list of packages: {reason}.").format(path=path, reason=error)) from error
    if not lines:
        raise ConflictingState(_("{path} names no packages.").format(path=path))
    return tuple(lines)


def _parse_environment(text: str) -> list[str]:
    document = yaml.safe_load(text)
    if not isinstance(document, dict):
        document = {}
    unknown = sorted(str(key) for key in set(document) - _KEYS)
    if unknown:
        raise ValueError(
            _("it may not have {keys}; channels are named in the site file").format(keys=", ".join(unknown))
        )
    lines = document.get("dependencies")
    if not isinstance(lines, list) or not all(isinstance(line, str) for line in lines):
        raise ValueError(_("it needs the key dependencies: a list of conda packages, each a text"))
    return lines


def _parse_list(text: str) -> list[str]:
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return [line for line in lines if line]


def fingerprint(spec: Sequence[str], channels: Sequence[str], platform: str) -> str:
    """A name for what is asked for, and where: the same for the same base, whatever the order of its packages."""
    words = [platform, *channels, "", *sorted(spec)]
    return hashlib.sha256("\n".join(words).encode()).hexdigest()
