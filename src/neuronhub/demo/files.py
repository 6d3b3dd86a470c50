"""Writes the embedded site's configuration files and folders, with their owners. Runs inside."""

from __future__ import annotations

from pathlib import Path

from neuronhub.demo.certificates import ensure_certificates
from neuronhub.demo.commands import ensure_folder, give_file, write_file
from neuronhub.demo.directory import render_slapd_conf
from neuronhub.demo.ports import Ports
from neuronhub.demo.shape import ACCOUNTS, HUB_USER, NODES, PROXY_USER
from neuronhub.demo.site_file import render_site_file
from neuronhub.demo.slurm_conf import render_gres_conf, render_slurm_conf, render_slurmdbd_conf
from neuronhub.demo.state import StateFolder

HUB_MESSAGE_TIMEOUT_S = 2
"""The hub learns within a second, not nine, that the controller is away."""

_DATABASE_SQL = """\
CREATE DATABASE IF NOT EXISTS slurm_acct_db;
CREATE USER IF NOT EXISTS slurm@localhost IDENTIFIED VIA unix_socket;
GRANT ALL ON slurm_acct_db.* TO slurm@localhost;
"""


def write_files(state: StateFolder, ports: Ports, public_url: str) -> None:
    """Write everything that the parts read when they start."""
    _ensure_folders(state)
    for log in state.log.glob("*.log"):
        log.replace(log.with_suffix(".log.1"))
    slurm_conf = render_slurm_conf(state, ports)
    write_file(state.slurm / "slurm.conf", slurm_conf)
    write_file(state.slurm / "gres.conf", render_gres_conf())
    write_file(state.slurm / "slurmdbd.conf", render_slurmdbd_conf(state, ports), "slurm", 0o600)
    write_file(state.slurm / "database.sql", _DATABASE_SQL)
    ensure_folder(state.hub_slurm_conf.parent)
    write_file(state.hub_slurm_conf, render_slurm_conf(state, ports, message_timeout_s=HUB_MESSAGE_TIMEOUT_S))
    write_file(state.ldap / "slapd.conf", render_slapd_conf(state), "openldap", 0o640)
    ensure_certificates(state.tls)
    give_file(state.tls / "ldap.key", "openldap")
    give_file(state.tls / "public.key", PROXY_USER)
    for name in ("proxy-token", "admin-token", "cookie-secret", "login-key", "start-key"):
        give_file(state.secret_file(name), HUB_USER)
    write_file(state.site_file, render_site_file(state, ports, public_url))


def _ensure_folders(state: StateFolder) -> None:
    for folder in (state.run, state.log, state.slurm, state.ldap, state.tls, state.path / "data"):
        ensure_folder(folder)
    ensure_folder(state.munge_socket.parent, "munge")
    ensure_folder(state.secrets, "root", 0o711)
    ensure_folder(state.ldap / "data", "openldap", 0o700)
    for part, user in (("munge", "munge"), ("mariadb", "mysql"), ("slurmctld", "slurm"), ("slurmd", "root")):
        ensure_folder(state.data(part), user, 0o700 if part != "slurmd" else 0o755)
    for node in NODES:
        ensure_folder(state.data("slurmd") / node.name)
    ensure_folder(state.hub, HUB_USER, 0o700)
    for name, user in (("munge", "munge"), ("mysqld", "mysql"), ("slurm", "slurm"), ("slapd", "openldap")):
        ensure_folder(Path("/run") / name, user)
    ensure_folder(Path("/scratch"))
    ensure_folder(Path("/home"))
    for account in ACCOUNTS:
        ensure_folder(Path("/scratch") / account.id, account.id, 0o700)
        _ensure_home(account.id)


def _ensure_home(user: str) -> None:
    """Make the user's home folder; a new one gets the start-up files that the system gives to a new user."""
    home = Path("/home") / user
    new = not home.exists()
    ensure_folder(home, user, 0o700)
    for file in Path("/etc/skel").iterdir() if new else ():
        if file.is_file():
            write_file(home / file.name, file.read_text(encoding="utf-8"), user)
