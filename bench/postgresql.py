"""A PostgreSQL of one's own, for tests and measurements: Debian's programs on a temporary folder and a unix socket.

It runs as the system's user postgres (its programs refuse root) and ends with the process that started it, however
that ends. Debian's own service is not touched.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

PROGRAMS = Path("/usr/lib/postgresql")
USER = "postgres"
LIMIT_S = 60
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


class PostgreSQLMissing(Exception):
    """Debian's package is not installed."""


@dataclass
class PostgreSQL:
    """A running server."""

    folder: Path
    password: str = field(repr=False)
    process: subprocess.Popen[bytes]

    def url_of(self, database: str) -> str:
        """SQLAlchemy's URL of it, without the password."""
        return f"postgresql://{USER}@/{database}?host={self.folder}"

    def make_database(self, name: str = "ledger") -> str:
        """The URL of a database that is empty, whatever was in it."""
        with self.connect() as connection:
            known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone()
            if not known:
                connection.execute(f"CREATE DATABASE {name}".encode())
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))
        if known:  # to drop and make a database takes a second, for its hundreds of files
            with self.connect(name) as connection:
                connection.execute("DROP SCHEMA public CASCADE")
                connection.execute("CREATE SCHEMA public")
        return self.url_of(name)

    def connect(self, database: str = "postgres") -> psycopg.Connection:
        """A connection that commits every statement."""
        return psycopg.connect(
            host=str(self.folder), user=USER, password=self.password, dbname=database, autocommit=True
        )

    def wait_until_ready(self) -> None:
        """Return when it answers."""
        deadline = time.monotonic() + LIMIT_S
        while True:
            try:
                self.connect().close()
            except psycopg.OperationalError:
                log = (self.folder / "log").read_text(errors="replace")
                assert self.process.poll() is None, f"PostgreSQL did not start:\n{log}"
                assert time.monotonic() < deadline, f"PostgreSQL is not ready after {LIMIT_S} s:\n{log}"
                time.sleep(0.05)
            else:
                return


@contextlib.contextmanager
def run_postgresql(*, durable: bool) -> Iterator[PostgreSQL]:
    """A server for as long as the block runs; ``durable``: with the disk's syncs of a real one."""
    programs = find_programs()
    folder = Path(tempfile.mkdtemp(prefix="neuronhub-pg-"))
    owner = _find_owner()
    try:
        os.chown(folder, owner.pw_uid, owner.pw_gid)
        password = secrets.token_hex(16)
        _make_cluster(programs, folder, owner, password)
        settings = ["listen_addresses=", f"unix_socket_directories={folder}", "max_connections=60"]
        settings += [] if durable else ["fsync=off", "synchronous_commit=off", "full_page_writes=off"]
        argv = [str(programs / "postgres"), "-D", str(folder / "data")]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [*argv, *(word for setting in settings for word in ("-c", setting))],
                **_as_owner(owner),
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=_end_with_parent,
            )
        try:
            server = PostgreSQL(folder, password, process)
            server.wait_until_ready()
            yield server
        finally:
            process.send_signal(signal.SIGQUIT)  # at once: nobody needs what is in it
            process.wait(LIMIT_S)
    finally:
        shutil.rmtree(folder)


def find_programs() -> Path:
    """The folder of the newest version's programs; raises PostgreSQLMissing."""
    found = sorted(PROGRAMS.glob("*/bin/postgres"), key=lambda path: float(path.parent.parent.name))
    if not found:
        raise PostgreSQLMissing(f"No PostgreSQL below {PROGRAMS}: scripts/ensure-packages requirements/debian-test.txt")
    return found[-1].parent


def _find_owner() -> pwd.struct_passwd:
    return pwd.getpwnam(USER) if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())


def _as_owner(owner: pwd.struct_passwd) -> dict[str, Any]:
    """Arguments of Popen by which it runs as ``owner``."""
    if os.geteuid() != 0:
        return {}
    return {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}


def _make_cluster(programs: Path, folder: Path, owner: pwd.struct_passwd, password: str) -> None:
    secret = folder / "password"
    secret.touch(0o600)
    secret.write_text(password)
    os.chown(secret, owner.pw_uid, owner.pw_gid)
    words = ("--username", USER, "--pwfile", str(secret), "--auth", "scram-sha-256", "--no-sync")
    subprocess.run(
        [str(programs / "initdb"), "-D", str(folder / "data"), *words, "--encoding", "UTF8", "--locale", "C"],
        **_as_owner(owner),
        cwd=folder,
        check=True,
        capture_output=True,
    )


def _end_with_parent() -> None:
    # The kernel forgets this at a change of user, which Popen has made before.
    if _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGQUIT) != 0:
        raise OSError(ctypes.get_errno(), "prctl")
