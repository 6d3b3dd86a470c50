"""What sstat tells of jobs that run; the text is Slurm 22.05's, but for GPUs, which the machines of the tests lack."""

from __future__ import annotations

import pytest

from neuronhub.slurm.accounting import parse_steps_ended, parse_work
from neuronhub.slurm.usage import Work

BATCH = "7.batch|1|cpu=00:01:40,energy=0,fs/disk=4041,mem=148K,pages=0,vmem=2592K\n"


def test_a_job_is_the_sum_of_its_steps() -> None:
    text = BATCH + "7.0|4|cpu=1-00:00:01,energy=0,mem=1K\n8.extern|1|cpu=00:00:00,energy=0\n"
    assert parse_work(text) == {7: Work(86501.0), 8: Work(0.0)}
    assert parse_work("") == {}


@pytest.mark.parametrize("usage", ["", "energy=0,mem=148K"])
def test_no_figure_is_not_zero(usage: str) -> None:
    assert parse_work(f"{BATCH}7.0|1|{usage}\n") == {}, "jobacct_gather/none, or a step that has just begun"


def test_gpus_are_percent_of_one_at_the_latest_sample() -> None:
    text = "7.batch|1|cpu=00:00:02,gres/gpumem=500M,gres/gpuutil=0\n7.0|1|cpu=00:00:03,gres/gpuutil=97\n"
    assert parse_work(text) == {7: Work(5.0, 97.0)}


@pytest.mark.parametrize("line", ["7.batch", "7.batch|1|cpu=soon", "7.batch|1|cpu=", "x.batch|1|cpu=00:00:01"])
def test_what_cannot_be_read_is_no_answer(line: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # whatever it says
        parse_work(line + "\n")


def test_steps_that_are_over_are_counted() -> None:
    text = "7|RUNNING\n7.batch|RUNNING\n7.0|COMPLETED\n7.1|CANCELLED by 20001\n7.2|RUNNING\n8|PENDING\n"
    assert parse_steps_ended(text) == {7: 2, 8: 0}
    assert parse_steps_ended("") == {}


@pytest.mark.parametrize("line", ["7.0", "x.0|COMPLETED", "7.0|COMPLETED|"])
def test_steps_that_cannot_be_read_are_no_answer(line: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # whatever it says
        parse_steps_ended(line + "\n")
