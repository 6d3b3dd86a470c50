"""What a job uses: its own processes only."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from neuronhub.workbench.job.meter import Given, Meter, parse_gpus, read_gpus

BUSY = "import time\nbegan = time.monotonic()\nwhile time.monotonic() - began < 20: pass"
HEAVY = "data = bytearray(200_000_000)\nprint('ready', flush=True)\nimport time\ntime.sleep(20)"


@pytest.fixture
def processes() -> Iterator[list[subprocess.Popen[str]]]:
    started: list[subprocess.Popen[str]] = []
    yield started
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.parametrize(
    ("environment", "given"),
    [
        ({}, Given(None, None, ())),
        ({"SLURM_CPUS_ON_NODE": "8", "SLURM_MEM_PER_CPU": "2000"}, Given(8, 16000, ())),
        ({"SLURM_CPUS_ON_NODE": "8", "SLURM_MEM_PER_NODE": "4000"}, Given(8, 4000, ())),
        ({"SLURM_MEM_PER_NODE": "0", "SLURM_JOB_GPUS": "0,1"}, Given(None, None, ("0", "1"))),
        ({"CUDA_VISIBLE_DEVICES": "NoDevFiles"}, Given(None, None, ())),
        ({"SLURM_CPUS_ON_NODE": "many"}, Given(None, None, ())),
    ],
)
def test_what_slurm_has_given_is_read_from_the_job(environment: dict[str, str], given: Given) -> None:
    assert Given.of(environment) == given


def test_only_processes_of_the_job_count(processes: list[subprocess.Popen[str]]) -> None:
    strange = subprocess.Popen([sys.executable, "-c", BUSY], text=True)
    mine = subprocess.Popen(
        [sys.executable, "-c", f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {HEAVY!r}])"],
        stdout=subprocess.PIPE,
        text=True,
    )
    processes += [strange, mine]
    assert mine.stdout is not None
    assert mine.stdout.readline() == "ready\n"
    meter = Meter(Given(2, 4000, ()), mine.pid)
    assert meter.read()["cpus_used"] is None
    time.sleep(0.3)
    use = meter.read()
    assert use["cpus_used"] < 0.5
    assert 180 < use["memory_used_mb"] < 400
    assert (use["cpus_given"], use["memory_given_mb"], use["gpus"]) == (2, 4000, [])
    (child,) = Path(f"/proc/{mine.pid}/task/{mine.pid}/children").read_text().split()
    os.kill(int(child), 9)


def test_a_busy_process_is_one_cpu(processes: list[subprocess.Popen[str]]) -> None:
    busy = subprocess.Popen([sys.executable, "-c", BUSY], text=True)
    processes.append(busy)
    meter = Meter(Given(2, 4000, ()), busy.pid)
    meter.read()
    time.sleep(1)
    spent = meter.read()["cpus_used"]
    assert 0.1 < spent < 1.5


def test_gpus_are_those_of_the_job() -> None:
    text = "0, NVIDIA V100, 35, 1024, 16384\n1, NVIDIA V100, [N/A], 0, 16384\nno gpu at all\n"
    assert parse_gpus(text) == {
        "0": {"name": "NVIDIA V100", "busy_percent": 35, "memory_used_mb": 1024, "memory_given_mb": 16384},
        "1": {"name": "NVIDIA V100", "busy_percent": None, "memory_used_mb": 0, "memory_given_mb": 16384},
    }


def test_without_a_driver_gpus_are_counted_but_not_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    (gpu,) = read_gpus(("3",))
    assert (gpu["number"], gpu["busy_percent"]) == ("3", None)
    assert read_gpus(()) == []


def test_the_driver_is_asked_where_there_is_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho '0, NVIDIA A100, 90, 10, 81920'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin")
    assert [gpu["busy_percent"] for gpu in read_gpus(("0", "1"))] == [90, None]
    program.write_text("#!/bin/sh\nexit 9\n")
    assert [gpu["busy_percent"] for gpu in read_gpus(("0",))] == [None]
