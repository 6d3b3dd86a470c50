"""What the till is told of jobs that are about to be submitted. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from neuronhub.payment import Order
from neuronhub.site import Site
from neuronhub.slurm.types import JobRequest
from neuronhub.spawn.given import count_cpus, count_gpus
from neuronhub.spawn.options import Choice


def make_order(site: Site, user: str, job_name: str, choice: Choice) -> Order:
    """The order of a Jupyter server's job."""
    queue = site.queue(choice.queue)
    options = site.slurm.sbatch_options + (queue.sbatch_options if queue else ())
    cpus, gpus = count_cpus(options), count_gpus(options)
    return Order(job_name, job_name, user, choice.account, choice.queue, choice.time_limit, cpus=cpus, gpus=gpus)


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
            count_gpus(request.options),
        )
        for request in requests
    ]
