"""The login page's handler: JupyterHub's own, with a stricter reading of the form. Runs in the hub."""

from __future__ import annotations

from jupyterhub.handlers.login import LoginHandler as JupyterHubLoginHandler

from neuronhub.login.accounts import BadForm, parse_body
from neuronhub.login.answers import bad_form, refused


class LoginHandler(JupyterHubLoginHandler):  # type: ignore[misc]
    """``/hub/login``. A POST that no form sends is a 400; nothing that was typed is logged."""

    def decode_argument(self, value: bytes, name: str | None = None) -> str:
        """As Tornado's, which answers text that is not UTF-8 by quoting it in the log."""
        return value.decode("utf-8", errors="replace")

    async def post(self) -> None:
        """Sign in with the posted fields."""
        try:
            data = parse_body(self.request.body_arguments, self.request.query_arguments)
        except BadForm as error:
            self.authenticator.audit_refusal(self, None, "bad-form", str(error))
            raise bad_form() from None
        user = await self.login_user(data)
        if user is None:
            # The directory took the user, the hub's own lists (blocked_users, allowed_users) did not.
            self.authenticator.audit_refusal(self, data["username"], "not-allowed")
            raise refused()
        self._jupyterhub_user = user
        self.redirect(self.get_next_url(user))
