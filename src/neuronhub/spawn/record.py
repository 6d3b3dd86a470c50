"""What the hub remembers of one start, so that no restart of it loses a job. Kept in JupyterHub's spawner state."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.fernet import Fernet, InvalidToken

from neuronhub.errors import NeuronHubError
from neuronhub.slurm.types import JobRef


class SealBroken(NeuronHubError):
    """A sealed token cannot be opened: the start key is another one than when the server was started."""


@dataclass(frozen=True, slots=True)
class StartRecord:
    """One start of one server: saved before sbatch is called, and at each step after it."""

    user: str
    job_name: str
    queue: str
    time_limit: timedelta
    submitted_at: datetime
    sealed_token: str
    """The server's API token, encrypted with the hub's start key."""
    job_id: int | None = None
    url: str | None = None
    """``http://address:port`` once the server has announced itself and proved whose it is."""
    account: str = ""
    """Slurm account that the job is submitted with; '': Slurm's default for the user."""
    accepted_at: datetime | None = None
    """When Slurm says that it was submitted; None: it has not shown the job yet."""

    @property
    def ref(self) -> JobRef:
        """How the watcher knows this job."""
        return JobRef(self.user, self.job_name, self.job_id, self.accepted_at)

    def with_job(self, job_id: int) -> StartRecord:
        """This record, with the id that Slurm gave."""
        return replace(self, job_id=job_id)

    def with_url(self, url: str) -> StartRecord:
        """This record, with the address of the server."""
        return replace(self, url=url)

    def with_acceptance(self, accepted_at: datetime) -> StartRecord:
        """This record, with Slurm's own time of the submit."""
        return replace(self, accepted_at=accepted_at)

    def to_state(self) -> dict[str, Any]:
        """JSON-able form."""
        return {
            "user": self.user,
            "job_name": self.job_name,
            "queue": self.queue,
            "time_limit_s": int(self.time_limit.total_seconds()),
            "submitted_at": self.submitted_at.isoformat(),
            "sealed_token": self.sealed_token,
            "job_id": self.job_id,
            "url": self.url,
            "account": self.account,
            "accepted_at": self.accepted_at.isoformat() if self.accepted_at else None,
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> StartRecord:
        """The opposite of to_state; raises KeyError, TypeError or ValueError if it is not one."""
        return cls(
            user=state["user"],
            job_name=state["job_name"],
            queue=state["queue"],
            time_limit=timedelta(seconds=state["time_limit_s"]),
            submitted_at=datetime.fromisoformat(state["submitted_at"]),
            sealed_token=state["sealed_token"],
            job_id=state["job_id"],
            url=state["url"],
            account=state.get("account", ""),  # starts of a hub before accounts have none
            accepted_at=datetime.fromisoformat(state["accepted_at"]) if state.get("accepted_at") else None,
        )


class JobNames:
    """Names of the hub's own jobs: ``HUB-server-<16 hex digits>``, never the same twice."""

    def __init__(self, hub_name: str) -> None:
        self.prefix = f"{hub_name}-server-"
        self._pattern = re.compile(re.escape(self.prefix) + r"[0-9a-f]{16}")

    def draw(self) -> str:
        """A new name, unique to one start."""
        return self.prefix + secrets.token_hex(8)

    def match(self, name: str) -> bool:
        """True when ``name`` is one that this hub could have drawn."""
        return self._pattern.fullmatch(name) is not None


class Seal:
    """Encrypts server tokens at rest with the hub's start key (a Fernet key)."""

    def __init__(self, key: bytes) -> None:
        self._fernet = Fernet(key)

    def close(self, token: str) -> str:
        """Encrypt ``token``."""
        return self._fernet.encrypt(token.encode()).decode()

    def open(self, sealed: str) -> str:
        """Decrypt what close returned; raises SealBroken."""
        try:
            return self._fernet.decrypt(sealed.encode()).decode()
        except InvalidToken as error:
            raise SealBroken(
                "The start key has changed since this server was started. Stop it and start anew."
            ) from error


def now() -> datetime:
    """The present moment, UTC-aware."""
    return datetime.now(UTC)
