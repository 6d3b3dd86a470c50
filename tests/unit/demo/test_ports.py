"""Ports: free, and never given to two sites."""

from __future__ import annotations

import socket
from contextlib import closing

from neuronhub.demo.ports import BLOCK_SIZE, Ports, claim_ports
from neuronhub.demo.shape import NODES


def release(ports: Ports) -> None:
    """Let other sites have the ports."""
    for claim in ports.claims:
        claim.close()


def test_two_sites_share_no_port() -> None:
    first, second = claim_ports(18000), claim_ports(18000)
    assert first.public != second.public
    assert abs(first.block - second.block) >= BLOCK_SIZE
    release(first)
    release(second)


def test_ports_come_back_when_a_site_ends() -> None:
    first = claim_ports(18000)
    release(first)
    again = claim_ports(18000)
    assert (again.public, again.block) == (first.public, first.block)
    release(again)


def test_a_taken_public_port_is_passed_over() -> None:
    with closing(socket.socket()) as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        ports = claim_ports(taken)
        assert taken < ports.public < taken + 200
        release(ports)


def test_a_block_has_room_for_every_node() -> None:
    ports = Ports(8000, 20000)
    numbers = [ports.slurmctld, ports.slurmdbd, ports.ldaps, ports.proxy_api, ports.hub_api]
    numbers += [ports.slurmd(node.index) for node in NODES]
    assert len(set(numbers)) == len(numbers)
    assert max(numbers) < ports.block + BLOCK_SIZE
