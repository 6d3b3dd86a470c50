"""The site file: one TOML document that describes a site, as one pydantic model.

Read by the hub, by login nodes and by the command line. Unknown keys are refused; nothing is
read from anywhere else. Secrets are never in this file, only the names of files that hold them.
"""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, PrivateAttr, ValidationError, field_validator, model_validator

from neuronhub.errors import SiteFileError
from neuronhub.table import Table
from neuronhub.tariff import Billing, Price, find_valid, refuse_disorder

DEFAULT_SITE = Path("/etc/neuronhub/site.toml")
"""Where commands look for the site file that were told of no other."""
NAME = r"^[a-z][a-z0-9-]{0,31}$"
QUEUE_NAME = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$"
ORIGIN = r"^https?://[^/?#\s]+/?$"
CHANNEL = r"^([A-Za-z0-9][A-Za-z0-9_.-]*(/[A-Za-z0-9_.-]+)*|(https|file)://[^?#\s]+)$"
SBATCH_OPTION = r"^--[a-z][a-z-]*(=[A-Za-z0-9_.,:/@+=-]+)?$"

#: sbatch options that NeuronHub sets itself; a site file may not set them a second time.
RESERVED_SBATCH_OPTIONS = frozenset(
    "--job-name --partition --time --output --error --input --chdir --export --requeue --no-requeue --uid --gid "
    "--parsable --wrap --array --nodes --exclusive --get-user-env --export-file --account".split()
)


def refuse_reserved(options: tuple[str, ...]) -> tuple[str, ...]:
    """Return ``options``; raises ValueError if one of them is NeuronHub's own to set."""
    for option in options:
        name = option.split("=", 1)[0]
        if any(reserved.startswith(name) for reserved in RESERVED_SBATCH_OPTIONS):  # sbatch takes abbreviations
            raise ValueError(f"{option} is set by NeuronHub itself and cannot be given here")
    return options


class Words(Table):
    """One text in both languages."""

    en: str = ""
    ko: str = ""

    def in_language(self, language: str) -> str:
        """Return the text in ``language`` (``en`` or ``ko``), or the other one if that is empty."""
        return (self.ko or self.en) if language == "ko" else (self.en or self.ko)


class Hub(Table):
    """The hub process: where it listens, as whom it runs, where it keeps its own data."""

    name: Annotated[str, Field(pattern=NAME)] = "neuronhub"
    """Part of every job name; unique among the hubs that submit to one Slurm."""
    public_url: Annotated[str, Field(pattern=ORIGIN)]
    """What users type: ``https://host[:port]/``."""
    api_url: Annotated[str, Field(pattern=ORIGIN)] = "http://127.0.0.1:8081"
    """Where the hub itself listens; reachable from compute nodes and the proxy."""
    proxy_api_url: Annotated[str, Field(pattern=ORIGIN)] = "http://127.0.0.1:8001"
    """configurable-http-proxy's own API; it runs as a process of its own."""
    proxy_token_file: Path
    """File with the token shared with the proxy."""
    cookie_secret_file: Path
    start_key_file: Path
    """File with a Fernet key; seals what the hub must remember of a start in its database."""
    state_dir: Path
    database_url: str | None = None
    """SQLAlchemy URL; default: SQLite in ``state_dir``."""
    user: str = "neuronhub"
    admins: tuple[str, ...] = ()
    service_token_files: dict[str, Path] = Field(default_factory=dict)
    """Name of a hub service with admin scopes -> file with its API token (scripts, measurements)."""
    extra_config: tuple[Path, ...] = ()
    """JupyterHub configuration files (traitlets), loaded last: the site has the last word."""
    default_language: Literal["en", "ko"] = "en"

    @property
    def database(self) -> str:
        """The SQLAlchemy URL of the hub's database."""
        return self.database_url or f"sqlite:///{self.state_dir / 'jupyterhub.sqlite'}"


class Places(Table):
    """Where things lie (rows P1-P3), the same on hub, login and compute nodes."""

    scratch: Path = Path("/scratch")
    bases: Path = Path("/apps/jupyter/bases")
    """Versions of the site's base environment, and the link ``current`` to the one from which Jupyter servers run."""
    examples: Path | None = None
    """Folder with the example notebooks that a new workspace receives."""

    @property
    def base(self) -> Path:
        """The active base (``bin/python`` is below it)."""
        return self.bases / "current"

    def conda(self, user: str) -> Path:
        """Where ``user``'s environments and package cache lie; the notebook environment is row P1."""
        return self.scratch / user / ".conda"

    def workspace(self, user: str) -> Path:
        """The root of the file browser of ``user`` (row P3)."""
        return self.scratch / user / "workspace"

    def log_dir(self, user: str) -> Path:
        """Where ``JOBID.log`` of ``user``'s Jupyter jobs lies (row P2)."""
        return self.scratch / user / "log"


class Slurm(Table):
    """How to reach Slurm. Commands are named by absolute path: JupyterHub hands no PATH on."""

    conf: Path | None = None
    """Client-side slurm.conf, given to every command as SLURM_CONF; a short MessageTimeout is wise."""
    bin_dir: Path = Path("/usr/bin")
    sudo: Path = Path("/usr/bin/sudo")
    command_timeout_s: Annotated[float, Field(gt=0, le=120)] = 15.0
    commands_per_minute: Annotated[int, Field(ge=4, le=600)] = 30
    """Ceiling for the questions of the watcher (sinfo, squeue, scontrol, sacct), whatever happens."""
    startup_timeout_s: Annotated[float, Field(ge=5)] = 180.0
    """From RUNNING until the Jupyter server must have announced itself."""
    sbatch_options: tuple[Annotated[str, Field(pattern=SBATCH_OPTION)], ...] = ()
    """Further sbatch options for every job (some sites demand ``--comment=...``)."""

    @field_validator("sbatch_options")
    @classmethod
    def _refuse_reserved(cls, options: tuple[str, ...]) -> tuple[str, ...]:
        return refuse_reserved(options)


class QueueSite(Table):
    """What the site adds to a Slurm partition that it offers as a queue."""

    name: Annotated[str, Field(pattern=QUEUE_NAME)]
    description: Words = Words()
    kind: Literal["shared", "whole-node"] = "whole-node"
    places_per_node: Annotated[int, Field(ge=1, le=1000)] = 1
    """Notebooks that fit on one node of a shared queue (row Q2)."""
    prices: tuple[Price, ...] = ()
    """In order of time; none: free of charge, always (row T5)."""
    away_limit: Annotated[timedelta, Field(gt=timedelta(0))] | None = None
    """Of a queue that costs money: a server that has been away for that long is ended (row T2). None: never."""
    default_time: timedelta | None = None
    """Overrides Slurm's DefaultTime of the partition."""
    groups: tuple[str, ...] = ()
    """Only members of one of these groups may use the queue; empty: everyone."""
    sbatch_options: tuple[Annotated[str, Field(pattern=SBATCH_OPTION)], ...] = ()

    @property
    def charged(self) -> bool:
        """True when a start in this queue costs money now, or nobody knows yet how much."""
        price = self.price_at(datetime.now(UTC))
        return bool(self.prices) and (price is None or price.amount > 0)

    def price_at(self, moment: datetime) -> Price | None:
        """The price of a start that is submitted at ``moment``; None: there is none (yet)."""
        return find_valid(self.prices, moment)

    @field_validator("prices")
    @classmethod
    def _refuse_overlaps(cls, prices: tuple[Price, ...]) -> tuple[Price, ...]:
        refuse_disorder(prices)
        return prices

    @field_validator("sbatch_options")
    @classmethod
    def _refuse_reserved(cls, options: tuple[str, ...]) -> tuple[str, ...]:
        return refuse_reserved(options)


class Directory(Table):
    """The LDAP directory (row L1). Servers are asked in order; TLS is always verified."""

    servers: Annotated[tuple[str, ...], Field(min_length=1)]
    """``ldaps://host[:port]`` or ``ldap://host[:port]`` (then StartTLS is required)."""
    ca_file: Path | None = None
    user_dn: str = "uid={id},ou=people,dc=example,dc=org"
    """DN to bind as; ``{id}`` is replaced by the canonical, RFC 4514-escaped account ID."""
    group_base: str | None = None
    group_filter: str = "(&(objectClass=posixGroup)(memberUid={id}))"
    group_attribute: str = "cn"
    timeout_s: Annotated[float, Field(gt=0, le=30)] = 3.0
    """Limit for one server's answer, connecting included."""


class SecondFactor(Table):
    """How the OTP is checked (row L1)."""

    kind: Literal["totp", "combined-bind"] = "totp"
    key_file: Path | None = None
    """Fernet key that seals the TOTP secrets (``totp``)."""
    issuer: str = "NeuronHub"


class Throttle(Table):
    """Limits of failed sign-ins in a sliding window."""

    window_s: Annotated[float, Field(gt=0)] = 300.0
    per_user: Annotated[int, Field(ge=1)] = 10
    per_address: Annotated[int, Field(ge=1)] = 100
    answer_floor_s: Annotated[float, Field(ge=0, le=5)] = 0.25
    """No answer to a sign-in comes sooner, so that time tells nothing."""


class Login(Table):
    """Sign-in by NeuronHub's own authenticator; absent when the site sets another one."""

    directory: Directory
    second_factor: SecondFactor = SecondFactor()
    throttle: Throttle = Throttle()
    id_pattern: str = r"^[a-z_][a-z0-9_-]{0,31}$"
    database: Path
    """SQLite file with sealed TOTP secrets, spent codes and failed attempts."""


class Environments(Table):
    """Python environments: the base, and what users have on top of it (rows P1, P4, E1-E5)."""

    kind: Literal["layered", "full"] = "layered"
    """``layered``: thin, over the base. ``full``: a whole conda prefix, hard-linked from the user's package cache."""
    channels: Annotated[tuple[Annotated[str, Field(pattern=CHANNEL)], ...], Field(min_length=1)] = ("conda-forge",)
    """conda channels in order of priority: names, or ``https://`` and ``file://`` URLs."""
    mirrors: dict[Annotated[str, Field(pattern=CHANNEL)], tuple[Annotated[str, Field(pattern=CHANNEL)], ...]] = Field(
        default_factory=dict
    )
    """Channel -> mirrors to fetch it from instead, in order."""
    lock_file: Path | None = None
    """What ``neuronhub base build`` solved, kept: a second build makes the same base. Default: beside the spec."""
    conda: Path | None = None
    """The site's own ``conda``, ``mamba`` or ``micromamba``; not set: NeuronHub's own thin ``conda``."""
    create_at_start: bool = True
    """A Jupyter server that finds no notebook environment makes it during its start."""


class Site(Table):
    """The whole site file."""

    _path: Path = PrivateAttr(default=DEFAULT_SITE)

    title: Words = Words(en="NeuronHub", ko="NeuronHub")
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = "KRW"
    hub: Hub
    places: Places = Places()
    environments: Environments = Environments()
    slurm: Slurm = Slurm()
    login: Login | None = None
    billing: Billing | None = None
    queues: Annotated[tuple[QueueSite, ...], Field(min_length=1)]

    @property
    def path(self) -> Path:
        """The file that this was read from: other programs of the site are to read the same."""
        return self._path

    @property
    def ledger_url(self) -> str:
        """The SQLAlchemy URL of the ledger, without its password."""
        given = self.billing.database_url if self.billing else None
        return given or f"sqlite:///{self.hub.state_dir / 'billing.sqlite'}"

    @model_validator(mode="after")
    def _unique_queues(self) -> Site:
        names = [queue.name for queue in self.queues]
        doubled = sorted({name for name in names if names.count(name) > 1})
        if doubled:
            raise ValueError(f"queue named more than once: {', '.join(doubled)}")
        return self

    def queue(self, name: str) -> QueueSite | None:
        """The queue called ``name``, or None when the site does not offer it."""
        return next((queue for queue in self.queues if queue.name == name), None)


def read_site(path: Path) -> Site:
    """Read and validate the site file at ``path``.

    Raises SiteFileError, whose text names the file, the key and what is wrong with it.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SiteFileError(f"{path}: cannot be read ({error.strerror}). Name the site file with --site.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SiteFileError(f"{path}: is not TOML: {error}") from error
    try:
        site = Site.model_validate(document)
    except ValidationError as error:
        lines = [f"{'.'.join(str(part) for part in e['loc']) or 'the file'}: {e['msg']}" for e in error.errors()]
        raise SiteFileError(f"{path}: " + "; ".join(lines)) from error
    site._path = path.absolute()
    return site
