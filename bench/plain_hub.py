"""A plain JupyterHub beside NeuronHub's: with batchspawner, or with a spawner that does nothing at all.

Runs inside the embedded site, from the bench's own environment, as ``python plain_hub.py SETTINGS`` (a JSON file).
Everything that is not set here is as JupyterHub and batchspawner come.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from jupyterhub.app import JupyterHub
from jupyterhub.spawner import Spawner
from traitlets import Int
from traitlets.config import Config

ADDRESS = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Settings:
    """What the bench decides."""

    spawner: str
    """``batchspawner`` or ``floor``."""
    jupyter: bool
    """The real Jupyter server, or its stand-in."""
    folder: str
    """The hub's own."""
    public_port: int
    hub_port: int
    proxy_api_port: int
    standin_port: int
    """Of the one stand-in that runs already (``floor``)."""
    token: str
    proxy_command: list[str]
    standin: str
    base: str
    """Of the real Jupyter servers."""
    packages: str
    """Folder from which those servers import batchspawner."""


class FloorSpawner(Spawner):  # type: ignore[misc]
    """Starts nothing: there is a server already."""

    standin_port = Int(config=True)

    async def start(self) -> tuple[str, int]:
        """The address of the one stand-in."""
        return ADDRESS, self.standin_port

    async def poll(self) -> int | None:
        """It runs, whenever it was started at all."""
        return None if self.server else 0

    async def stop(self, now: bool = False) -> None:
        """Nothing is to be stopped."""


def make_config(settings: Settings) -> Config:
    """JupyterHub's configuration."""
    c = Config()
    c.JupyterHub.bind_url = f"http://{ADDRESS}:{settings.public_port}"
    c.JupyterHub.hub_bind_url = f"http://{ADDRESS}:{settings.hub_port}"
    c.JupyterHub.authenticator_class = "dummy"
    c.Authenticator.allow_all = True
    c.JupyterHub.services = [{"name": "bench", "api_token": settings.token}]
    scopes = ["admin:users", "admin:servers", "tokens"]
    c.JupyterHub.load_roles = [{"name": "bench", "scopes": scopes, "services": ["bench"]}]
    c.ConfigurableHTTPProxy.api_url = f"http://{ADDRESS}:{settings.proxy_api_port}"
    c.ConfigurableHTTPProxy.command = settings.proxy_command
    if settings.spawner == "floor":
        c.JupyterHub.spawner_class = FloorSpawner
        c.FloorSpawner.standin_port = settings.standin_port
    else:
        configure_batchspawner(c, settings)
    return c


def configure_batchspawner(c: Config, settings: Settings) -> None:
    """SlurmSpawner, as its documentation sets it up; servers listen on their node's own address only."""
    importlib.import_module("batchspawner")  # this adds its callback to the hub
    c.JupyterHub.spawner_class = "batchspawner.SlurmSpawner"
    c.SlurmSpawner.req_partition = "jupyter"
    c.SlurmSpawner.req_runtime = "0:30:00"
    c.SlurmSpawner.batch_submit_cmd = "/usr/bin/sbatch --parsable"  # JupyterHub hands no PATH on, and sudo wants one
    c.SlurmSpawner.req_srun = ""  # to its advantage: srun adds a step of Slurm's to each start
    if not settings.jupyter:
        c.SlurmSpawner.batchspawner_singleuser_cmd = f"{settings.standin} batchspawner"
        return
    c.SlurmSpawner.batchspawner_singleuser_cmd = f"{settings.base}/bin/python -m batchspawner.singleuser"
    c.SlurmSpawner.req_prologue = (
        f"export PATH={settings.base}/bin:/usr/bin:/bin PYTHONPATH={settings.packages}\n"
        'export JUPYTERHUB_SERVICE_URL="http://$SLURMD_NODENAME:0$JUPYTERHUB_SERVICE_PREFIX"'
    )


def main(settings_file: str) -> None:
    """Run the hub in its folder until SIGTERM."""
    settings = Settings(**json.loads(Path(settings_file).read_text()))
    os.chdir(settings.folder)
    JupyterHub.instance(config=make_config(settings))
    JupyterHub.launch_instance([])


if __name__ == "__main__":
    main(sys.argv[1])
