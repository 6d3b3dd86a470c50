"""Jobs that run the engines of an IPython cluster: one for each node, named after the server that asked. Pure.

A name is ``HUB-engines-<start>-<cluster>-<node>``, where ``start`` are the digits of the server's own job name: when no
server with those digits is owned by the hub any more, the jobs are orphans, whoever started them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from shlex import quote

from neuronhub.errors import StartRefused
from neuronhub.language import translate as _
from neuronhub.language import translate_n
from neuronhub.protocol import EXIT_BASE_MISSING, EnginesOrder, EnginesTicket
from neuronhub.site import Site
from neuronhub.slurm.types import JobRequest, Queue
from neuronhub.spawn.options import Choice
from neuronhub.spawn.record import JobNames, StartRecord

_SCRIPT = """\
#!/bin/sh
cd -P {base} 2>/dev/null || exit {exit_base}
exec "$PWD"/bin/python -I -m neuronhub.workbench.engines <<'TICKET'
{ticket}
TICKET
"""


@dataclass(frozen=True, slots=True)
class EngineName:
    """What the name of an engines' job says."""

    start: str
    """Name of the job of the server that asked."""
    cluster: str
    node: int


class EngineNames:
    """Names of the hub's engines' jobs."""

    def __init__(self, hub_name: str, starts: JobNames) -> None:
        self.prefix = f"{hub_name}-engines-"
        self._starts = starts
        self._pattern = re.compile(re.escape(self.prefix) + r"([0-9a-f]{16})-([0-9a-f]{8})-([0-9]{1,5})")

    def render(self, name: EngineName) -> str:
        """The job's name."""
        return f"{self.prefix_of(name.start)}{name.cluster}-{name.node}"

    def prefix_of(self, start: str) -> str:
        """How the names of all engines' jobs of one server begin."""
        return f"{self.prefix}{start.removeprefix(self._starts.prefix)}-"

    def parse(self, text: str) -> EngineName | None:
        """What ``text`` says, or None when this hub has given no such name."""
        match = self._pattern.fullmatch(text)
        return EngineName(self._starts.prefix + match[1], match[2], int(match[3])) if match else None


def spread(engines: int, nodes: int) -> list[int]:
    """How many engines each node gets: the same number, or one more on the first ones."""
    each, more = divmod(engines, nodes)
    return [each + (index < more) for index in range(nodes)]


def check_order(order: EnginesOrder, queue: Queue | None) -> None:
    """Raise StartRefused when ``order`` asks for more than its queue can ever give."""
    if order.engines < order.nodes:
        raise StartRefused(
            _("{nodes} nodes need at least {nodes} engines. Ask for more engines or fewer nodes.").format(
                nodes=order.nodes
            )
        )
    if queue is None:
        return
    usable = queue.counts.alloc + queue.counts.idle
    most = min(queue.max_nodes or usable, usable)
    if order.nodes > most:
        raise StartRefused(
            translate_n(
                "The queue “{queue}” gives at most {most} node to a cluster at present. Ask for no more.",
                "The queue “{queue}” gives at most {most} nodes to a cluster at present. Ask for no more.",
                most,
            ).format(queue=queue.name, most=most)
        )
    cpus = max((node.cpus_total for node in queue.nodes), default=0)
    each = max(spread(order.engines, order.nodes))
    if 0 < cpus < each:
        raise StartRefused(
            _("A node of the queue “{queue}” has {cpus} CPUs, one for each engine: at most {most} engines.").format(
                queue=queue.name, cpus=cpus, most=cpus * order.nodes
            )
        )


def make_engine_requests(
    site: Site, record: StartRecord, order: EnginesOrder, choice: Choice, names: EngineNames
) -> list[JobRequest]:
    """A job for each node. Nothing in a script is free text: paths are in one line of JSON, as in a start's."""
    queue = site.queue(choice.queue)
    assert queue is not None, "choose() has looked"
    requests = []
    for node, engines in enumerate(spread(order.engines, order.nodes)):
        ticket = EnginesTicket(order.python, order.folder, node, engines).to_json()
        requests.append(
            JobRequest(
                user=record.user,
                name=names.render(EngineName(record.job_name, order.cluster, node)),
                partition=queue.name,
                time_limit=choice.time_limit,
                script=_SCRIPT.format(base=quote(str(site.places.base)), ticket=ticket, exit_base=EXIT_BASE_MISSING),
                exclusive=queue.kind == "whole-node",
                options=(f"--ntasks={engines}", *site.slurm.sbatch_options, *queue.sbatch_options),
            )
        )
    return requests
