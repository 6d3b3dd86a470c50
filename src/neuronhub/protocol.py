"""What crosses between the hub and a user's Jupyter server: HTTP with small typed bodies, and the start ticket.

Imported by both sides, so the standard library only, and nothing slow: it runs while a server starts.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

ANNOUNCE_PATH = "neuronhub/announce"
"""Below the hub's API URL: a started server POSTs an Announcement, with its own token."""
PREPARING_PATH = "neuronhub/preparing"
"""Below the hub's API URL: a launcher POSTs a Preparing, with the server's token, while it makes the environment."""
ENVIRONMENT_PATH = "neuronhub/environment"
"""Below the hub's API URL and below a server's base URL alike: the notebook environment as JSON (see docs)."""
USAGE_PATH = "neuronhub/usage"
"""Below the hub's API URL: what jobs cost, as far as whoever asks may see it."""
ENGINES_PATH = "neuronhub/engines"
"""Below the hub's API URL: a server asks for engines of an IPython cluster, how they are, and for their end."""
JOB_PATH = "neuronhub/job"
"""Below the hub's API URL: a server asks what the hub knows of its job."""
PROOF_PATH = "neuronhub/proof"
"""Below the server's base URL: GET ``?nonce=HEX`` answers ``{"proof": ...}`` (no cookie or token needed)."""

LONGEST_PATH = 4096

EXIT_LOG_FOLDER = 73
"""The job script could not make or write the log folder."""
EXIT_WORKSPACE = 74
"""The launcher could not make or enter the workspace."""
EXIT_NO_ADDRESS = 68
"""The node has no address on which the hub could reach a server."""
EXIT_SERVER_SILENT = 70
"""The Jupyter server was started and does not answer."""
EXIT_HOME = 71
"""The launcher could not write in the user's home folder."""
EXIT_BASE_MISSING = 72
"""The site's base environment is not there or not executable."""
EXIT_HUB_REFUSED = 77
"""The hub did not accept the announcement."""
EXIT_BAD_TICKET = 65
"""The start ticket could not be read."""


def _read_json(body: bytes) -> Any:
    """What a stranger has sent; raises ValueError for anything but JSON that can be read."""
    try:
        return json.loads(body)
    except RecursionError:
        raise ValueError("the body is nested too deeply") from None


@dataclass(frozen=True, slots=True)
class Announcement:
    """All that a started server may tell the hub: the TCP port that it has bound already (1-65535)."""

    port: int

    @classmethod
    def parse(cls, body: bytes) -> Announcement:
        """Parse a request body; raises ValueError unless it is exactly ``{"port": 1..65535}``."""
        data = _read_json(body)
        if not isinstance(data, dict) or set(data) != {"port"}:
            raise ValueError("the body must be an object with the one key 'port'")
        port = data["port"]
        if type(port) is not int or not 1 <= port <= 65535:
            raise ValueError("port must be a whole number from 1 to 65535")
        return cls(port)


@dataclass(frozen=True, slots=True)
class Preparing:
    """How far a start has come with the user's environment; the wait page shows it and nothing depends on it."""

    done: float
    """0 to 1."""

    @classmethod
    def parse(cls, body: bytes) -> Preparing:
        """Parse a request body; raises ValueError unless it is exactly ``{"done": 0..1}``."""
        data = _read_json(body)
        if not isinstance(data, dict) or set(data) != {"done"}:
            raise ValueError("the body must be an object with the one key 'done'")
        done = data["done"]
        if type(done) not in (int, float) or not 0 <= done <= 1:
            raise ValueError("done must be a number from 0 to 1")
        return cls(float(done))


@dataclass(frozen=True, slots=True)
class EnginesOrder:
    """What a server asks the hub for (rows X4, X5): engines on nodes of a queue, as jobs of the server's user."""

    cluster: str
    """Eight hexadecimal digits, drawn by the server; unique among its clusters."""
    queue: str
    time_limit: str
    """In Slurm's notation; '' is the queue's default."""
    nodes: int
    engines: int
    """In all; they are spread evenly over the nodes."""
    python: str
    """Absolute path of the Python that runs the engines."""
    folder: str
    """Absolute path of the cluster's folder, with the connection file; the same on all nodes."""
    account: str = ""
    """Slurm account that pays; '': the server's own."""

    @classmethod
    def parse(cls, body: bytes) -> EnginesOrder:
        """Parse a request body; raises ValueError for any other shape. Queue, time, account and numbers are not judged.

        Servers of an older base name no account.
        """
        data = _read_json(body)
        words = {"cluster", "queue", "time_limit", "python", "folder", "account"}
        if not isinstance(data, dict) or {"account": "", **data}.keys() != words | {"nodes", "engines"}:
            raise ValueError(
                "the body must be an object with these keys: "
                "account, cluster, engines, folder, nodes, python, queue, time_limit"
            )
        data = {"account": "", **data}
        if not all(isinstance(data[word], str) and len(data[word]) <= LONGEST_PATH for word in words):
            raise ValueError("account, cluster, queue, time_limit, python and folder must be text")
        if not all(type(data[word]) is int and data[word] >= 1 for word in ("nodes", "engines")):
            raise ValueError("nodes and engines must be whole numbers from 1 on")
        if len(data["cluster"]) != 8 or set(data["cluster"]) - set("0123456789abcdef"):
            raise ValueError("cluster must be eight hexadecimal digits")
        if not (data["python"].startswith("/") and data["folder"].startswith("/")):
            raise ValueError("python and folder must be absolute paths")
        return cls(**data)

    def to_json(self) -> str:
        """The opposite of parse."""
        return json.dumps(asdict(self))


@dataclass(frozen=True, slots=True)
class EnginesTicket:
    """What the job of one node hands to its engines' program on standard input: one line of JSON."""

    python: str
    folder: str
    node: int
    """Which of the cluster's nodes this is, from 0."""
    engines: int
    """On this node."""

    def to_json(self) -> str:
        """One line of JSON."""
        return json.dumps(asdict(self), ensure_ascii=True)

    @classmethod
    def from_json(cls, text: str) -> EnginesTicket:
        """The opposite of to_json; raises ValueError or TypeError when ``text`` is not a ticket."""
        return cls(**json.loads(text))


@dataclass(frozen=True, slots=True)
class StartTicket:
    """What the job script hands to the launcher on standard input: one line of JSON.

    The script is seen by the user and Slurm only; the token in it is the user's own server token.
    """

    environment: dict[str, str]
    """Spawner.get_env(): JUPYTERHUB_API_TOKEN, JUPYTERHUB_API_URL and so on."""
    base_url: str
    """``/user/ID/``"""
    workspace: str
    examples: str
    """Folder with example notebooks for a new workspace, or ''."""
    layout: dict[str, Any] | None = None
    """environments.layout.Layout as JSON: where the notebook environment lies. None: kernels are the base's own."""
    make_environment: bool = True
    """Make the notebook environment during this start when there is none."""
    args: tuple[str, ...] = ()
    """Further command line arguments of the Jupyter server (Spawner.args)."""

    def to_json(self) -> str:
        """One line of JSON."""
        return json.dumps(asdict(self), ensure_ascii=True)

    @classmethod
    def from_json(cls, text: str) -> StartTicket:
        """The opposite of to_json; raises ValueError or TypeError when ``text`` is not a ticket."""
        data = json.loads(text)
        data["args"] = tuple(data["args"])
        return cls(**data)


def make_proof(token: str, nonce: str, port: int) -> str:
    """Hex HMAC-SHA256, keyed with the server's own token, over the hub's nonce and the announced port.

    The server shows by it that it holds the token which the hub gave to this start; the token itself is not sent.
    """
    return hmac.new(token.encode(), f"neuronhub-proof:{nonce}:{port}".encode(), hashlib.sha256).hexdigest()


def log_file(log_dir: Path, job_id: int) -> Path:
    """Where the job ``job_id`` prints (row P2)."""
    return log_dir / f"{job_id}.log"
