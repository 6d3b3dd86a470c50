"""Spent codes, and the database below them."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import func, select
from tests.unit.login.conftest import Clock

from neuronhub.errors import LoginSetupError
from neuronhub.login.database import Database, spent_codes
from neuronhub.login.ledger import Ledger

CLAIM = """
import asyncio, sys
from pathlib import Path
from neuronhub.login.database import Database
from neuronhub.login.ledger import Ledger
sys.stdin.readline()
database = Database(Path(sys.argv[1]))
print(asyncio.run(Ledger(database).claim("alice", "totp:1", 600)))
database.close()
"""


async def test_code_is_good_once(database: Database) -> None:
    ledger = Ledger(database)
    assert await ledger.claim("alice", "totp:1", 600)
    assert not await ledger.claim("alice", "totp:1", 600)
    assert await ledger.claim("alice", "totp:2", 600)
    assert await ledger.claim("bob", "totp:1", 600)


async def test_released_code_is_good_again(database: Database) -> None:
    ledger = Ledger(database)
    await ledger.claim("alice", "totp:1", 600)
    await ledger.claim("bob", "totp:1", 600)
    await ledger.release("alice", "totp:1")
    assert await ledger.claim("alice", "totp:1", 600)
    assert not await ledger.claim("bob", "totp:1", 600)


async def test_one_of_many_at_once(database: Database) -> None:
    other = Database(database.path)
    claims = [Ledger(one).claim("alice", "totp:1", 600) for one in (database, other) for _ in range(50)]
    assert sum(await asyncio.gather(*claims)) == 1
    other.close()


def test_one_of_several_processes(database: Database) -> None:
    command = [sys.executable, "-c", CLAIM, str(database.path)]
    processes = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    answers = [process.communicate()[0].strip() for process in processes]
    assert sorted(answers) == ["False", "False", "False", "True"]


async def test_old_codes_are_pruned(database: Database, clock: Clock) -> None:
    ledger = Ledger(database, clock)
    for number in range(20):
        await ledger.claim("alice", f"totp:{number}", 600)
    clock.now += 601
    await ledger.claim("alice", "totp:new", 600)
    assert database.run_now(lambda c: c.execute(select(func.count()).select_from(spent_codes)).scalar_one()) == 1


def test_file_is_private(tmp_path: Path) -> None:
    path = tmp_path / "login.sqlite"
    path.touch(mode=0o644)
    path.chmod(0o644)
    database = Database(path)
    database.run_now(lambda connection: connection.execute(select(spent_codes)).all())
    assert {file.name: file.stat().st_mode & 0o777 for file in tmp_path.iterdir()} == {
        "login.sqlite": 0o600,
        "login.sqlite-wal": 0o600,
        "login.sqlite-shm": 0o600,
    }
    database.close()


def test_database_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    with pytest.raises(LoginSetupError, match="nowhere"):
        Database(tmp_path / "nowhere" / "login.sqlite")
    garbage = tmp_path / "garbage"
    garbage.write_bytes(b"no database " * 1000)
    with pytest.raises(LoginSetupError, match=r"garbage.*not a database"):
        Database(garbage)
