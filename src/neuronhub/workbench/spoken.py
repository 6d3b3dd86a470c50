"""Answers of the user's own server with sentences in them: in the language of the page that asks."""

from __future__ import annotations

from jupyter_server.base.handlers import APIHandler

from neuronhub import language


class SpokenHandler(APIHandler):  # type: ignore[misc]
    """An APIHandler whose ``?language=`` says what the page speaks."""

    async def prepare(self) -> None:
        """Speak the page's language, or else the one of this server's start."""
        await super().prepare()
        asked = self.get_query_argument("language", "")
        if asked in language.LANGUAGES:
            language.current.set(asked)
