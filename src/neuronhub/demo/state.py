"""The state folder of an embedded site: what lies where, who holds it, and the secrets made once for it.

The folder has the same path inside the site's namespaces and outside of them.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path

from cryptography.fernet import Fernet

from neuronhub.demo.errors import DemoError
from neuronhub.demo.shape import ACCOUNTS

DEFAULT_STATE = "/var/lib/neuronhub-demo"
FORMAT = "2"
"""Changes when a kept folder of an older version cannot be used any more."""
LONGEST_PATH = 70
"""Unix sockets lie below the folder, and the kernel allows 107 bytes for their names."""
SECRET_NAMES = ("proxy-token", "admin-token", "cookie-secret", "login-key", "start-key")
HIDDEN_BY_PRIVATE_MOUNTS = ("/proc", "/sys", "/dev", "/run", "/etc", "/scratch", "/apps")


@dataclass(frozen=True, slots=True)
class Secret:
    """The password and the OTP secret (base32) of one account."""

    password: str
    otp_secret: str


@dataclass(frozen=True, slots=True)
class StateFolder:
    """Paths below one state folder, ``path`` (absolute)."""

    path: Path

    @property
    def run(self) -> Path:
        """Sockets."""
        return self.path / "run"

    @property
    def log(self) -> Path:
        """One log file for each part."""
        return self.path / "log"

    @property
    def slurm(self) -> Path:
        """slurm.conf and its neighbours; /etc/slurm inside the site."""
        return self.path / "slurm"

    @property
    def hub_slurm_conf(self) -> Path:
        """The slurm.conf that the hub's commands use."""
        return self.path / "slurm-hub" / "slurm.conf"

    @property
    def ldap(self) -> Path:
        """slapd's configuration and data."""
        return self.path / "ldap"

    @property
    def tls(self) -> Path:
        """The site's own CA and certificates."""
        return self.path / "tls"

    @property
    def secrets(self) -> Path:
        """What only root and the owner of each file may read."""
        return self.path / "secrets"

    @property
    def hub(self) -> Path:
        """The hub's own data."""
        return self.path / "hub"

    @property
    def site_file(self) -> Path:
        """The site file."""
        return self.path / "site.toml"

    @property
    def control_socket(self) -> Path:
        """Where the running command listens for ``neuronhub demo status`` and so on."""
        return self.run / "control.socket"

    @property
    def munge_socket(self) -> Path:
        """munged's socket."""
        return self.run / "munge" / "socket"

    def data(self, part: str) -> Path:
        """Where the part called ``part`` keeps its data."""
        return self.path / "data" / part

    def secret_file(self, name: str) -> Path:
        """One of SECRET_NAMES."""
        return self.secrets / name


def hold(path: Path) -> int:
    """Lock the state folder for this process and its children, and return the file descriptor that holds it.

    Raises DemoError when another embedded site runs on it, or when the folder is somebody else's.
    """
    state = StateFolder(path)
    marker = path / "neuronhub-demo"
    _refuse_unusable(path)
    if path.exists() and any(path.iterdir()) and not marker.exists():
        raise DemoError(f"{path} is not empty and was not made by neuronhub demo. Choose another folder with --state.")
    path.mkdir(parents=True, exist_ok=True)
    path.chmod(0o755)
    descriptor = os.open(marker, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise DemoError(
            f"An embedded site runs on {state.path} already. End it first, or choose another folder with --state."
        ) from None
    return descriptor


def _refuse_unusable(path: Path) -> None:
    if not path.is_absolute() or len(str(path)) > LONGEST_PATH:
        raise DemoError(f"--state must be an absolute path of at most {LONGEST_PATH} characters.")
    if path == Path("/") or any(path.is_relative_to(hidden) for hidden in HIDDEN_BY_PRIVATE_MOUNTS):
        raise DemoError(f"{path} cannot be the state folder; one below /var/lib is a good choice.")
    for parent in path.parents:
        if parent.exists() and not parent.stat().st_mode & 0o001:
            raise DemoError(f"Users of the site must be able to pass through {parent}. Choose another --state.")


def ensure_format(path: Path, *, fresh: bool) -> None:
    """Make the held folder ready for this version: empty it when ``fresh``, refuse another version's."""
    marker = path / "neuronhub-demo"
    if fresh:
        for entry in path.iterdir():
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            elif entry != marker:
                entry.unlink()
        marker.write_text("")
    found = marker.read_text().strip()
    if found not in ("", FORMAT):
        raise DemoError(f"{path} was made by another version. Begin anew with --fresh, or choose another --state.")
    marker.write_text(FORMAT + "\n")


def ensure_secrets(state: StateFolder) -> dict[str, Secret]:
    """Make the site's secrets once, and return those of the accounts by id."""
    state.secrets.mkdir(exist_ok=True)
    state.secrets.chmod(0o711)
    for name in SECRET_NAMES:
        if not state.secret_file(name).exists():
            value = Fernet.generate_key().decode() if name.endswith("-key") else secrets.token_hex(32)
            _write_secret(state.secret_file(name), value)
    accounts = state.secret_file("accounts.json")
    if not accounts.exists():
        made = {account.id: [_make_password(), _make_otp_secret()] for account in ACCOUNTS}
        _write_secret(accounts, json.dumps(made))
    return {id_: Secret(*pair) for id_, pair in json.loads(accounts.read_text()).items()}


def _make_password() -> str:
    alphabet = "abcdefghjkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(alphabet) for _ in range(4)) for _ in range(3))


def _make_otp_secret() -> str:
    return base64.b32encode(secrets.token_bytes(20)).decode()


def _write_secret(path: Path, value: str) -> None:
    half_written = path.with_name(path.name + ".new")
    half_written.unlink(missing_ok=True)
    descriptor = os.open(half_written, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(value)
    half_written.rename(path)
