"""The few settings that people change: ``auto_activate_base`` in ``~/.condarc``, which conda itself reads as well."""

from __future__ import annotations

import json
import re
from pathlib import Path

from neuronhub.environments.layout import Layout
from neuronhub.errors import ConflictingState
from neuronhub.language import translate as _

AUTO_ACTIVATE = "auto_activate_base"
_LINE = re.compile(rf"^{AUTO_ACTIVATE}[ \t]*:[ \t]*(?P<value>\S*).*$\n?", re.MULTILINE)
_WORDS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


def read_settings(home: Path, layout: Layout) -> dict[str, object]:
    """All settings by name."""
    return {
        AUTO_ACTIVATE: _read_automatic(home),
        "channels": list(layout.channels),
        "envs_dirs": [str(layout.envs)],
        "pkgs_dirs": [str(layout.packages)],
    }


def render_settings(settings: dict[str, object]) -> str:
    """As YAML, which conda prints as well."""
    lines = []
    for key, value in settings.items():
        if isinstance(value, list):
            lines += [f"{key}:", *(f"  - {entry}" for entry in value)]
        else:
            lines.append(f"{key}: {json.dumps(value)}")
    return "\n".join(lines)


def write_setting(home: Path, key: str, value: str) -> None:
    """Set ``key`` in ``~/.condarc`` and leave the rest of the file as it is; raises ConflictingState."""
    if key != AUTO_ACTIVATE:
        text = _("{key} cannot be set here: channels and places are the site's. For one command: -c CHANNEL, -p PATH")
        raise ConflictingState(text.format(key=key))
    if value.lower() not in _WORDS:
        raise ConflictingState(_("{key} is true or false, not {value}.").format(key=key, value=value))
    line = f"{AUTO_ACTIVATE}: {'true' if _WORDS[value.lower()] else 'false'}\n"
    rest = _LINE.sub("", _read(home))
    text = rest + ("\n" if rest and not rest.endswith("\n") else "") + line
    (home / ".condarc").write_text(text, encoding="utf-8", errors="surrogateescape")


def _read_automatic(home: Path) -> bool:
    match = _LINE.search(_read(home))
    return match is not None and _WORDS.get(match["value"].lower(), False)


def _read(home: Path) -> str:
    """The user's settings, whatever bytes they have; '' where there are none."""
    file = home / ".condarc"
    return file.read_text(encoding="utf-8", errors="surrogateescape") if file.exists() else ""
