"""IPython clusters by REST, in the user's Jupyter server.

``neuronhub/clusters``: GET lists, POST starts one; ``neuronhub/clusters/ID``: DELETE stops one; ``neuronhub/queues``:
the resource table (row Q1).
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Any

from jupyter_server.base.handlers import APIHandler
from tornado.web import HTTPError, authenticated

from neuronhub import language
from neuronhub.workbench.clusters.clusters import Clusters
from neuronhub.workbench.clusters.order import OrderRefused, find_profiles, parse_order
from neuronhub.workbench.hub import HubRefused, fetch_table
from neuronhub.workbench.notebook import Notebook
from neuronhub.workbench.spoken import SpokenHandler

PATH = "neuronhub/clusters"
QUEUES_PATH = "neuronhub/queues"
ID = r"([0-9a-f]{8})"


class ClustersHandler(SpokenHandler):
    """All clusters of this server."""

    def initialize(self, clusters: Clusters, notebook: Notebook) -> None:
        """``clusters`` of this server, which run in ``notebook``."""
        self.clusters, self.notebook = clusters, notebook

    @authenticated
    async def get(self) -> None:
        """200: profiles and clusters."""
        self.finish(await self.clusters.describe())

    @authenticated
    async def post(self) -> None:
        """202: it starts; 400 with the reason; 409: no environment to run it in; 503: a failed one could not go."""
        if obstacle := self.notebook.find_obstacle():
            self.refuse(HTTPStatus.CONFLICT, obstacle)
            return
        try:
            profiles = await asyncio.to_thread(find_profiles, self.clusters.place.ipython)
            cluster = await self.clusters.start(parse_order(self.get_json_body(), profiles))
        except OrderRefused as error:
            self.refuse(HTTPStatus.BAD_REQUEST, str(error))
            return
        except HubRefused as error:
            self.refuse(HTTPStatus.SERVICE_UNAVAILABLE, str(error))
            return
        self.set_status(HTTPStatus.ACCEPTED)
        self.finish(cluster.describe([]))

    def refuse(self, status: HTTPStatus, text: str) -> None:
        """End with the sentence that the panel shows."""
        self.set_status(status)
        self.finish({"message": text})


class ClusterHandler(ClustersHandler):
    """One cluster."""

    SUPPORTED_METHODS = ("DELETE",)

    @authenticated
    async def delete(self, cluster_id: str) -> None:
        """204: it has ended. 404: there is none. 503: the hub could not end its jobs; try again."""
        cluster = self.clusters.get(cluster_id)
        if cluster is None:
            raise HTTPError(HTTPStatus.NOT_FOUND)
        try:
            await self.clusters.stop(cluster)
        except HubRefused as error:
            self.refuse(HTTPStatus.SERVICE_UNAVAILABLE, str(error))
            return
        self.set_status(HTTPStatus.NO_CONTENT)


class QueuesHandler(ClustersHandler):
    """The resource table, as the start page shows it."""

    SUPPORTED_METHODS = ("GET",)

    @authenticated
    async def get(self) -> None:
        """200: as the hub's ``/hub/api/cluster``; 503: the hub does not answer."""
        try:
            self.finish(await asyncio.to_thread(fetch_table, language.current.get()))
        except HubRefused as error:
            self.refuse(HTTPStatus.SERVICE_UNAVAILABLE, str(error))


def make_cluster_handlers(clusters: Clusters, notebook: Notebook) -> list[tuple[str, type[APIHandler], dict[str, Any]]]:
    """Routes below the server's base URL."""
    settings = {"clusters": clusters, "notebook": notebook}
    return [
        (f"/{PATH}", ClustersHandler, settings),
        (f"/{PATH}/{ID}", ClusterHandler, settings),
        (f"/{QUEUES_PATH}", QueuesHandler, settings),
    ]
