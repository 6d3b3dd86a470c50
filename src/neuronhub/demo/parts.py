"""The parts of the embedded site: what each process is, and what has to be there before it. Runs inside."""

from __future__ import annotations

import asyncio
import json
import os
from functools import partial
from pathlib import Path

from neuronhub.demo.commands import answers_http, answers_tcp, answers_unix, ensure_folder, run_command, write_file
from neuronhub.demo.directory import render_entries
from neuronhub.demo.installation import NODE, PROXY, PYTHON, SOURCE
from neuronhub.demo.ports import Ports
from neuronhub.demo.shape import GRANTS, HUB_USER, NODES, PROXY_USER, Node
from neuronhub.demo.slurm_conf import render_slurm_accounts
from neuronhub.demo.state import Secret, StateFolder
from neuronhub.demo.supervisor import Part
from neuronhub.site import DEFAULT_SITE

STOP_ORDER = (("hub",), ("proxy", "slapd", *(f"slurmd-{node.name}" for node in NODES)), ("slurmctld",), ("slurmdbd",))
"""Slurm's parts end in this order, so that each can still say what it has to say to the next."""

_DATABASE_SOCKET = Path("/run/mysqld/mysqld.sock")
_SMALL_LOG = "--innodb-log-file-size=16M"
_DATABASE_OPTIONS = (
    "--skip-networking",
    "--performance-schema=0",
    "--innodb-buffer-pool-size=64M",
    _SMALL_LOG,
    "--innodb-flush-log-at-trx-commit=2",
    "--innodb-lock-wait-timeout=900",
)


def plan_parts(state: StateFolder, ports: Ports, secrets: dict[str, Secret], *, tls: bool) -> tuple[Part, ...]:
    """All parts of the site."""
    return (
        _plan_munged(state),
        _plan_slapd(state, ports, secrets),
        _plan_mariadb(state),
        _plan_proxy(state, ports, tls=tls),
        *_plan_slurm(state, ports),
        _plan_hub(state, ports, secrets),
    )


def _plan_munged(state: StateFolder) -> Part:
    key, socket = state.secret_file("munge.key"), state.munge_socket

    async def ensure_key() -> None:
        if not key.exists():
            key.touch(0o600)
            key.write_bytes(os.urandom(1024))
        await run_command("/bin/chown", "munge:munge", str(key))
        key.chmod(0o400)

    return Part(
        name="munged",
        argv=(
            "/usr/sbin/munged",
            "--foreground",
            f"--key-file={key}",
            f"--socket={socket}",
            "--pid-file=/run/munge/munged.pid",
            f"--seed-file={state.data('munge')}/munged.seed",
            "--num-threads=4",
        ),
        user="munge",
        before=ensure_key,
        ready=partial(answers_unix, socket),
    )


def _plan_slapd(state: StateFolder, ports: Ports, secrets: dict[str, Secret]) -> Part:
    configuration = state.ldap / "slapd.conf"
    data = state.ldap / "data"

    async def ensure_entries() -> None:
        if (state.ldap / "filled").exists():
            return
        ensure_folder(data, "openldap", 0o700)
        for file in data.iterdir():
            file.unlink()
        await run_command(
            "/usr/sbin/slapadd", "-q", "-f", str(configuration), user="openldap", stdin=render_entries(secrets)
        )
        (state.ldap / "filled").touch()

    return Part(
        name="slapd",
        argv=("/usr/sbin/slapd", "-d", "none", "-f", str(configuration), "-h", f"ldaps://127.0.0.1:{ports.ldaps}/"),
        user="openldap",
        before=ensure_entries,
        ready=partial(answers_tcp, "127.0.0.1", ports.ldaps),
        own_machine=True,
    )


def _plan_mariadb(state: StateFolder) -> Part:
    data = state.data("mariadb")

    async def ensure_database() -> None:
        if (state.data("mariadb-made")).exists():
            return
        for file in data.iterdir():
            await run_command("/bin/rm", "-rf", str(file))
        await run_command(
            "/usr/bin/mariadb-install-db",
            "--no-defaults",
            f"--datadir={data}",
            "--auth-root-authentication-method=socket",
            "--skip-test-db",
            _SMALL_LOG,
            user="mysql",
        )
        state.data("mariadb-made").touch()

    return Part(
        name="mariadb",
        argv=(
            "/usr/sbin/mariadbd",
            "--no-defaults",
            f"--datadir={data}",
            f"--socket={_DATABASE_SOCKET}",
            f"--init-file={state.slurm}/database.sql",
            "--pid-file=/run/mysqld/mysqld.pid",
            *_DATABASE_OPTIONS,
        ),
        user="mysql",
        before=ensure_database,
        ready=partial(answers_unix, _DATABASE_SOCKET),
        own_machine=True,
        stop_within_s=3,
    )


def _plan_proxy(state: StateFolder, ports: Ports, *, tls: bool) -> Part:
    hub_errors = f"http://127.0.0.1:{ports.hub_api}/hub/error"
    argv = [NODE, PROXY, "--ip=127.0.0.1", f"--port={ports.public}", "--api-ip=127.0.0.1"]
    argv += [f"--api-port={ports.proxy_api}", f"--error-target={hub_errors}", "--log-level=warn"]
    if tls:
        argv += [f"--ssl-cert={state.tls}/public.pem", f"--ssl-key={state.tls}/public.key"]

    async def answers() -> bool:
        return all([await answers_tcp("127.0.0.1", port) for port in (ports.public, ports.proxy_api)])

    return Part(
        name="proxy",
        argv=tuple(argv),
        user=PROXY_USER,
        environment=(
            ("CONFIGPROXY_AUTH_TOKEN", state.secret_file("proxy-token").read_text()),
            ("NODE_ENV", "production"),
        ),
        ready=answers,
        own_machine=True,
    )


def _plan_slurm(state: StateFolder, ports: Ports) -> tuple[Part, ...]:
    environment = (("SLURM_CONF", str(state.slurm / "slurm.conf")),)

    async def accounting_answers() -> bool:
        if not await answers_tcp("127.0.0.1", ports.slurmdbd):
            return False
        await _ensure_slurm_accounts(state)
        return True

    slurmdbd = Part(
        name="slurmdbd",
        argv=("/usr/sbin/slurmdbd", "-D"),
        needs=("munged", "mariadb"),
        user="slurm",
        environment=environment,
        ready=accounting_answers,
        own_machine=True,
    )
    slurmctld = Part(
        name="slurmctld",
        argv=("/usr/sbin/slurmctld", "-D"),
        needs=("munged", "slurmdbd"),
        user="slurm",
        environment=environment,
        ready=partial(answers_tcp, "127.0.0.1", ports.slurmctld),
        own_machine=True,
    )
    return (slurmdbd, slurmctld, *(_plan_slurmd(node, ports, environment) for node in NODES))


def _plan_slurmd(node: Node, ports: Ports, environment: tuple[tuple[str, str], ...]) -> Part:
    # What listens does so on the address of its host's name. For slurmd that is the node's own one. Steps of jobs call
    # srun back where it has called from, though, and on the way to a loopback address that is always 127.0.0.1.
    return Part(
        name=f"slurmd-{node.name}",
        argv=("/usr/sbin/slurmd", "-D", "-N", node.name),
        needs=("slurmctld",),
        environment=environment,
        ready=partial(answers_tcp, node.address, ports.slurmd(node.index)),
        host_name=node.name,
        ready_host_name=node.full_name,
    )


async def _ensure_slurm_accounts(state: StateFolder) -> None:
    """One command for all: each question to slurmdbd costs some tenths of a second."""
    made = state.data("slurm-accounts-made")
    if made.exists():
        return
    accounts = state.slurm / "accounts.cfg"
    write_file(accounts, render_slurm_accounts())
    await run_command(
        "/usr/bin/sacctmgr", "-i", "-Q", "load", f"file={accounts}", SLURM_CONF=str(state.slurm / "slurm.conf")
    )
    made.touch()


async def _ensure_grant(state: StateFolder, account: str, amount: int) -> None:
    """A Slurm account gets its first budget, as an operator would give it."""
    made = state.data(f"grant-made-{account}")
    if made.exists():
        return
    command = (PYTHON, "-m", "neuronhub.cli", "--site", str(DEFAULT_SITE), "billing", "grant", account, str(amount))
    await run_command(*command, "--note", "First budget", user=HUB_USER, PYTHONPATH=SOURCE)
    made.touch()


def _plan_hub(state: StateFolder, ports: Ports, secrets: dict[str, Secret]) -> Part:
    async def ensure_enrolled() -> None:
        made = state.data("enrolment-made")
        if made.exists():
            return
        request = {"site": str(state.site_file), "secrets": {id_: s.otp_secret for id_, s in secrets.items()}}
        await run_command(
            PYTHON, "-m", "neuronhub.demo.enrolment", user=HUB_USER, stdin=json.dumps(request), PYTHONPATH=SOURCE
        )
        made.touch()

    async def answers_with_budgets() -> bool:
        if not await answers_http(ports.hub_api, "/hub/health"):
            return False
        await asyncio.gather(*(_ensure_grant(state, account, amount) for account, amount in GRANTS.items()))
        return True

    return Part(
        name="hub",
        argv=(PYTHON, "-m", "neuronhub.cli", "up", "--site", str(DEFAULT_SITE)),
        needs=("proxy", "slapd", "slurmctld"),
        user=HUB_USER,
        before=ensure_enrolled,
        environment=(("PYTHONPATH", SOURCE),),
        ready=answers_with_budgets,
        own_machine=True,
        ready_within_s=60,
        stop_within_s=3,
    )
