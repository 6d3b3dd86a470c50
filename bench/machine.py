"""The machine that is measured on, and single processes of it."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from pathlib import Path

from bench.figures import Machine

PRIORITY = -10
"""Of the scheduler's group of a session; the embedded site gives its hub, proxy and controllers the same."""


@dataclass(frozen=True, slots=True)
class CpuTime:
    """Seconds of processor time that a process, and those of its children that have ended, have used so far."""

    own_s: float
    children_s: float


def describe_machine() -> Machine:
    """What the table says of the machine."""
    cpuinfo = Path("/proc/cpuinfo").read_text()
    models = [line.split(":", 1)[1].strip() for line in cpuinfo.splitlines() if line.startswith("model name")]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return Machine(
        processor=models[0] if models else platform.machine(),
        cores=os.cpu_count() or 1,
        memory_gib=round(memory / 2**30),
        kernel=platform.release(),
    )


def read_cpu_time(pid: int) -> CpuTime:
    """Processor time of the process ``pid``."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    user, system, children_user, children_system = (int(field) / os.sysconf("SC_CLK_TCK") for field in fields[11:15])
    return CpuTime(user + system, children_user + children_system)


def find_descendants(pid: int) -> list[int]:
    """Processes below ``pid``, nearest first."""
    children = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return children + [grandchild for child in children for grandchild in find_descendants(child)]


def parse_priority(text: str) -> int | None:
    """The weight in the text of ``/proc/PID/autogroup``; a process that no session leader started has none there."""
    words = text.split()
    return int(words[-1]) if words else None


def read_priority(pid: int) -> int | None:
    """The scheduler's weight of the session of ``pid``; None where it has none, or the kernel knows no such weights."""
    group = Path(f"/proc/{pid}/autogroup")
    return parse_priority(group.read_text()) if group.exists() else None


def set_priority(pid: int, priority: int = PRIORITY) -> None:
    """What runs elsewhere in reality shall not share its processor time with the jobs here."""
    if read_priority(pid) is None:
        return  # in the kernel's own group, which takes no weight
    with os.fdopen(os.open(f"/proc/{pid}/autogroup", os.O_WRONLY), "w") as file:
        file.write(str(priority))
