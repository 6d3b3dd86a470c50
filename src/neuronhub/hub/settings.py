"""The site file as JupyterHub's own configuration. Pure but for reading the secrets that the site file names."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlparse

from traitlets.config import Config

from neuronhub.errors import SiteFileError
from neuronhub.hub.proxy import PatientProxy
from neuronhub.login.authenticator import DirectoryAuthenticator
from neuronhub.site import Site
from neuronhub.spawn.spawner import SlurmSpawner
from neuronhub.web.templates import STATIC, TEMPLATES

SERVICE_SCOPES = (
    "admin:users",
    "admin:servers",
    "admin:groups",
    "list:users",
    "read:users",
    "read:hub",
    "read:metrics",
    "tokens",
    "access:servers",
    "proxy",
)


def make_config(site: Site) -> Config:
    """JupyterHub's traitlets configuration for ``site``; the site's own configuration files are loaded after it."""
    c = Config()
    hub = site.hub
    api = urlparse(hub.api_url)
    c.JupyterHub.bind_url = hub.public_url
    c.JupyterHub.hub_bind_url = hub.api_url
    c.JupyterHub.hub_connect_url = f"{api.scheme}://{api.netloc}"
    c.JupyterHub.db_url = hub.database
    c.JupyterHub.cookie_secret_file = str(hub.cookie_secret_file)
    c.JupyterHub.template_paths = [str(TEMPLATES)]
    c.JupyterHub.logo_file = str(STATIC / "img" / "logo.svg")
    c.JupyterHub.spawner_class = SlurmSpawner
    c.JupyterHub.cleanup_servers = False
    c.JupyterHub.cleanup_proxy = False
    c.JupyterHub.shutdown_on_logout = True
    c.JupyterHub.concurrent_spawn_limit = 0  # a job that waits in the queue costs the hub nothing
    c.JupyterHub.default_url = "/hub/spawn"
    c.JupyterHub.admin_access = False
    c.JupyterHub.proxy_class = PatientProxy
    c.ConfigurableHTTPProxy.should_start = False
    c.ConfigurableHTTPProxy.api_url = hub.proxy_api_url
    c.ConfigurableHTTPProxy.auth_token = read_secret(hub.proxy_token_file)
    c.Authenticator.admin_users = set(hub.admins)
    if site.login is not None:
        c.JupyterHub.authenticator_class = DirectoryAuthenticator
        c.DirectoryAuthenticator.site = site
    add_services(c, site)
    return c


def add_services(c: Config, site: Site) -> None:
    """Hub services of the site file: scripts and measurements that hold an API token with admin scopes."""
    c.JupyterHub.services = [
        {"name": name, "api_token": read_secret(path)} for name, path in site.hub.service_token_files.items()
    ]
    c.JupyterHub.load_roles = [
        {"name": f"service-{name}", "scopes": list(SERVICE_SCOPES), "services": [name]}
        for name in site.hub.service_token_files
    ]


def read_secret(path: Path) -> str:
    """The text of a secret's file, which nobody but its owner and group may read; raises SiteFileError."""
    try:
        if path.stat().st_mode & 0o007:
            raise SiteFileError(f"{path}: everybody may read or write this secret. Run: chmod 600 {path}")
        text = path.read_text(encoding="ascii").strip()
    except OSError as error:
        raise SiteFileError(f"{path}: the secret cannot be read ({error.strerror}).") from error
    except UnicodeDecodeError as error:
        raise SiteFileError(f"{path}: is not a secret of printable ASCII characters.") from error
    if not re.fullmatch(r"[!-~]{32,}", text):
        raise SiteFileError(f"{path}: a secret is one line of at least 32 characters without spaces.")
    return text
