"""What the till is told of a job: above all how many CPUs it will be given where nodes are shared."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.unit.spawn.test_options import SITE

from neuronhub.spawn.given import count_cpus, count_gpus
from neuronhub.spawn.options import Choice
from neuronhub.spawn.orders import make_order


@pytest.mark.parametrize(
    ("options", "cpus"),
    [
        ((), 1),
        (("--ntasks=4",), 4),
        (("--cpus-per-task=2",), 2),
        (("--ntasks=4", "--comment=jupyter", "--cpus-per-task=2"), 8),
        (("--ntasks=4", "--ntasks=1"), 1),
        (("--exclusive-ish", "--cpus-per-task=many"), 1),
    ],
)
def test_options_of_the_site_file_say_how_many(options: tuple[str, ...], cpus: int) -> None:
    assert count_cpus(options) == cpus


@pytest.mark.parametrize(
    ("options", "gpus"),
    [
        ((), 0),
        (("--gres=gpu",), 1),
        (("--gres=gpu:2",), 2),
        (("--gres=gpu:a100:2",), 2),
        (("--gres=gpu:a100:2,shard:8,gpu:v100", "--ntasks=4"), 3),
        (("--gres=gpumem:10",), 0),
        (("--gpus=3",), 3),
        (("--gpus-per-node=a100:1,v100:1", "--gres=gpu:1"), 2),
        (("--gpus-per-task=2", "--ntasks=3"), 6),
    ],
)
def test_options_of_the_site_file_say_how_many_gpus(options: tuple[str, ...], gpus: int) -> None:
    assert count_gpus(options) == gpus


def test_a_servers_order_is_its_own() -> None:
    slurm = SITE.slurm.model_copy(update={"sbatch_options": ("--cpus-per-task=2",)})
    site = SITE.model_copy(update={"slurm": slurm})
    order = make_order(site, "alice", "server-1", Choice("gpu", timedelta(hours=1), "lab-a"))
    assert (order.job_name, order.server, order.user, order.account) == ("server-1", "server-1", "alice", "lab-a")
    assert (order.queue, order.time_limit, order.nodes, order.cpus) == ("gpu", timedelta(hours=1), 1, 2)
    assert not order.engines
