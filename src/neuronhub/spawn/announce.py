"""What a start may tell the hub: how far it has come, and the port that it has bound. In the hub process.

The host is not told but seen: it is the address from which the announcement comes, and must be one of the
nodes of the job's queue. The hub then asks that address for a proof that only the holder of the server's own
token can give, so that nobody is ever routed to somebody else's server.
"""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
import json
import secrets
import socket

from jupyterhub.apihandlers.base import APIHandler
from tornado import web
from tornado.httpclient import AsyncHTTPClient, HTTPClientError
from tornado.simple_httpclient import HTTPTimeoutError

from neuronhub.protocol import PROOF_PATH, Announcement, Preparing, make_proof
from neuronhub.spawn.desk import Desk
from neuronhub.spawn.record import StartRecord
from neuronhub.spawn.spawner import SlurmSpawner

PROOF_TIMEOUT_S = 10.0
RESOLVE_TIMEOUT_S = 3.0


_being_proved: set[str] = set()
"""Job names of starts whose proof is under way: one at a time, so that nobody takes all connections for himself."""


class StartsOwnHandler(APIHandler):  # type: ignore[misc]
    """What a start tells of itself, known by the server's own token."""

    def find_start(self) -> tuple[SlurmSpawner, StartRecord]:
        """The start to which the request's token belongs; raises 403, or 503 while the hub is taking up old starts."""
        token = self.get_auth_token() or ""
        user = self.current_user
        desk: Desk = self.settings[Desk.SETTING]
        if user is not None and user.name in desk.adopting:
            raise web.HTTPError(503, "the hub has just started and is taking up this start; try again")
        for spawner in getattr(user, "spawners", {}).values():
            if isinstance(spawner, SlurmSpawner) and spawner.record and spawner.holds_token(token):
                return spawner, spawner.record
        raise web.HTTPError(403, "no start with this token is under way")


class PreparingHandler(StartsOwnHandler):
    """POST /hub/api/neuronhub/preparing: how far the job has come with the user's environment, for the wait page."""

    async def post(self) -> None:
        """204: noted. 400: not such a message. 403: this start is over, not here, or has announced itself already."""
        try:
            preparing = Preparing.parse(self.request.body)
        except ValueError as error:
            raise web.HTTPError(400, "not a message of this kind: %s", error) from error
        spawner, record = self.find_start()
        if record.url is not None:
            raise web.HTTPError(403, "this start has announced itself already")
        spawner.arrival.prepare(preparing.done)
        self.set_status(204)


class AnnounceHandler(StartsOwnHandler):
    """POST /hub/api/neuronhub/announce: where the server listens."""

    async def prepare(self) -> None:
        """In turn: many servers at once shall not keep others waiting."""
        await self.settings[Desk.SETTING].turns.take()
        await super().prepare()

    async def post(self) -> None:
        """204: routed. 400: not an announcement. 403: this start is over or not here. 503: try again later."""
        try:
            announcement = Announcement.parse(self.request.body)
        except ValueError as error:
            raise web.HTTPError(400, "not an announcement: %s", error) from error
        spawner, record = self.find_start()
        address = self.peer_address()
        if not await is_node_of(spawner, record, address):
            self.log.warning("announcement of %s from %s, which is no node of its job", record.job_name, address)
            raise web.HTTPError(403, "announcements come from the node of the job, directly to the hub")
        url = make_url(address, announcement.port)
        if record.url is not None:
            self.repeat(record.url, url)
            return
        if record.job_name in _being_proved:
            raise web.HTTPError(429, "this start is being proved already; try again")
        _being_proved.add(record.job_name)
        try:
            proved = await prove(spawner, url, announcement.port)
        finally:
            _being_proved.discard(record.job_name)
        if not proved:
            raise web.HTTPError(403, "what answers at the announced port is not this start's server")
        if spawner.record is None or spawner.record.job_name != record.job_name:
            raise web.HTTPError(403, "this start is over")
        spawner.announce(url)
        await spawner.desk.till.note_ready(record.job_name)
        self.set_status(204)

    def repeat(self, known: str, url: str) -> None:
        """Answer an announcement that was accepted before: 204 to the same address, 403 to any other."""
        if url != known:
            raise web.HTTPError(403, "this start has announced another address already")
        self.set_status(204)

    def peer_address(self) -> str:
        """The address of the connection itself: forwarded-for headers are the sender's to forge."""
        context = self.request.connection.context  # of tornado's HTTP/1 server
        return str(context.address[0]) if context.address else ""


async def is_node_of(spawner: SlurmSpawner, record: StartRecord, address: str) -> bool:
    """True when ``address`` belongs to the job's node, or to any node of its queue while the node is not known.

    Raises web.HTTPError 503 while Slurm has never told any nodes.
    """
    snapshot = spawner.desk.watch.cluster or await spawner.desk.fetch_cluster()
    queue = snapshot.queue(record.queue) if snapshot else None
    if queue is None:
        raise web.HTTPError(503, "Slurm has not told the nodes of the queue yet; try again")
    job = spawner.job
    names = [node.address for node in queue.nodes if not (job and job.batch_host) or node.name == job.batch_host]
    return any(address in found for found in await asyncio.gather(*(resolve(name) for name in names)))


async def resolve(name: str) -> frozenset[str]:
    """All addresses of ``name`` (an address is its own), or none when it cannot be resolved."""
    try:
        return frozenset({str(ipaddress.ip_address(name))})
    except ValueError:
        pass
    try:
        async with asyncio.timeout(RESOLVE_TIMEOUT_S):
            found = await asyncio.get_running_loop().getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except (socket.gaierror, TimeoutError):
        return frozenset()
    return frozenset(str(entry[4][0]) for entry in found)


def make_url(address: str, port: int) -> str:
    """``http://address:port``, with brackets around an IPv6 address."""
    return f"http://[{address}]:{port}" if ":" in address else f"http://{address}:{port}"


async def prove(spawner: SlurmSpawner, url: str, port: int) -> bool:
    """Ask the server at ``url`` to show that it holds this start's token; raises 503 when it does not answer."""
    nonce = secrets.token_hex(16)
    client: AsyncHTTPClient = spawner.desk.http_client
    path = f"{url}{spawner.server.base_url}{PROOF_PATH}?nonce={nonce}"
    try:
        response = await client.fetch(
            path, request_timeout=PROOF_TIMEOUT_S, follow_redirects=False, decompress_response=False
        )
        proof = json.loads(response.body)["proof"]
    except (HTTPTimeoutError, OSError) as error:
        raise web.HTTPError(503, "the server does not answer the hub yet; try again") from error
    except (HTTPClientError, ValueError, KeyError, TypeError, RecursionError) as error:
        spawner.log.warning("no proof from %s for %s: %s", url, spawner.server.base_url, error)
        return False
    expected = make_proof(spawner.api_token, nonce, port)
    return isinstance(proof, str) and proof.isascii() and hmac.compare_digest(proof, expected)
