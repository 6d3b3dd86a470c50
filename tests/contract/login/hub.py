"""A plain JupyterHub with our authenticator, without a proxy, as a process; and a browser's way to sign in."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import aiohttp
from tests.contract.login.servers import free_ports

from neuronhub.site import Site

CONFIG = """
from pathlib import Path
from jupyterhub.proxy import Proxy
from neuronhub.login.authenticator import DirectoryAuthenticator
from neuronhub.site import Site

class NoProxy(Proxy):
    should_start = False
    async def add_route(self, *args): pass
    async def delete_route(self, *args): pass
    async def get_all_routes(self): return {}

c.JupyterHub.proxy_class = NoProxy
c.JupyterHub.authenticator_class = DirectoryAuthenticator
c.DirectoryAuthenticator.site = Site.model_validate_json(Path("site.json").read_text())
c.DirectoryAuthenticator.blocked_users = {"bob"}
c.JupyterHub.log_level = "DEBUG"
"""


@dataclass(frozen=True)
class Page:
    """What a browser got."""

    status: int
    text: str
    headers: dict[str, str]

    @property
    def message(self) -> str:
        """The sentence in the form."""
        found = re.search(r'class="login_error">(.*?)</p>', self.text, re.DOTALL)
        return found[1].strip() if found else ""


class HubProcess:
    """JupyterHub on loopback; ``log`` is everything that it printed, at level DEBUG."""

    def __init__(self, folder: Path, site: Site) -> None:
        folder.mkdir()
        self._folder = folder
        self._log = folder / "hub.log"
        self.url = f"http://127.0.0.1:{free_ports(1)[0]}"
        (folder / "site.json").write_text(site.model_dump_json())
        (folder / "jupyterhub_config.py").write_text(f"{CONFIG}\nc.JupyterHub.hub_bind_url = {self.url!r}\n")

    @property
    def log(self) -> str:
        return self._log.read_text()

    async def start(self) -> None:
        with self._log.open("wb") as log:
            command = (sys.executable, "-m", "jupyterhub", "-f", "jupyterhub_config.py")
            self._process = await asyncio.create_subprocess_exec(*command, cwd=self._folder, stdout=log, stderr=log)
        while "JupyterHub is now running" not in self.log:
            assert self._process.returncode is None, self.log
            await asyncio.sleep(0.05)

    async def stop(self) -> None:
        if self._process.returncode is None:
            self._process.terminate()
        await self._process.wait()


class Browser:
    """One cookie jar at the login page, at the address that a front proxy would have written into X-Real-Ip."""

    def __init__(self, hub: HubProcess, address: str = "10.0.0.1") -> None:
        self._hub = hub
        jar = aiohttp.CookieJar(unsafe=True)
        self.session = aiohttp.ClientSession(cookie_jar=jar, headers={"X-Real-Ip": address})

    async def __aenter__(self) -> Browser:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.session.close()

    async def open(self) -> None:
        async with self.session.get(f"{self._hub.url}/hub/login") as answer:
            found = re.search(r'name="_xsrf" value="([^"]+)"', await answer.text())
        assert found is not None
        self._xsrf = found[1]

    async def sign_in(self, account: str, otp: str, password: str) -> Page:
        return await self.post([("username", account), ("otp", otp), ("password", password)])

    async def post(self, fields: Iterable[tuple[str, str | bytes]]) -> Page:
        """Post the form with these fields."""
        body = urlencode([("_xsrf", self._xsrf), *fields])
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        request = self.session.post(f"{self._hub.url}/hub/login", data=body, headers=headers, allow_redirects=False)
        async with request as answer:
            return Page(answer.status, await answer.text(), dict(answer.headers))

    async def whoami(self) -> dict[str, Any]:
        """The hub's model of the signed-in user."""
        async with self.session.get(f"{self._hub.url}/hub/home") as answer:
            assert answer.status == 200
        headers = {"X-XSRFToken": self._xsrf}
        async with self.session.get(f"{self._hub.url}/hub/api/user", headers=headers) as answer:
            model: dict[str, object] = await answer.json()
            return model
