"""Wheels for a channel: what a requirements file pins, found in a wheelhouse or fetched by pip from the package index.

Runs in ``neuronhub base channel``.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import InvalidWheelFilename, parse_wheel_filename
from packaging.version import Version

from neuronhub.environments.channel.specs import render_name
from neuronhub.environments.channel.target import Target
from neuronhub.environments.channel.wheels import Wheel
from neuronhub.errors import ConflictingState, NoRoom, PackagesNotFound
from neuronhub.language import translate as _

_HASH = re.compile(r"--hash[= ]sha256:([0-9a-f]{64})\b")
_COMPLAINT = re.compile(r"(?:ERROR: |× |╰─> )(.+)")
_LITTLE = 64 << 20
"""Bytes that are free where a disk may count as full."""
_OPTION = re.compile(r"(?:^|\s)--.*$")


@dataclass(frozen=True, slots=True)
class Pin:
    """One package of a requirements file, pinned to a version and to the files that it may be."""

    name: str
    version: Version
    hashes: frozenset[str]
    text: str
    """As the file has it, on one line."""


def read_requirements(path: Path, target: Target) -> list[Pin]:
    """What ``path`` pins for ``target``; raises ConflictingState for a line without exact version and sha256 hashes."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConflictingState(_("{path} cannot be read ({error}).").format(path=path, error=error)) from error
    lines = (re.sub(r"(^|\s)#.*$", "", line).strip() for line in re.sub(r"\\\r?\n", " ", text).splitlines())
    pins = (_parse_pin(line, path, target) for line in lines if line)
    return [pin for pin in pins if pin is not None]


def _parse_pin(line: str, path: Path, target: Target) -> Pin | None:
    """The pin of a line; None where its marker leaves ``target`` out."""
    try:
        requirement = Requirement(_OPTION.sub("", line))
        (specifier,) = requirement.specifier
        version = Version(specifier.version)
    except (InvalidRequirement, ValueError):
        specifier = None
    hashes = frozenset(_HASH.findall(line))
    if specifier is None or specifier.operator not in ("==", "===") or not hashes:
        sentence = _("{path}: {line}: no exact version with sha256 hashes. Lock with: uv pip compile --generate-hashes")
        raise ConflictingState(sentence.format(path=path, line=line[:80]))
    if requirement.marker is not None and not requirement.marker.evaluate(dict(target.environment)):
        return None
    return Pin(render_name(requirement.name), version, hashes, " ".join(line.split()))


def list_wheels(folder: Path, target: Target) -> list[Path]:
    """The wheels in ``folder`` that run on ``target``, of each version the one that fits best.

    Raises ConflictingState when there is no such folder, or one is not named as a wheel is.
    """
    if not folder.is_dir():
        raise ConflictingState(_("{folder} is no folder with wheels.").format(folder=folder))
    best: dict[tuple[str, Version], tuple[int, Path]] = {}
    for path in sorted(folder.glob("*.whl")):
        try:
            name, version, _build, tags = parse_wheel_filename(path.name)
        except InvalidWheelFilename as error:
            raise ConflictingState(_("{wheel} is not named as a wheel is.").format(wheel=path)) from error
        rank = target.rank(tags)
        if rank is not None:
            best[name, version] = min(best.get((name, version), (rank, path)), (rank, path))
    return [path for _rank, path in best.values()]


def split_pins(pins: Iterable[Pin]) -> list[list[Pin]]:
    """``pins`` in groups that have no name twice: pip takes one version of a package at a time."""
    groups: list[dict[str, Pin]] = []
    for pin in pins:
        for group in groups:
            if pin.name not in group:
                group[pin.name] = pin
                break
        else:
            groups.append({pin.name: pin})
    return [list(group.values()) for group in groups]


def fetch_wheels(pins: list[Pin], target: Target, folder: Path) -> Iterator[str]:
    """Have pip download the wheels of ``pins`` into ``folder``; yields for each when it is begun.

    pip's own configuration names the package index. Raises PackagesNotFound with what pip says, or NoRoom.
    """
    for group in split_pins(pins):
        with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as file:
            file.write("".join(f"{pin.text}\n" for pin in group))
            file.flush()
            yield from _run_pip(Path(file.name), target, folder)


def _run_pip(requirements: Path, target: Target, folder: Path) -> Iterator[str]:
    command = [
        *(sys.executable, "-m", "pip", "download", "--disable-pip-version-check", "--no-input"),
        *("--progress-bar=off", "--no-deps", "--require-hashes", "--only-binary=:all:"),
        *("--python-version", target.minor, "--dest", str(folder), "--requirement", str(requirements)),
    ]
    # Downloads go through TMPDIR: /tmp may be small.
    environment = {**os.environ, "TMPDIR": str(folder)}
    last: deque[str] = deque(maxlen=200)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment) as pip:
        assert pip.stdout is not None
        for line in pip.stdout:
            last.append(line.strip())
            if line.startswith("Collecting "):
                yield line
    if pip.returncode != 0:
        if shutil.disk_usage(folder).free < _LITTLE:  # pip takes a full disk for a slow network
            text = _("No room for wheels in {folder}. Make room, or name another place with --out.")
            raise NoRoom(text.format(folder=folder))
        raise explain_pip(last)


def explain_pip(lines: Iterable[str]) -> PackagesNotFound:
    """The error for what pip has said, with what to do next."""
    said = [match[1] for line in lines if (match := _COMPLAINT.match(line))]
    missing = [line.rpartition(" for ")[2] for line in said if line.startswith("No matching distribution found for ")]
    if missing:
        text = _(
            "The package index has no wheel of {packages} for this Python and platform, perhaps only its source. "
            "Build a wheel of it (pip wheel) into a folder and name that with --wheelhouse."
        )
        return PackagesNotFound(text.format(packages=", ".join(missing)))
    text = _("pip could not fetch the wheels: {reason}. Look at pip's configuration and the network, then try again.")
    return PackagesNotFound(text.format(reason=" ".join(said) or _("it gave no reason")))


def choose_wheels(pins: Iterable[Pin], wheels: Iterable[Wheel], target: Target) -> tuple[list[Wheel], list[Pin]]:
    """(the wheels that ``pins`` mean, the pins for which there is none)."""
    fitting = [wheel for wheel in wheels if target.rank(wheel.tags) is not None]
    chosen, missing = [], []
    for pin in pins:
        found = [wheel for wheel in fitting if wheel.sha256 in pin.hashes and wheel.name == pin.name]
        if found:
            chosen.append(min(found, key=lambda wheel: (target.rank(wheel.tags), wheel.file_name)))
        else:
            missing.append(pin)
    return chosen, missing
