"""The socket of a server: on the node's own address, never on all of them."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from neuronhub.protocol import EXIT_NO_ADDRESS
from neuronhub.workbench import address
from neuronhub.workbench.errors import StartFailed

HOSTS = {
    "jn01": ["127.0.2.1"],
    "everywhere": ["0.0.0.0"],
    "elsewhere": ["203.0.113.7"],
    "both": ["::1", "127.0.2.9"],
    "hub": ["127.0.0.1"],
    "six-hub": ["::1"],
    "far-hub": ["198.51.100.1"],
}


@pytest.fixture(autouse=True)
def hosts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names as a site's own hosts file gives them."""
    monkeypatch.setattr(address, "_resolve", lambda host: HOSTS.get(host, []))


def bound_to(node: str, hub: str) -> tuple[Any, ...]:
    with address.bind_listener(node, hub, 8081) as listener:
        assert listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
        return tuple(listener.getsockname())


def test_it_listens_on_the_address_of_the_node() -> None:
    host, port = bound_to("jn01", "hub")
    assert host == "127.0.2.1"
    assert port > 0


def test_of_a_nodes_addresses_it_takes_the_kind_that_the_hub_has() -> None:
    assert bound_to("both", "hub")[0] == "127.0.2.9"
    assert bound_to("both", "six-hub")[0] == "::1"


def test_two_servers_of_a_node_have_two_ports() -> None:
    with address.bind_listener("jn01", "hub", 8081) as one, address.bind_listener("jn01", "hub", 8081) as other:
        assert one.getsockname()[1] != other.getsockname()[1]


@pytest.mark.parametrize("node", ["everywhere", "elsewhere", "unknown", ""])
def test_without_a_usable_name_it_takes_the_address_that_the_hub_is_reached_from(node: str) -> None:
    assert bound_to(node, "hub")[0] == "127.0.0.1"


def test_a_loopback_name_is_not_used_for_a_hub_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(address, "_route", lambda hub, port: "127.0.0.9" if hub == "198.51.100.1" else None)
    assert bound_to("jn01", "far-hub")[0] == "127.0.0.9"


def test_it_gives_up_with_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(address, "_route", lambda hub, port: None)
    with pytest.raises(StartFailed, match="The node unknown has no address") as failure:
        address.bind_listener("unknown", "nowhere", 8081)
    assert failure.value.exit_code == EXIT_NO_ADDRESS
