"""What a page asks for: engines by profile (row X4). Checked here at the border. Pure, but for the profiles on disk."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from neuronhub.language import translate as _

SLURM, LOCAL = "slurm", "local"
_PROFILE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}|")
MOST_ENGINES = 4096


class Kind(StrEnum):
    """Who starts the engines of a profile."""

    SLURM = SLURM
    """The hub, as jobs."""
    LOCAL = LOCAL
    """The server itself, in its own job."""
    OWN = "own"
    """ipyparallel, as the user's own profile says."""


class OrderRefused(Exception):
    """The order cannot be carried out; the text says what to ask for instead."""


@dataclass(frozen=True, slots=True)
class ClusterOrder:
    """A cluster to start."""

    profile: str
    engines: int
    nodes: int = 1
    queue: str = ""
    time_limit: str = ""
    name: str = ""
    """Chosen by the user, to tell several clusters of one profile apart; also ipyparallel's cluster id."""
    account: str = ""
    """Slurm account that pays for the jobs; '': the server's own."""

    @property
    def kind(self) -> Kind:
        """Who starts the engines."""
        return Kind(self.profile) if self.profile in (SLURM, LOCAL) else Kind.OWN


def find_profiles(ipython: Path) -> list[str]:
    """Profiles that have a row: ours, and the user's own with settings for clusters."""
    own = sorted(
        folder.name.removeprefix("profile_")
        for folder in ipython.glob("profile_*")
        if (folder / "ipcluster_config.py").is_file() and _PROFILE.fullmatch(folder.name.removeprefix("profile_"))
    )
    return [SLURM, LOCAL, *(name for name in own if name not in (SLURM, LOCAL))]


def parse_order(body: Any, profiles: list[str]) -> ClusterOrder:
    """Read a request's JSON. Raises OrderRefused with a sentence."""
    texts = ("profile", "queue", "time_limit", "account", "name")
    words = {"engines": int, "nodes": int} | dict.fromkeys(texts, str)
    if not isinstance(body, dict) or not {"profile", "engines"} <= set(body) <= set(words):
        raise OrderRefused(_("A cluster is asked for by profile, engines, nodes, queue, time limit, account and name."))
    for name, value in body.items():
        if type(value) is not words[name]:
            raise OrderRefused(_("The field “{field}” cannot be read.").format(field=name))
    order = ClusterOrder(**body)
    if order.profile not in profiles:
        raise OrderRefused(_("There is no profile {name}.").format(name=order.profile[:64]))
    if not 1 <= order.engines <= MOST_ENGINES:
        raise OrderRefused(_("Ask for 1 to {most} engines.").format(most=MOST_ENGINES))
    if not 1 <= order.nodes <= order.engines:
        raise OrderRefused(_("Each node needs an engine: ask for 1 to {most} nodes.").format(most=order.engines))
    if order.kind is Kind.SLURM and not order.queue:
        raise OrderRefused(_("Choose a queue from the table."))
    if not _NAME.fullmatch(order.name):
        raise OrderRefused(_("A name has up to 32 letters, digits, _ and -, and begins with a letter or digit."))
    return order
