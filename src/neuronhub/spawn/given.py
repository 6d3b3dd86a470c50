"""What sbatch's options in the site file ask for: Slurm gives a job so much where nodes are shared. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

_GPU = re.compile(r"gpu(:|$)")


def count_cpus(options: Sequence[str]) -> int:
    """CPUs that sbatch's ``options`` ask for where nodes are shared: tasks times CPUs for each; the last one counts."""
    values = dict(option.split("=", 1) for option in options if "=" in option)
    numbers = [values.get(name, "") for name in ("--ntasks", "--cpus-per-task")]
    tasks, each = (int(number) if number.isdecimal() else 1 for number in numbers)
    return tasks * each


def count_gpus(options: Sequence[str]) -> int:
    """GPUs that they ask for on one node: by --gres, or by --gpus and its kin; the largest number counts."""
    values = dict(option.split("=", 1) for option in options if "=" in option)
    tasks = values.get("--ntasks", "")
    asked = [_add_gpus(values[name]) for name in ("--gpus", "--gpus-per-node") if name in values]
    if "--gpus-per-task" in values:
        asked.append(_add_gpus(values["--gpus-per-task"]) * (int(tasks) if tasks.isdecimal() else 1))
    gres = [word.removeprefix("gpu").lstrip(":") for word in values.get("--gres", "").split(",") if _GPU.match(word)]
    return max([*asked, sum(map(_add_gpus, gres))])


def _add_gpus(text: str) -> int:
    """``2``, ``a100:2``, ``a100:1,v100:1`` -> 2; a type without a number is one."""
    counts = [word.rpartition(":")[2] for word in text.split(",")]
    return sum(int(count) if count.isdecimal() else 1 for count in counts)
