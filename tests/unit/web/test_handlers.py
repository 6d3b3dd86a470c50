"""The language switch and the static files, asked over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from types import SimpleNamespace

import pytest
from tornado.httpclient import AsyncHTTPClient, HTTPResponse
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port
from tornado.web import Application

from neuronhub.web.handlers import LanguageHandler, handlers, is_local_path
from neuronhub.web.templates import static_version


class Switch(LanguageHandler):
    """The language switch without JupyterHub's database behind it."""

    hub = SimpleNamespace(base_url="/hub/")

    async def prepare(self) -> None:
        """Nobody signs in here."""

    def set_default_headers(self) -> None:
        """Nor are there JupyterHub's settings."""

    def write_error(self, status_code: int, **kwargs: object) -> None:
        """Nor its error pages."""
        self.finish()

    def finish(self, *args: object) -> None:
        """Nor its database session."""
        super(LanguageHandler.__base__, self).finish(*args)


@dataclass
class Server:
    """A server of our rules below /hub, and a client."""

    port: int

    async def get(self, path: str, **headers: str) -> HTTPResponse:
        url = f"http://127.0.0.1:{self.port}{path}"
        return await AsyncHTTPClient().fetch(url, headers=headers, follow_redirects=False, raise_error=False)


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    rules = [("/hub" + path, *rest) for path, *rest in handlers() if path != "/language"]
    application = Application([*rules, ("/hub/language", Switch)], base_url="/", cookie_secret="0" * 32)
    socket, port = bind_unused_port()
    http = HTTPServer(application)
    http.add_socket(socket)
    yield Server(port)
    http.stop()
    await http.close_all_connections()


@pytest.mark.parametrize(
    ("url", "local"),
    [
        ("/hub/spawn", True),
        ("/hub/spawn?next=%2Fuser%2Fa", True),
        ("/user/alice/tree/a.ipynb", True),
        ("", False),
        ("hub/spawn", False),
        ("https://example.org/", False),
        ("//example.org/", False),
        ("/\\example.org/", False),
        ("/a\\b", False),
        ("/\t/example.org", False),
        ("/\n/example.org", False),
        ("/a b", False),
        ("javascript:alert(1)", False),
    ],
)
def test_only_paths_on_this_host_are_local(url: str, local: bool) -> None:
    assert is_local_path(url) is local


async def test_the_switch_keeps_the_choice_and_goes_back(server: Server) -> None:
    referer = f"http://127.0.0.1:{server.port}/hub/spawn?a=b#c"
    answer = await server.get("/hub/language?to=ko", Referer=referer)
    assert answer.code == 302
    assert answer.headers["Location"] == "/hub/spawn?a=b"
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("neuronhub-language=ko;")
    assert "Path=/" in cookie
    assert "SameSite=Lax" in cookie
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("query", "referer", "location"),
    [
        ("&next=/hub/home", "", "/hub/home"),
        ("&next=https://example.org/", "", "/hub/"),
        ("&next=//example.org/", "", "/hub/"),
        ("", "https://example.org/hub/spawn", "/hub/"),
        ("", "", "/hub/"),
        ("&next=/hub/language?to=en", "", "/hub/"),
    ],
)
async def test_the_switch_goes_nowhere_else(server: Server, query: str, referer: str, location: str) -> None:
    answer = await server.get(f"/hub/language?to=en{query}", Referer=referer)
    assert answer.code == 302
    assert answer.headers["Location"] == location


@pytest.mark.parametrize("language", ["", "fr", "ko%0d%0aX: y"])
async def test_an_unknown_language_is_refused(server: Server, language: str) -> None:
    answer = await server.get(f"/hub/language?to={language}")
    assert answer.code == 400
    assert "Set-Cookie" not in answer.headers


async def test_static_files_are_kept_for_good_under_the_present_version_only(server: Server) -> None:
    present = await server.get(f"/hub/neuronhub/{static_version()}/css/base.css")
    assert present.code == 200
    assert present.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert present.headers["X-Content-Type-Options"] == "nosniff"
    older = await server.get("/hub/neuronhub/0123456789ab/css/base.css")
    assert older.code == 200
    assert older.headers["Cache-Control"] == "no-cache"


async def test_nothing_outside_the_static_folder_is_served(server: Server) -> None:
    for path in ("../handlers.py", "..%2fhandlers.py", "css/../../handlers.py"):
        answer = await server.get(f"/hub/neuronhub/{static_version()}/{path}")
        assert answer.code in (403, 404)
