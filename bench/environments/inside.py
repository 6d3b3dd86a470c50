"""Runs inside the embedded site as a researcher, with any Python 3.11: times commands and counts what they leave.

Standard input is a Job as JSON, standard output its Outcome. The standard library only.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Job:
    """One thing to measure."""

    commands: list[list[str]]
    """Timed together, one after the other."""
    trees: list[str]
    """Folders in which is counted what the commands add."""
    before: list[list[str]]
    """Run first and not timed; must succeed."""
    environment: dict[str, str]


@dataclass(frozen=True)
class Outcome:
    """What it took. ``entries``: files, folders and links more than before; ``bytes``: more on the disk."""

    seconds: float
    entries: int
    bytes: int
    problem: str = ""


def count(trees: list[str]) -> tuple[int, int]:
    """Entries below ``trees``, and the bytes that their inodes take, each inode once."""
    entries = 0
    sizes: dict[tuple[int, int], int] = {}
    stack = [tree for tree in trees if os.path.isdir(tree)]
    while stack:
        with os.scandir(stack.pop()) as folder:
            for entry in folder:
                status = entry.stat(follow_symlinks=False)
                entries += 1
                sizes[status.st_dev, status.st_ino] = status.st_blocks * 512
                if entry.is_dir(follow_symlinks=False):
                    stack.append(entry.path)
    return entries, sum(sizes.values())


def run(commands: list[list[str]], environment: dict[str, str]) -> str:
    """Run ``commands``; the first that fails ends it, and its last words are returned."""
    for command in commands:
        done = subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            words = (done.stderr or done.stdout).strip().splitlines()
            return f"{Path(command[0]).name}: exit status {done.returncode}: {words[-1] if words else ''}"
    return ""


def measure(job: Job) -> Outcome:
    """Run ``job``."""
    environment = {**os.environ, **job.environment}
    problem = run(job.before, environment)
    if problem:
        return Outcome(0, 0, 0, problem)
    entries, size = count(job.trees)
    began = time.monotonic()
    problem = run(job.commands, environment)
    seconds = time.monotonic() - began
    entries_after, size_after = count(job.trees)
    return Outcome(seconds, entries_after - entries, size_after - size, problem)


if __name__ == "__main__":
    print(json.dumps(asdict(measure(Job(**json.load(sys.stdin))))))
