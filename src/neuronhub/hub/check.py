"""``neuronhub check``: is the site file right, and does what it names answer? Looks, and changes nothing."""

from __future__ import annotations

import asyncio
import logging
import os
import pwd
import ssl
import stat
from collections.abc import Awaitable, Callable

from cryptography.fernet import Fernet
from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest

from neuronhub.environments.bases import read_active
from neuronhub.errors import NeuronHubError
from neuronhub.hub.billing_check import check_accounting, check_ledger, check_prices
from neuronhub.hub.environment import list_commands
from neuronhub.hub.settings import read_secret
from neuronhub.login.connection import Connection, ConnectionFailed, Server
from neuronhub.process import run
from neuronhub.site import Directory, Site
from neuronhub.slurm.commands import Commands
from neuronhub.spawn.job_log import TAIL

TIME_LIMIT_S = 20.0

Say = Callable[[str], None]


class CheckFailed(NeuronHubError):
    """One thing is wrong; the text says what to do about it."""


def check_site(site: Site, say: Say) -> bool:
    """Look at everything that ``site`` names; ``say`` gets a line for each. True when all is well."""
    # What is wrong is said below in one line each; the rooms' own warnings would say it twice.
    rooms = logging.getLogger("neuronhub")
    level = rooms.level
    rooms.setLevel(logging.ERROR)
    try:
        return asyncio.run(_check_all(site, say))
    finally:
        rooms.setLevel(level)


async def _check_all(site: Site, say: Say) -> bool:
    looks: list[tuple[str, Callable[[Site], Awaitable[str]]]] = [
        ("secrets", _check_secrets),
        ("state folder", _check_state),
        ("proxy", _check_proxy),
        ("Slurm", _check_slurm),
        ("queues", _check_queues),
        ("sudo", _check_sudo),
        ("base environment", _check_base),
    ]
    if site.login is not None:
        looks.append(("directory", _check_directory))
    if any(queue.prices for queue in site.queues):
        looks.append(("prices", check_prices))
    if site.billing is not None:
        looks += [("ledger", check_ledger), ("accounting", check_accounting)]
    well = True
    for name, look in looks:
        try:
            async with asyncio.timeout(TIME_LIMIT_S):
                say(f"ok      {name}: {await look(site)}")
        except TimeoutError:
            say(f"WRONG   {name}: no answer within {TIME_LIMIT_S:g} s.")
            well = False
        except (NeuronHubError, ConnectionFailed, OSError) as error:
            say(f"WRONG   {name}: {error}")
            well = False
    return well


async def _check_secrets(site: Site) -> str:
    hub = site.hub
    paths = [hub.proxy_token_file, hub.start_key_file, *hub.service_token_files.values()]
    if site.login is not None and site.login.second_factor.key_file is not None:
        paths.append(site.login.second_factor.key_file)
    for path in paths:
        read_secret(path)
    try:
        Fernet(read_secret(hub.start_key_file).encode())
    except ValueError as error:
        raise CheckFailed(f"{hub.start_key_file}: is not a Fernet key ({error}).") from error
    return f"{len(paths)} files, private and readable"


async def _check_state(site: Site) -> str:
    folder = site.hub.state_dir
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        raise CheckFailed(f"{folder}: is no folder that this user may write in. Make it for the user {site.hub.user}.")
    user = pwd.getpwuid(os.geteuid()).pw_name
    if user != site.hub.user:
        raise CheckFailed(f"this is {user}, and the hub runs as {site.hub.user}. Run the check as {site.hub.user}.")
    return f"{folder}, as {user}"


async def _check_proxy(site: Site) -> str:
    token = read_secret(site.hub.proxy_token_file)
    request = HTTPRequest(
        site.hub.proxy_api_url.rstrip("/") + "/api/routes", headers={"Authorization": f"token {token}"}
    )
    try:
        await AsyncHTTPClient().fetch(request)
    except HTTPClientError as error:
        raise CheckFailed(
            f"{site.hub.proxy_api_url} answers {error.code}: is its token the one in the file?"
        ) from error
    except OSError as error:
        raise CheckFailed(f"{site.hub.proxy_api_url} does not answer ({error}). Start the proxy.") from error
    return f"{site.hub.proxy_api_url} answers"


async def _check_slurm(site: Site) -> str:
    nodes = await Commands(site.slurm, become=True).fetch_nodes()
    return f"{len({node.name for _, node in nodes})} nodes"


async def _check_queues(site: Site) -> str:
    known = {queue.name: queue for queue in await Commands(site.slurm, become=True).fetch_partitions()}
    missing = [queue.name for queue in site.queues if queue.name not in known]
    if missing:
        raise CheckFailed(f"Slurm has no partition called {', '.join(missing)}. It has: {', '.join(sorted(known))}.")
    closed = [queue.name for queue in site.queues if not known[queue.name].open]
    return f"{len(site.queues)} queues" + (f", closed at present: {', '.join(closed)}" if closed else "")


async def _check_sudo(site: Site) -> str:
    listed = await run("sudo", [str(site.slurm.sudo), "-n", "-l"], environment={"LC_ALL": "C"}, timeout_s=TIME_LIMIT_S)
    allowed = " ".join(listed.stdout.replace("\\", "").split())  # sudo escapes some characters of arguments
    slurm = ("sbatch", "scancel", *(("sstat",) if site.billing is not None else ()))
    for command in (*(str(site.slurm.bin_dir / name) for name in slurm), TAIL, *list_commands(site)):
        if listed.code or command not in allowed:
            raise CheckFailed(f"sudo does not let this user run {command}. Install deploy/sudoers.d/neuronhub.")
    return f"{', '.join(slurm)}, tail and neuronhub env may be run for users"


async def _check_base(site: Site) -> str:
    base = read_active(site.places.bases)
    if not os.access(base.interpreter, os.X_OK):
        raise CheckFailed(f"{base.interpreter} cannot be run here. Build the base anew: neuronhub base build.")
    for path in (base.interpreter, *base.interpreter.parents):
        wanted = stat.S_IXOTH if path.is_dir() else stat.S_IROTH | stat.S_IXOTH
        if path.stat().st_mode & wanted != wanted:
            raise CheckFailed(f"{path} is closed to users, whose environments stand on the base. Open it: chmod a+rX.")
    examples = site.places.examples
    if examples is not None and not examples.is_dir():
        raise CheckFailed(f"{examples}: the folder with the example notebooks is not there.")
    return f"{base.version}, with Python {base.python}, in {base.path}"


async def _check_directory(site: Site) -> str:
    if site.login is None:
        return "not used"
    settings: Directory = site.login.directory
    context = ssl.create_default_context(cafile=settings.ca_file)
    for url in settings.servers:
        try:
            server = Server.parse(url)
        except ValueError as error:
            raise CheckFailed(f"login.directory.servers: {error}.") from error
        try:
            async with asyncio.timeout(settings.timeout_s):
                connection = await Connection.open(server, context)
        except (TimeoutError, OSError, ConnectionFailed) as error:
            raise CheckFailed(f"{url} does not answer over verified TLS ({error or 'time-out'}).") from error
        await connection.close()
    return f"{len(settings.servers)} servers answer over verified TLS"
