"""Tries whether the kernel "Python 3" of an environment could start, by importing what it is made of.

Runs as the user, where the environment is looked at. What its Python prints or does is the user's own: it gets limited
time and room.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from neuronhub import process
from neuronhub.environments.user_files import show
from neuronhub.errors import CommandSilent
from neuronhub.language import translate as _

PROBE_SECONDS = 30.0
"""A cold file system needs five; what takes longer would fail Jupyter's own limit for a kernel as well."""

_IMPORTS = "import ipykernel.kernelapp, IPython, zmq, traitlets, tornado.ioloop, jupyter_client"
_LIMIT_BYTES = 1024 * 1024


def probe_kernel(prefix: Path, seconds: float = PROBE_SECONDS) -> str | None:
    """Return None when the kernel's packages can be imported in ``prefix``, else why not: one line for a person."""
    argv = [str(prefix / "bin" / "python"), "-I", "-B", "-c", _IMPORTS]
    environment = {"PATH": "/usr/bin:/bin", "HOME": os.environ.get("HOME", "/"), "LC_ALL": "C.UTF-8"}
    try:
        output = asyncio.run(
            process.run("python", argv, environment=environment, timeout_s=seconds, limit_bytes=_LIMIT_BYTES)
        )
    except CommandSilent as error:
        if isinstance(error.__cause__, OSError) and error.__cause__.strerror:
            return f"{argv[0]}: {error.__cause__.strerror}"
        return _("Python does not get ready within {seconds} seconds.").format(seconds=round(seconds))
    if output.code == 0:
        return None
    return find_last_line(output.stderr) or _("Python ends with code {code}.").format(code=output.code)


def find_last_line(text: str) -> str:
    """Return the last line of ``text`` that says something, without what a terminal would take for more than text."""
    return next((show(line.strip()) for line in reversed(text.splitlines()) if line.strip()), "")
