"""Every program that ends inside the embedded site, as the kernel's process accounting tells it.

It belongs to the site's own process namespace, so nothing of the machine beside is counted, and what is measured knows
nothing of it. Runs outside; ``switch_on`` runs inside, as ``python accounting.py FILE``.
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

QUESTIONS = frozenset({"squeue", "sinfo", "scontrol", "sacct", "sacctmgr", "sdiag", "sstat", "sprio"})
"""Slurm's commands that ask."""
ORDERS = frozenset({"sbatch", "scancel"})
"""Slurm's commands that change something: at least one for each start and for each stop."""

_RECORD = struct.Struct("=BBHIIIIIIf8H16s")  # struct acct_v3 of linux/acct.h
_VERSION = 3
_FORKED_ONLY = 0x01


@dataclass(frozen=True, slots=True)
class Commands:
    """How many commands ended in a stretch of time."""

    seconds: float
    by_name: Mapping[str, int]

    @property
    def questions_per_minute(self) -> float:
        """Questions to Slurm."""
        return self._count(QUESTIONS) * 60 / self.seconds

    @property
    def orders(self) -> int:
        """Jobs submitted and cancelled."""
        return self._count(ORDERS)

    @property
    def sudo_per_minute(self) -> float:
        """Commands run through sudo."""
        return self.by_name.get("sudo", 0) * 60 / self.seconds

    def _count(self, names: frozenset[str]) -> int:
        return sum(self.by_name.get(name, 0) for name in names)


def parse_records(data: bytes) -> Iterator[str]:
    """Names of the programs that ended, from the kernel's records; processes that never ran a program are left out."""
    for record in _RECORD.iter_unpack(data[: len(data) - len(data) % _RECORD.size]):
        flags, version = record[0], record[1]
        if version & 0x0F != _VERSION:
            raise ValueError(f"process accounting records of version {version}, not {_VERSION}")
        if not flags & _FORKED_ONLY:
            yield record[-1].rstrip(b"\0").decode(errors="replace")


@dataclass(slots=True)
class Ledger:
    """The accounting file, read from where the last count ended."""

    path: Path
    offset: int = 0

    def skip(self) -> None:
        """Begin a new count now."""
        self.offset = self.path.stat().st_size

    def count(self, seconds: float) -> Commands:
        """What has ended since the last count; ``seconds`` is how long ago that was."""
        with self.path.open("rb") as file:
            file.seek(self.offset)
            data = file.read()
        self.offset += len(data)
        return Commands(seconds, Counter(parse_records(data)))


def switch_on(path: str) -> None:
    """Have the kernel write a record for every process of the present namespace that ends."""
    library = ctypes.CDLL(None, use_errno=True)
    Path(path).touch(0o600)
    if library.acct(os.fsencode(path)) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"process accounting: {os.strerror(number)}")


if __name__ == "__main__":
    switch_on(sys.argv[1])
