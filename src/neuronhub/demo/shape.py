"""The shape of the embedded site: its queues, nodes and accounts, after the reference site. Values only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from neuronhub.tariff import Price

HOST_NAME = "neuronhub-demo"
"""Host name inside: login node, hub and Slurm controller."""
CLUSTER = "demo"
RESEARCHERS = "researchers"
RESEARCHERS_GID = 20000
HUB_USER = "neuronhub"
PROXY_USER = "neuronhub-proxy"
LDAP_SUFFIX = "dc=neuronhub,dc=demo"


@dataclass(frozen=True, slots=True)
class Node:
    """A compute node; ``address`` is its own loopback address, which stands for the cluster network."""

    name: str
    address: str
    index: int
    """Position among all nodes, from 0; its slurmd's port follows from it."""

    @property
    def full_name(self) -> str:
        """What its jobs find to be their host's name; it stands for 127.0.0.1."""
        return f"{self.name}.{CLUSTER}"


@dataclass(frozen=True, slots=True)
class Queue:
    """A Slurm partition, its nodes, and what the site file says of it."""

    name: str
    nodes: tuple[Node, ...]
    cpus: int
    memory_mb: int
    gpu_type: str
    gpus: int
    default_time: str
    max_time: str
    english: str
    korean: str
    prices: tuple[Price, ...] = ()
    """None: free of charge."""
    away_limit: str = ""
    """As the site file has it; '': none."""
    places_per_node: int = 0
    """Notebooks on one node; 0: a start takes the whole node."""

    @property
    def shared(self) -> bool:
        """Several users share a node."""
        return self.places_per_node > 0


@dataclass(frozen=True, slots=True)
class Account:
    """Who may sign in; ``groups`` are the directory's groups and Slurm's accounts, the first is the default."""

    id: str
    uid: int
    groups: tuple[str, ...]
    coordinates: tuple[str, ...] = ()
    """Slurm's accounts whose coordinator it is."""


def _nodes(prefix: str, first: int, count: int) -> tuple[Node, ...]:
    return tuple(
        Node(f"{prefix}{number:02}", f"127.0.2.{first + number}", first + number - 1) for number in range(1, count + 1)
    )


QUEUES = (
    Queue(
        name="jupyter",
        nodes=_nodes("jn", 0, 5),
        cpus=10,
        memory_mb=20000,
        gpu_type="v100",
        gpus=2,
        default_time="2:00:00",
        max_time="12:00:00",
        english="Set-up, preprocessing and debugging; users share the nodes and their GPUs",
        korean="환경 설정, 전처리, 디버깅용; 노드와 GPU를 여러 사용자가 함께 사용",
        places_per_node=10,
    ),
    Queue(
        name="cas_v100_2",
        nodes=_nodes("cas2n", 5, 3),
        cpus=8,
        memory_mb=32000,
        gpu_type="v100",
        gpus=2,
        default_time="4:00:00",
        max_time="2-00:00:00",
        english="A whole node with 2 V100 GPUs, for training and visualisation",
        korean="V100 GPU 2개가 있는 노드 전체를 사용 (학습, 시각화용)",
        prices=(Price(amount=Decimal(3000)),),
    ),
    Queue(
        name="cas_v100nv_4",
        nodes=_nodes("cas4n", 8, 2),
        cpus=8,
        memory_mb=32000,
        gpu_type="v100nv",
        gpus=4,
        default_time="4:00:00",
        max_time="2-00:00:00",
        english="A whole node with 4 V100 GPUs joined by NVLink, for training",
        korean="NVLink로 연결된 V100 GPU 4개가 있는 노드 전체를 사용 (학습용)",
        prices=(
            Price(amount=Decimal(6000)),
            Price(amount=Decimal(6600), valid_from=datetime(2036, 1, 1, tzinfo=UTC)),
        ),
    ),
    Queue(
        name="amd_a100nv_8",
        nodes=_nodes("a100n", 10, 2),
        cpus=16,
        memory_mb=64000,
        gpu_type="a100nv",
        gpus=8,
        default_time="4:00:00",
        max_time="2-00:00:00",
        english="A whole node with 8 A100 GPUs joined by NVLink, for large models",
        korean="NVLink로 연결된 A100 GPU 8개가 있는 노드 전체를 사용 (대형 모델용)",
        prices=(Price(amount=Decimal(2000), per="gpu-hour"),),
        away_limit="2:00:00",
    ),
)

NODES = tuple(node for queue in QUEUES for node in queue.nodes)
DRAINED_NODE = "cas2n03"
DRAINED_REASON = "Fan replacement"

LABS = {"lab-a": 20101, "lab-b": 20102, "lab-c": 20103}
"""Groups of the directory (with their gid), which are Slurm's accounts too."""
GRANTS = {"lab-a": 100_000_000, "lab-b": 100_000_000, "lab-c": 5_000}
"""First budgets of Slurm's accounts, in KRW; lab-c's does not last for what a start can cost."""
DISCOUNTS = {"lab-b": Decimal(10)}
"""Percent that a Slurm account pays less."""
OPERATOR = "operator"
"""An administrator of the hub."""

ACCOUNTS = (
    Account("alice", 20001, ("lab-a", "lab-b"), coordinates=("lab-a",)),
    Account("bob", 20002, ("lab-b", "lab-c")),
    Account(OPERATOR, 20003, ("lab-b",)),
    *(Account(f"u{number:02}", 20010 + number, ("lab-a",) if number % 2 else ("lab-b",)) for number in range(1, 51)),
)
