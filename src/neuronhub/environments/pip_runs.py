"""Runs of pip in an environment: requirements in, installed packages or an error for a person out."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from neuronhub import process
from neuronhub.environments.user_files import show
from neuronhub.errors import CommandSilent, EnvironmentFailed, NoRoom, PackagesNotFound
from neuronhub.language import translate as _

_SECONDS = 3600.0
_FULL = ("No space left on device", "Disk quota exceeded")
_NOT_FOUND = (
    "No matching distribution",
    "Could not find a version",
    "conflicting dependencies",
    "ResolutionImpossible",
)
_TOLD = re.compile(r"(?:Collecting|Downloading|Building|Installing) .*")
_NOT_INHERITED = re.compile(r"PYTHON.*|VIRTUAL_ENV|__PYVENV_LAUNCHER__|PIP_(?:TARGET|PREFIX|ROOT|USER|PYTHON|DRY_RUN)")


def install_requirements(prefix: Path, lines: Sequence[str], tell: Callable[[str], None]) -> None:
    """Install the ``lines`` of a requirements file into ``prefix`` with its own pip; ``tell`` hears what pip does.

    The user's own settings of pip hold (indexes, proxies), but not where they want packages to be put.
    Raises PackagesNotFound, NoRoom or EnvironmentFailed; what has been installed by then stays.
    """
    requirements = prefix / "conda-meta" / "neuronhub-requirements"
    requirements.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    options = ("--no-input", "--disable-pip-version-check", "--no-color", "--progress-bar=off")
    argv = [str(prefix / "bin" / "python"), "-m", "pip", "install", *options, "-r", str(requirements)]
    environment = {name: value for name, value in os.environ.items() if not _NOT_INHERITED.fullmatch(name)}
    try:
        output = asyncio.run(
            process.run(
                "pip",
                argv,
                environment={**environment, "PIP_USER": "0", "PYTHONNOUSERSITE": "1", "LC_ALL": "C.UTF-8"},
                timeout_s=_SECONDS,
                take=lambda data: _pass_on(data, tell),
            )
        )
    except CommandSilent as error:
        text = _("pip did not come to an end: {reason} Try again.").format(reason=error)
        raise EnvironmentFailed(text) from error
    finally:
        requirements.unlink()
    if output.code != 0:
        raise _explain(output.stderr)


def _pass_on(data: bytes, tell: Callable[[str], None]) -> None:
    for line in data.decode("utf-8", errors="replace").splitlines():
        if _TOLD.fullmatch(line.strip()):
            tell(show(line.strip(), 120))


def _explain(stderr: str) -> EnvironmentFailed:
    errors = [show(line.strip()) for line in stderr.splitlines() if line.startswith("ERROR: ")]
    reason = "; ".join(line.removeprefix("ERROR: ").rstrip(".") for line in errors) or show(stderr.strip()[-300:])
    if any(words in stderr for words in _FULL):
        return NoRoom(_("There is no room left: {reason}. Delete what you do not need.").format(reason=reason))
    if any(words in stderr for words in _NOT_FOUND):
        text = _("pip cannot have what is asked for: {reason}. Correct these lines.")
        return PackagesNotFound(text.format(reason=reason))
    return EnvironmentFailed(_("pip could not install the packages: {reason}.").format(reason=reason))
