"""A ledger whose database is away, wrong or busy: LedgerUnavailable, soon, with what to do; and it is used again."""

from __future__ import annotations

import os
import select
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from bench import postgresql as server
from bench.postgresql import PostgreSQL, PostgreSQLMissing
from tests.unit.billing.entries import NOON, Place, make_start

from neuronhub.billing import database
from neuronhub.billing.ledger import Ledger, open_ledger
from neuronhub.errors import LedgerUnavailable
from neuronhub.site import Site

SITE = {
    "hub": {
        "public_url": "https://jupyter.example.org",
        "proxy_token_file": "/x/proxy",
        "cookie_secret_file": "/x/cookie",
        "start_key_file": "/x/start",
        "state_dir": "/x",
    },
    "queues": [{"name": "jupyter"}],
}


@pytest.mark.parametrize(
    "url",
    [
        "mysql://db/billing",
        "sqlite://",
        "sqlite:///:memory:",
        "nothing at all",
        "postgresql",
        "oracle+cx_oracle://x/y",
    ],
)
def test_another_kind_of_database_is_refused(url: str) -> None:
    with pytest.raises(LedgerUnavailable, match=r"billing\.database_url"):
        Ledger(url, "KRW")


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    ledger = Ledger(f"sqlite:///{tmp_path}/nowhere/billing.sqlite", "KRW")
    with pytest.raises(LedgerUnavailable, match=r"nowhere/billing\.sqlite cannot be used .*folder must exist"):
        ledger.ensure_schema()
    assert not (tmp_path / "nowhere").exists()


def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "billing.sqlite"
    path.write_text("a poem, and a long one; " * 100)
    with pytest.raises(LedgerUnavailable, match="does not answer"):
        Ledger(f"sqlite:///{path}", "KRW").ensure_schema()
    assert path.read_text().startswith("a poem")


def test_a_ledger_that_was_never_made_says_so(place: Place) -> None:
    with pytest.raises(LedgerUnavailable, match="starts"):
        place.open().fetch_open()


def test_a_server_that_is_away_is_told_at_once_and_without_the_password(tmp_path: Path) -> None:
    ledger = Ledger(f"postgresql://hub@/billing?host={tmp_path}", "KRW", "keep-this-secret")
    with pytest.raises(LedgerUnavailable) as told:
        ledger.fetch_open()
    assert "does not answer" in str(told.value)
    assert "keep-this-secret" not in str(told.value)


def test_a_wrong_password_is_told_without_it(postgresql_place: Place) -> None:
    with pytest.raises(LedgerUnavailable, match="password authentication failed") as told:
        Ledger(postgresql_place.url, "KRW", "not-this-one").ensure_schema()
    assert "not-this-one" not in str(told.value)


def test_a_ledger_works_again_after_its_server_has_ended_all_connections(
    postgresql: PostgreSQL, postgresql_place: Place
) -> None:
    ledger = postgresql_place.open()
    ledger.ensure_schema()
    with postgresql.connect() as operator:
        operator.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'ledger'")
    assert ledger.fetch_open() == []


def test_a_lock_that_another_holds_for_too_long_is_told_and_nothing_is_written(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_TIMEOUT_S", 1)
    first, second = place.open(), place.open()
    first.ensure_schema()
    with first._database.write({"physics"}), pytest.raises(LedgerUnavailable, match="lock"):
        second.open_starts([make_start("s-1")], policy="refuse")
    second.grant("physics", 12000, by="root", note="2026", at=NOON)
    second.open_starts([make_start("s-1")], policy="refuse")
    assert [start.job_name for start in first.fetch_open()] == ["s-1"]


def test_readers_do_not_wait_for_a_writer(place: Place) -> None:
    ledger = place.open()
    ledger.ensure_schema()
    answered = threading.Event()

    def read() -> None:
        ledger.fetch_open()
        answered.set()

    with ledger._database.write({"physics"}):
        threading.Thread(target=read).start()
        assert answered.wait(10)


def make_site(**billing: object) -> Site:
    return Site.model_validate({**SITE, "billing": billing})


def test_a_site_names_its_database_and_the_file_of_its_password(postgresql_place: Place, tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text(f"{postgresql_place.password}\n")
    secret.chmod(0o640)
    ledger = open_ledger(make_site(database_url=postgresql_place.url, password_file=secret))
    ledger.ensure_schema()
    assert ledger.fetch_open() == []
    ledger.close()


@pytest.mark.parametrize(("mode", "words"), [(0o644, "chmod 600"), (None, "cannot be read")])
def test_a_password_that_everybody_may_read_is_refused(tmp_path: Path, mode: int | None, words: str) -> None:
    secret = tmp_path / "password"
    if mode is not None:
        secret.write_text("secret")
        secret.chmod(mode)
    with pytest.raises(LedgerUnavailable, match=words):
        open_ledger(make_site(database_url="postgresql://db/billing", password_file=secret))


SERVER = """
import sys
from bench.postgresql import run_postgresql
with run_postgresql(durable=False) as server:
    print(server.process.pid, server.folder, flush=True)
    sys.stdin.read()
"""


def test_the_server_of_tests_ends_with_tests_that_are_killed() -> None:
    tests = subprocess.Popen([sys.executable, "-c", SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert tests.stdout is not None
    pid, folder = tests.stdout.readline().split()
    watched = os.pidfd_open(int(pid))
    tests.send_signal(signal.SIGKILL)
    tests.communicate()
    ended, _, _ = select.select([watched], [], [], 30)
    os.close(watched)
    shutil.rmtree(folder)
    assert ended


def test_missing_postgresql_is_a_failure_that_names_its_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "PROGRAMS", tmp_path)
    with pytest.raises(PostgreSQLMissing, match=r"requirements/debian-test\.txt"):
        server.find_programs()
