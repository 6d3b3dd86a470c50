"""The environment of the hubs that NeuronHub is measured beside: plain JupyterHub and batchspawner, from a lock."""

from __future__ import annotations

import hashlib
import shutil
import sys
from importlib.metadata import version
from pathlib import Path

from bench.site import CHECKOUT, Site, run_command

ENVIRONMENT = CHECKOUT / ".cache" / "bench-venv"
LOCK = CHECKOUT / "requirements" / "bench.txt"
SYSTEM_PYTHON = "/usr/bin/python3"
"""Other users can run it, wherever the checkout lies."""


async def ensure_environment() -> None:
    """Make the environment, or make it anew when the lock has changed."""
    made_from = ENVIRONMENT / ".made-from-lock"
    digest = hashlib.sha256(LOCK.read_bytes()).hexdigest()
    if made_from.exists() and made_from.read_text() == digest:
        return
    uv = str(Path(sys.prefix) / "bin" / "uv")
    shutil.rmtree(ENVIRONMENT, ignore_errors=True)
    await run_command(uv, "venv", "-q", "--python", SYSTEM_PYTHON, "--relocatable", str(ENVIRONMENT))
    python = str(ENVIRONMENT / "bin" / "python")
    install = ("pip", "install", "-q", "--no-deps", "--require-hashes", "--compile-bytecode")
    await run_command(uv, *install, "--python", python, "-r", str(LOCK))
    made_from.write_text(digest)


def copy_environment(site: Site) -> None:
    """Lay the environment, and batchspawner alone for the users' servers, where the site's users can read them."""
    target = site.folder / "environment"
    if target.exists():
        return
    shutil.copytree(ENVIRONMENT, target, symlinks=True)
    (package,) = target.glob("lib/python*/site-packages/batchspawner")
    shutil.copytree(package, site.folder / "packages" / "batchspawner")


def find_batchspawner_version() -> str:
    """The version that the lock names."""
    lines = LOCK.read_text().splitlines()
    (line,) = (line for line in lines if line.startswith("batchspawner=="))
    return line.split("==")[1].split()[0]


async def describe_versions(site: Site) -> dict[str, str]:
    """What is measured, by name."""
    return {
        "NeuronHub": version("neuronhub"),
        "JupyterHub": version("jupyterhub"),
        "batchspawner": find_batchspawner_version(),
        "Slurm": (await site.run("/usr/bin/sinfo", "--version")).split()[-1],
    }
