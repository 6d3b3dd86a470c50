"""Runs inside the embedded site as a researcher, with a Python that has ipyparallel: its own Slurm launcher, timed.

Called as ``plain_engines.py FOLDER QUEUE ENGINES NODES``; prints seconds until all engines are registered. One engine
set for each node, since the launcher knows no nodes, and without srun, which adds a step of Slurm's.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time

import ipyparallel as ipp

TEMPLATE = """#!/bin/sh
#SBATCH --job-name=ipengine-{cluster_id}
#SBATCH --partition={queue}
#SBATCH --ntasks={n}
#SBATCH --output={output_file}
for number in $(seq {n}); do {program_and_args} & done
wait
"""


async def start(folder: str, queue: str, engines: int, nodes: int) -> float:
    """Start controller and engines, wait, stop."""
    os.chdir(folder)
    cluster = ipp.Cluster(
        profile_dir=f"{folder}/profile",
        controller_ip="127.0.0.1",
        controller_args=["--IPController.enable_curve=True"],
        engine_launcher_class="slurm",
        load_profile=False,
        log_level=40,
    )
    began = time.monotonic()
    try:
        await cluster.start_controller()
        each, more = divmod(engines, nodes)
        for node in range(nodes):
            settings = {"queue": queue, "batch_template": TEMPLATE, "batch_file_name": f"engines-{node}.sbatch"}
            await cluster.start_engines(each + (node < more), engine_set_id=f"node-{node}", **settings)
        client = await cluster.connect_client()
        await asyncio.wrap_future(client.wait_for_engines(engines, block=False, timeout=120))
        return time.monotonic() - began
    finally:
        await cluster.stop_cluster()


if __name__ == "__main__":
    print(asyncio.run(start(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))), flush=True)
    os._exit(0)  # ipyparallel's threads outlive it otherwise
