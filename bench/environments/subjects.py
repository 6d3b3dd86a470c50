"""The ways to give a user an environment, as commands; and what is done with each. Values only, but for paths."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

LAYERED, FULL, UV, COPY, VENV = "neuronhub", "full", "uv", "copy", "venv"
SUBJECTS = (LAYERED, FULL, UV, COPY, VENV)

NEURONHUB = "/usr/local/bin/neuronhub"
UV_PROGRAM = "/opt/neuronhub/.venv/bin/uv"
SYSTEM_PYTHON = "/usr/bin/python3"
ONE_PACKAGE = "seaborn"
E4 = ("pytensor", "keras", "graphviz", "numpy", "scipy", "scikit-learn", "matplotlib", "pandas", "pydot")
"""Row E4, with theano's successor in theano's place."""


@dataclass(frozen=True, slots=True)
class Step:
    """One scenario of one subject."""

    scenario: str
    commands: tuple[tuple[str, ...], ...]
    trees: tuple[str, ...]
    before: tuple[tuple[str, ...], ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    repeat: int = 3
    """The median of so many counts."""


@dataclass(frozen=True, slots=True)
class Ground:
    """Where a subject works: a user's scratch folder, the lock file, the wheels."""

    scratch: str
    lock: str
    wheels: str

    @property
    def prefix(self) -> str:
        """Row P1."""
        return f"{self.scratch}/.conda/envs/notebook"


def plan_neuronhub(ground: Ground) -> tuple[Step, ...]:
    """Both kinds: the site file says which."""
    conda = f"{ground.scratch}/.conda"
    envs = (f"{conda}/envs",)
    clear = ("/bin/rm", "-rf", f"{conda}/envs", f"{conda}/pkgs")
    gone = ("/bin/rm", "-rf", ground.prefix)
    reset = (NEURONHUB, "env", "reset", "--yes")
    pip = (f"{ground.prefix}/bin/python", "-m", "pip", "install", "-q", "--no-index", "--no-deps")
    return (
        Step("create-cold", ((NEURONHUB, "env", "create"),), (conda,), (clear,), repeat=1),
        Step("create", ((NEURONHUB, "env", "create"),), envs, (gone,)),
        Step("reset", (reset,), envs),
        Step("install-one", ((*pip, f"--find-links={ground.wheels}", ONE_PACKAGE),), envs, (reset,)),
        Step("install-e4", ((f"{ground.prefix}/bin/conda", "install", "-y", "-n", "notebook", *E4),), envs, (reset,)),
    )


def plan_uv(ground: Ground) -> tuple[Step, ...]:
    """``uv`` from the base's lock and the same wheels, with its cache on the same file system."""
    folder = f"{ground.scratch}/uv"
    environment = {"UV_CACHE_DIR": f"{folder}/cache", "UV_PYTHON": SYSTEM_PYTHON}
    prefix = f"{folder}/env"
    local = ("-q", "--no-index", f"--find-links={ground.wheels}", "--python", f"{prefix}/bin/python")
    make = ((UV_PROGRAM, "venv", "-q", prefix), (UV_PROGRAM, "pip", "sync", *local, ground.lock))
    install = (UV_PROGRAM, "pip", "install", "--no-deps", *local, ONE_PACKAGE)
    gone = ("/bin/rm", "-rf", prefix)
    return (
        Step("create-cold", make, (folder,), (("/bin/rm", "-rf", folder),), environment, repeat=1),
        Step("create", make, (prefix,), (gone,), environment),
        Step("reset", (gone, *make), (prefix,), (), environment),
        Step("install-one", (install,), (prefix,), (gone, *make), environment),
    )


def plan_copy(ground: Ground) -> tuple[Step, ...]:
    """A tree that was prepared before (uv's), copied."""
    prepared, prefix = f"{ground.scratch}/uv/env", f"{ground.scratch}/copy"
    copy = ("/bin/cp", "-a", prepared, prefix)
    gone = ("/bin/rm", "-rf", prefix)
    return (
        Step("create", (copy,), (prefix,), (gone,), repeat=1),
        Step("reset", (gone, copy), (prefix,), repeat=1),
    )


def plan_venv(ground: Ground) -> tuple[Step, ...]:
    """``python -m venv`` and pip, from wheels that lie on the disk already."""
    prefix = f"{ground.scratch}/venv"
    gone = ("/bin/rm", "-rf", prefix)
    pip = (f"{prefix}/bin/python", "-m", "pip", "install", "-q", "--no-index", "--no-deps")
    links = f"--find-links={ground.wheels}"
    make = ((SYSTEM_PYTHON, "-m", "venv", prefix), (*pip, links, "-r", ground.lock))
    return (
        Step("create", make, (prefix,), (gone,), repeat=1),
        Step("install-one", ((*pip, links, ONE_PACKAGE),), (prefix,), ((*pip[:3], "uninstall", "-qy", ONE_PACKAGE),)),
    )


PLANS = {LAYERED: plan_neuronhub, FULL: plan_neuronhub, UV: plan_uv, COPY: plan_copy, VENV: plan_venv}
