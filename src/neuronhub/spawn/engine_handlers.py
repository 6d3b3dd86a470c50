"""What users' servers ask by REST: engines, and their own job; each sees and ends its own only. In the hub process."""

from __future__ import annotations

from tornado import web

from neuronhub.errors import NeuronHubError, SlurmNotPermitted, SlurmRefused, StartRefused
from neuronhub.language import translate as _
from neuronhub.protocol import EnginesOrder
from neuronhub.site import Site
from neuronhub.spawn.announce import StartsOwnHandler
from neuronhub.spawn.engines import Engines
from neuronhub.spawn.options import describe_price
from neuronhub.spawn.refusal import refuse, refuse_start


class JobHandler(StartsOwnHandler):
    """/hub/api/neuronhub/job, with the server's own token."""

    async def get(self) -> None:
        """200: queue, job_id, state, node, times, the price of its queue, and what it costs so far (null: free)."""
        spawner, record = self.find_start()
        till = spawner.desk.till
        await till.refresh_cost(record.job_name)
        cost = till.describe_cost(record.job_name, record.user)
        site: Site = spawner.desk.site
        queue, cluster = site.queue(record.queue), spawner.desk.watch.cluster
        found = cluster.queue(record.queue) if cluster else None
        price = describe_price(site, queue, found)["price_per_hour"] if queue else None
        self.set_header("Cache-Control", "no-store")
        self.write({**(spawner.facts or {}), "price_per_hour": price, "currency": site.currency, "cost": cost})


class EnginesHandler(StartsOwnHandler):
    """/hub/api/neuronhub/engines, with the server's own token."""

    @property
    def engines(self) -> Engines:
        """Those of this hub."""
        engines: Engines = self.settings[Engines.SETTING]
        return engines

    async def get(self) -> None:
        """200: the server's clusters by their digits; each has its queue and the jobs of its nodes."""
        _spawner, record = self.find_start()
        self.set_header("Cache-Control", "no-store")
        self.write(self.engines.describe(record))

    async def post(self) -> None:
        """201: submitted; the body is the cluster. 400 with the reason. 503: Slurm is silent."""
        try:
            order = EnginesOrder.parse(self.request.body)
        except ValueError as error:
            raise web.HTTPError(400, "not an order of engines: %s", error) from error
        spawner, record = self.find_start()
        try:
            cluster = await self.engines.start(record, order, spawner.groups)
        except StartRefused as error:
            refuse_start(error)
        except SlurmRefused as error:
            refuse(400, StartRefused(explain_refusal(error)))
        except SlurmNotPermitted as error:
            self.log.error("engines of %s: %s", record.user, error)
            refuse(503, StartRefused(_("The hub may not submit jobs for you. Tell the operators.")))
        except NeuronHubError as error:
            self.log.warning("engines of %s: %s", record.user, error)
            refuse(503, StartRefused(_("Slurm does not answer at the moment. Try again in a minute.")))
        self.set_status(201)
        self.write(cluster)


class EngineClusterHandler(EnginesHandler):
    """/hub/api/neuronhub/engines/DIGITS, with the server's own token."""

    async def delete(self, cluster: str) -> None:
        """204: its jobs are cancelled, or over already. 503: they are not; try again."""
        _spawner, record = self.find_start()
        try:
            await self.engines.stop(record, cluster)
        except NeuronHubError as error:
            self.log.warning("engines of %s: %s", record.user, error)
            refuse(503, StartRefused(_("Slurm does not answer at the moment. Try again in a minute.")))
        self.set_status(204)


def explain_refusal(error: SlurmRefused) -> str:
    """Slurm's own no, in a sentence."""
    return _("Slurm refused the engines: {reason} Choose another queue, fewer nodes or less time.").format(reason=error)
