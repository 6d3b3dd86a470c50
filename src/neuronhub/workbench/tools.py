"""What a server of ours offers beside Jupyter's own: TensorBoards, IPython clusters, the job's clock and meters.

In the user's Jupyter server. Nothing of it does anything before it is asked for.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from neuronhub.workbench.clusters.clusters import Clusters
from neuronhub.workbench.clusters.handlers import make_cluster_handlers
from neuronhub.workbench.clusters.running import Place
from neuronhub.workbench.job.handlers import make_job_handlers
from neuronhub.workbench.job.meter import make_meter
from neuronhub.workbench.notebook import Notebook
from neuronhub.workbench.tensorboard.boards import Boards
from neuronhub.workbench.tensorboard.handlers import PAGE_PATH, make_board_handlers


@dataclass(frozen=True, slots=True)
class Tools:
    """Those of one server."""

    notebook: Notebook
    boards: Boards
    clusters: Clusters

    def make_handlers(self) -> list[tuple[str, Any, dict[str, Any]]]:
        """Routes below the server's base URL."""
        return [
            *make_board_handlers(self.boards),
            *make_cluster_handlers(self.clusters, self.notebook),
            *make_job_handlers(make_meter()),
        ]

    async def close(self) -> None:
        """End what would outlive the server; the hub ends engines that run as jobs."""
        await self.boards.close()
        await self.clusters.close()


def make_tools(notebook: Notebook, workspace: str, base_url: str) -> Tools:
    """The tools of the server of the present environment variables."""
    address = urlsplit(os.environ["JUPYTERHUB_SERVICE_URL"]).hostname or ""
    home = Path(os.environ["HOME"])
    place = Place(
        python=notebook.python,
        address=address,
        ipython=Path(os.environ.get("IPYTHONDIR") or home / ".ipython"),
        job=os.environ.get("SLURM_JOB_ID", ""),
    )
    boards = Boards(Path(workspace), notebook.python, os.environ, f"{base_url}{PAGE_PATH}/")
    return Tools(notebook, boards, Clusters(place))
