"""TCP ports for the embedded site: free ones, claimed for as long as the command lives. Runs inside the site."""

from __future__ import annotations

import contextlib
import errno
import socket
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from neuronhub.demo.errors import DemoError

BLOCK_SIZE = 32
FIRST_BLOCK, LAST_BLOCK = 20000, 31000
"""Below the kernel's range for outgoing connections, so that nothing else is given one of these by chance."""


@dataclass(frozen=True, slots=True)
class Ports:
    """The ports of one embedded site; ``claims`` keeps other embedded sites off them."""

    public: int
    block: int
    claims: tuple[socket.socket, ...] = field(repr=False, compare=False, default=())

    @property
    def slurmctld(self) -> int:
        """Of Slurm's controller."""
        return self.block

    @property
    def slurmdbd(self) -> int:
        """Of Slurm's accounting."""
        return self.block + 1

    @property
    def ldaps(self) -> int:
        """Of the directory."""
        return self.block + 2

    @property
    def proxy_api(self) -> int:
        """Of the proxy's own API."""
        return self.block + 3

    @property
    def hub_api(self) -> int:
        """Where the hub itself listens."""
        return self.block + 4

    def slurmd(self, index: int) -> int:
        """Of the compute node at position ``index``."""
        return self.block + 8 + index


def _claim(name: str) -> socket.socket | None:
    """Hold an abstract socket name: the kernel gives it back when the holder ends, however it ends."""
    holder = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        holder.bind(f"\0neuronhub-demo-{name}")
    except OSError as error:
        holder.close()
        if error.errno == errno.EADDRINUSE:
            return None
        raise
    return holder


def _is_free(port: int) -> bool:
    with contextlib.closing(socket.socket()) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _claim_first(starts: Iterable[int], size: int) -> Iterator[tuple[int, socket.socket]]:
    for start in starts:
        if all(_is_free(port) for port in range(start, start + size)):
            claim = _claim(str(start))
            if claim is not None:
                yield start, claim


def claim_ports(public: int) -> Ports:
    """Claim a block of free ports, and ``public`` or the next free port after it, for this process."""
    for block, block_claim in _claim_first(range(FIRST_BLOCK, LAST_BLOCK, BLOCK_SIZE), BLOCK_SIZE):
        for port, port_claim in _claim_first(range(public, min(public + 200, 65536)), 1):
            return Ports(port, block, (block_claim, port_claim))
    raise DemoError(f"No free TCP port was found from {public} on; choose another one with --port.")
