"""The Python and the platform that a channel is made for, asked of an interpreter.

Runs in ``neuronhub base channel``.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from packaging.tags import Tag, compatible_tags, cpython_tags, platform_tags

from neuronhub.errors import ConflictingState
from neuronhub.language import translate as _

PLATFORM = "linux-64"
_LIMIT_S = 30

# What packaging.markers.default_environment() would say there.
_QUESTION = """
import json, os, platform, site, sys
print(json.dumps({
    "environment": {
        "implementation_name": sys.implementation.name,
        "implementation_version": platform.python_version(),
        "os_name": os.name,
        "platform_machine": platform.machine(),
        "platform_python_implementation": platform.python_implementation(),
        "platform_release": platform.release(),
        "platform_system": platform.system(),
        "platform_version": platform.version(),
        "python_full_version": platform.python_version(),
        "python_version": "%d.%d" % sys.version_info[:2],
        "sys_platform": sys.platform,
    },
    "program": os.path.realpath(sys.executable),
    "prefix": sys.base_prefix,
    "site_packages": site.getsitepackages(),
    "library": os.path.dirname(os.__file__),
    "shared": any("/libpython" in line for line in open("/proc/self/maps")) if sys.platform == "linux" else False,
}))
"""


@dataclass(frozen=True)
class Target:
    """A CPython on linux-64."""

    program: Path
    """The interpreter itself, links followed."""
    prefix: Path
    environment: Mapping[str, str]
    """What environment markers see."""
    site_packages: tuple[str, ...]
    """Where it looks for packages by itself."""

    @property
    def version(self) -> str:
        """For instance ``3.11.2``."""
        return self.environment["python_full_version"]

    @property
    def minor(self) -> str:
        """For instance ``3.11``."""
        return self.environment["python_version"]

    @property
    def digits(self) -> str:
        """``311``, as in build strings and tags."""
        return self.minor.replace(".", "")

    @cached_property
    def tags(self) -> Mapping[Tag, int]:
        """Tags of the wheels that run there -> rank, 0 is the best; the C library is this machine's."""
        version = [int(number) for number in self.minor.split(".")]
        platforms = list(platform_tags())
        ours = [
            *cpython_tags(version, platforms=platforms),
            *compatible_tags(version, interpreter=f"cp{self.digits}", platforms=platforms),
        ]
        return {tag: rank for rank, tag in reversed(list(enumerate(ours)))}

    def rank(self, tags: Iterable[Tag]) -> int | None:
        """How well a wheel with ``tags`` fits, 0 is the best; None: it does not run there."""
        return min((self.tags[tag] for tag in tags if tag in self.tags), default=None)


def read_target(python: Path) -> Target:
    """Ask the interpreter ``python``; raises ConflictingState when that is no CPython on linux-64."""
    try:
        answer = subprocess.run([python, "-I", "-c", _QUESTION], capture_output=True, text=True, timeout=_LIMIT_S)
        facts = json.loads(answer.stdout)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        text = _("{python} is no Python that runs here. Name another one with --python.")
        raise ConflictingState(text.format(python=python)) from error
    environment = facts["environment"]
    kind = (environment["implementation_name"], environment["sys_platform"], environment["platform_machine"])
    if kind != ("cpython", "linux", "x86_64"):
        text = _("{python} is no CPython for Linux on x86_64. Name another one with --python.")
        raise ConflictingState(text.format(python=python))
    if facts["shared"] or Path(facts["library"]) != Path(
        facts["prefix"], "lib", f"python{environment['python_version']}"
    ):
        text = _(
            "{python} cannot be copied: it needs libpython, or its library lies elsewhere than in lib. "
            "Name another one with --python."
        )
        raise ConflictingState(text.format(python=python))
    return Target(Path(facts["program"]), Path(facts["prefix"]), environment, tuple(facts["site_packages"]))
