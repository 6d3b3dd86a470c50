"""The address on which a user's server listens: the node's own one in the cluster, and never all of them.

Runs in the job, before the server.
"""

from __future__ import annotations

import ipaddress
import socket

from neuronhub.protocol import EXIT_NO_ADDRESS
from neuronhub.workbench.errors import StartFailed


def bind_listener(node: str, hub_host: str, hub_port: int) -> socket.socket:
    """Return a TCP socket that listens on a free port of the cluster address of ``node``.

    What the node's name stands for is taken, unless only this machine could reach it while the hub is elsewhere (some
    sites let a host's own name stand for 127.0.1.1); then the address from which this node talks to the hub.
    """
    hub = _resolve(hub_host)
    candidates = [address for address in _resolve(node) if _reachable(address, hub)]
    candidates += [address for address in (_route(address, hub_port) for address in hub) if address]
    for address in candidates:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        try:
            listener.bind((address, 0))
        except OSError:
            listener.close()  # not an address of this node: the next one
            continue
        listener.listen(128)
        listener.setblocking(False)
        return listener
    raise StartFailed(
        EXIT_NO_ADDRESS,
        f"The node {node or '(unnamed)'} has no address from which the hub at {hub_host} can be reached. "
        "This is for the operators of the site: the node's name must stand for its address in the cluster.",
    )


def _resolve(host: str) -> list[str]:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:
        return []
    return list(dict.fromkeys(str(entry[4][0]) for entry in found)) if host else []


def _reachable(address: str, hub: list[str]) -> bool:
    """Say whether a server at ``address`` can be reached from the hub, as far as addresses tell.

    A node may have an IPv6 address as well while the hub has none: then that one leads nowhere.
    """
    own = ipaddress.ip_address(address)
    others = [ipaddress.ip_address(other) for other in hub]
    if own.is_unspecified or (others and all(other.version != own.version for other in others)):
        return False
    return not own.is_loopback or any(other.is_loopback for other in others)


def _route(address: str, port: int) -> str | None:
    """Return our own address on the way to ``address``; no packet is sent for it."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((address, port))
        except OSError:
            return None
        return str(probe.getsockname()[0])
