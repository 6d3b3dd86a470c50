"""Two small things that the hub serves beside JupyterHub's own pages: our static files and the language switch."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit, urlunsplit

from jupyterhub.handlers.base import BaseHandler
from tornado.web import HTTPError, StaticFileHandler

from neuronhub.language import COOKIE, LANGUAGES
from neuronhub.web.templates import STATIC, static_version


class StaticHandler(StaticFileHandler):
    """Our static files; browsers keep them for good under the present version, and ask again under any other."""

    def set_extra_headers(self, path: str) -> None:
        """Cache for a year only what the version in the URL vouches for."""
        present = f"/neuronhub/{static_version()}/" in self.request.path
        self.set_header("Cache-Control", "public, max-age=31536000, immutable" if present else "no-cache")
        self.set_header("X-Content-Type-Options", "nosniff")


class LanguageHandler(BaseHandler):  # type: ignore[misc]  # JupyterHub has no types
    """``GET language?to=ko`` keeps the choice in a cookie and goes back to the page it was asked from."""

    def get(self) -> None:
        """Set the cookie and redirect to ``next``, else to the page that linked here, else to the hub's root."""
        language = self.get_argument("to", "")
        if language not in LANGUAGES:
            raise HTTPError(400, f"'to' must be one of: {', '.join(LANGUAGES)}")
        self.set_cookie(
            COOKIE,
            language,
            path=self.base_url,
            expires_days=365,
            samesite="Lax",
            secure=self.request.protocol == "https",
        )
        self.set_header("Cache-Control", "no-store")
        self.redirect(self._page_to_return_to())

    def _page_to_return_to(self) -> str:
        referer = urlsplit(self.request.headers.get("Referer", ""))
        from_here = urlunsplit(("", "", referer.path, referer.query, "")) if referer.netloc == self.request.host else ""
        for url in (self.get_argument("next", ""), from_here):
            if is_local_path(url) and urlsplit(url).path != self.request.path:
                return url
        return str(self.hub.base_url)


def is_local_path(url: str) -> bool:
    """True for an absolute path on this host; false for whatever a browser could read as another host."""
    if not url.startswith("/") or url.startswith("//") or "\\" in url:
        return False
    return all(character.isprintable() and not character.isspace() for character in url)


def handlers() -> list[tuple[Any, ...]]:
    """Tornado rules, relative to the hub's prefix (JupyterHub.extra_handlers takes them as they are)."""
    return [
        (r"/neuronhub/[0-9a-z]+/(.*)", StaticHandler, {"path": str(STATIC)}),
        (r"/language", LanguageHandler),
    ]
