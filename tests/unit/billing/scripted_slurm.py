"""A site whose Slurm is a few scripts: it knows the account physics, with ada, and the account chemistry, with bob."""

from __future__ import annotations

import tomllib
from pathlib import Path

from neuronhub.site import Site

CONFIGURATION = """\
AccountingStorageTRES   = {tres}
AccountingStorageType   = accounting_storage/slurmdbd
ClusterName             = neuron
JobAcctGatherType       = {counts_by}
PrivateData             = none
ProctrackType           = {tracks_by}"""
BY_CGROUP = ("jobacct_gather/cgroup", "proctrack/cgroup")
MEMBERS = "ada|physics|physics||neuron\nbob|chemistry|chemistry||neuron"
COORDINATORS = "physics|ada\nchemistry|"


def write_slurm(
    folder: Path, *, tres: str = "cpu,mem,node,billing,gres/gpu", plugins: tuple[str, str] = BY_CGROUP
) -> None:
    """The commands that billing asks; ``tres`` is what accounting keeps of jobs, by ``plugins`` they are looked at."""
    configuration = CONFIGURATION.format(tres=tres, counts_by=plugins[0], tracks_by=plugins[1])
    _write(folder / "scontrol", f"cat <<'end'\n{configuration}\nend")
    _write(folder / "sacct", "true")
    _write(
        folder / "sacctmgr",
        f"case $* in\n*withcoord*) cat <<'end'\n{COORDINATORS}\nend\n;;\n*) cat <<'end'\n{MEMBERS}\nend\n;;\nesac",
    )


def silence(folder: Path, command: str) -> None:
    """Have one of them fail as it does when its daemon is away."""
    _write(folder / command, "echo 'error: Connection refused' >&2; exit 1")


def _write(command: Path, script: str) -> None:
    command.write_text(f"#!/bin/sh\n{script}\n")
    command.chmod(0o755)


def make_site(folder: Path, *, prices: str = '[{ amount = "12000" }]', billing: str = "[billing]") -> Site:
    """A site whose state and Slurm lie in ``folder``; the queue v100 has ``prices``."""
    return Site.model_validate(
        tomllib.loads(
            f"""
            [hub]
            public_url = "https://127.0.0.1:1/"
            proxy_token_file = "{folder}/none"
            cookie_secret_file = "{folder}/none"
            start_key_file = "{folder}/none"
            state_dir = "{folder}"
            [slurm]
            bin_dir = "{folder}"
            {billing}
            [[queues]]
            name = "jupyter"
            [[queues]]
            name = "v100"
            prices = {prices}
            """
        )
    )
