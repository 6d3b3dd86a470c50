"""What this job uses of its CPUs, memory and GPUs: its own processes, never the node's. In the user's Jupyter server.

The server is the process of the job's script, so that everything of the job descends from it, but for what has left it
by a double fork. Source of the names: sbatch(1), OUTPUT ENVIRONMENT VARIABLES.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

GPU_LIMIT_S = 5.0
_QUERY = ("--query-gpu=index,name,utilization.gpu,memory.used,memory.total", "--format=csv,noheader,nounits")


@dataclass(frozen=True, slots=True)
class Given:
    """What Slurm has given to the job on this node; None where it does not say."""

    cpus: int | None
    memory_mb: int | None
    gpus: tuple[str, ...]
    """Their numbers on the node."""

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Given:
        """As the job's environment tells it."""
        cpus = _read_number(environment.get("SLURM_CPUS_ON_NODE"))
        memory = _read_number(environment.get("SLURM_MEM_PER_NODE"))  # 0: all of the node's
        each = _read_number(environment.get("SLURM_MEM_PER_CPU"))
        if not memory and each and cpus:
            memory = each * cpus
        gpus = environment.get("SLURM_JOB_GPUS") or environment.get("CUDA_VISIBLE_DEVICES") or ""
        numbers = tuple(word for word in re.split(r"[,\s]+", gpus) if word and word != "NoDevFiles")
        return cls(cpus, memory or None, numbers)


class Meter:
    """Looks at the processes below ``root``; the CPU use is that since the look before."""

    def __init__(self, given: Given, root: int) -> None:
        self._given = given
        self._root = root
        self._before: tuple[float, dict[tuple[int, float], float]] | None = None

    def read(self) -> dict[str, Any]:
        """The present use as JSON-able values. Takes some ms for each process, and asks nvidia-smi where it is."""
        import psutil

        now = time.monotonic()
        times: dict[tuple[int, float], float] = {}
        memory = 0
        root = psutil.Process(self._root)
        for process in (root, *root.children(recursive=True)):
            try:
                with process.oneshot():
                    used = process.cpu_times()
                    times[process.pid, process.create_time()] = used.user + used.system
                memory += _read_memory(process)
            except psutil.Error:
                continue  # it has ended meanwhile
        return {
            "cpus_used": self._rate(now, times),
            "cpus_given": self._given.cpus,
            "memory_used_mb": round(memory / 2**20),
            "memory_given_mb": self._given.memory_mb,
            "gpus": read_gpus(self._given.gpus),
        }

    def _rate(self, now: float, times: dict[tuple[int, float], float]) -> float | None:
        before, self._before = self._before, (now, times)
        if before is None or now <= before[0]:
            return None
        spent = sum(seconds - before[1].get(process, 0.0) for process, seconds in times.items())
        return round(max(0.0, spent) / (now - before[0]), 2)


def _read_memory(process: Any) -> int:
    """Shared pages count in parts, as Slurm's UsePss does it, where the kernel tells them."""
    import psutil

    try:
        return int(process.memory_full_info().pss)
    except (psutil.AccessDenied, AttributeError):
        return int(process.memory_info().rss)


def read_gpus(numbers: tuple[str, ...]) -> list[dict[str, Any]]:
    """The job's GPUs with their use; None for figures that cannot be had (no driver, or no NVIDIA ones)."""
    told = parse_gpus(_ask_driver()) if numbers else {}
    unknown = {"name": "", "busy_percent": None, "memory_used_mb": None, "memory_given_mb": None}
    return [{"number": number, **told.get(number, unknown)} for number in numbers]


def _ask_driver() -> str:
    program = shutil.which("nvidia-smi")
    if program is None:
        return ""
    try:
        done = subprocess.run(
            [program, *_QUERY],
            capture_output=True,
            text=True,
            timeout=GPU_LIMIT_S,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""


def parse_gpus(text: str) -> dict[str, dict[str, Any]]:
    """``nvidia-smi --query-gpu`` with _QUERY, by the number; rows and figures that cannot be read are left out."""
    told = {}
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.split(",")]
        if len(cells) == 5 and cells[0].isdigit():
            busy, used, total = (_read_number(cell) for cell in cells[2:])
            told[cells[0]] = {"name": cells[1], "busy_percent": busy, "memory_used_mb": used, "memory_given_mb": total}
    return told


def _read_number(text: str | None) -> int | None:
    return int(text) if text is not None and re.fullmatch(r"\d{1,12}", text) else None


def make_meter() -> Meter:
    """The meter of this process's job."""
    return Meter(Given.of(os.environ), os.getpid())
