from __future__ import annotations

import struct
from pathlib import Path

import pytest
from bench.accounting import Commands, Ledger, parse_records


def make_record(name: str, *, flags: int = 0, version: int = 3) -> bytes:
    return struct.pack("=BBH6If8H16s", flags, version, 0, *[0] * 6, 0.0, *[0] * 8, name.encode())


def test_records_are_as_long_as_the_kernels() -> None:
    assert len(make_record("squeue")) == 64


def test_programs_are_told_and_mere_forks_are_not() -> None:
    data = make_record("squeue") + make_record("python", flags=0x01) + make_record("sbatch", flags=0x02)
    assert list(parse_records(data)) == ["squeue", "sbatch"]


def test_a_record_that_is_being_written_is_left_for_the_next_time() -> None:
    assert list(parse_records(make_record("squeue") + make_record("sinfo")[:30])) == ["squeue"]


def test_another_kernels_records_are_refused() -> None:
    with pytest.raises(ValueError, match="version 2"):
        list(parse_records(make_record("squeue", version=2)))


def test_questions_orders_and_sudo_are_counted_apart() -> None:
    commands = Commands(30.0, {"squeue": 4, "sinfo": 1, "sbatch": 10, "scancel": 2, "sudo": 12, "python": 9})
    assert commands.questions_per_minute == 10
    assert commands.orders == 12
    assert commands.sudo_per_minute == 24


def test_each_count_begins_where_the_last_one_ended(tmp_path: Path) -> None:
    file = tmp_path / "accounting"
    file.write_bytes(make_record("sinfo"))
    ledger = Ledger(file)
    ledger.skip()
    with file.open("ab") as stream:
        stream.write(make_record("squeue") * 3)
    assert ledger.count(60.0).questions_per_minute == 3
    assert ledger.count(60.0).questions_per_minute == 0
