"""What the till is told of jobs that are about to be submitted. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from neuronhub.payment import Order
from neuronhub.site import Site
from neuronhub.slurm.types import JobRequest
from neuronhub.spawn.options import Choice


def make_order(site: Site, user: str, job_name: str, choice: Choice) -> Order:
    """The order of a Jupyter server's job."""
    queue = site.queue(choice.queue)
    options = site.slurm.sbatch_options + (queue.sbatch_options if queue else ())
    return Order(job_name, job_name, user, choice.account, choice.queue, choice.time_limit, cpus=count_cpus(options))


def make_engine_orders(server: str, account: str, requests: Sequence[JobRequest]) -> list[Order]:
    """The orders of engines' jobs of the server whose job is called ``server``."""
    return [
        Order(
            request.name,
            server,
            request.user,
            account,
            request.partition,
            request.time_limit,
            request.nodes,
            count_cpus(request.options),
        )
        for request in requests
    ]


def count_cpus(options: Sequence[str]) -> int:
    """CPUs that sbatch's ``options`` ask for where nodes are shared: tasks times CPUs for each; the last one counts."""
    values = dict(option.split("=", 1) for option in options if "=" in option)
    numbers = [values.get(name, "") for name in ("--ntasks", "--cpus-per-task")]
    tasks, each = (int(number) if number.isdecimal() else 1 for number in numbers)
    return tasks * each
