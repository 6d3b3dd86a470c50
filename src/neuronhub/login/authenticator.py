"""Signing in with account ID, OTP and password (row L1): JupyterHub's authenticator. Runs in the hub.

The order is: format, limits, second factor, spend the code, directory. Nobody without a valid code
can make the directory count a failed password, and a code is spent before anybody can use it twice.

Addresses are those of ``request.remote_ip``. Tornado takes X-Real-Ip and X-Forwarded-For from whoever
talks to the hub, and configurable-http-proxy passes a client's X-Real-Ip on: the front proxy must
overwrite X-Real-Ip with the address it sees. Otherwise a client can choose the address under which its failures
are counted; the limits per user hold all the same.
"""

from __future__ import annotations

import asyncio
import re
import time
from typing import Any

from jupyterhub.auth import Authenticator
from sqlalchemy.exc import SQLAlchemyError
from traitlets import Instance, default

from neuronhub.errors import DirectoryUnavailable, LoginSetupError
from neuronhub.login.accounts import BadForm, Credentials, parse_account, parse_credentials
from neuronhub.login.answers import NotSignedIn, Reason, bad_form, directory_away, out_of_order, refused, too_many
from neuronhub.login.database import Database
from neuronhub.login.devices import fetch_device, remember_device
from neuronhub.login.directory import Directory
from neuronhub.login.handler import LoginHandler
from neuronhub.login.ledger import Ledger
from neuronhub.login.second_factor import KEEP_S, CombinedBind, Passed, SecondFactor, Totp
from neuronhub.login.throttle import STRANGER, Throttle, TooMany
from neuronhub.login.totp_store import TotpStore, read_key
from neuronhub.site import Login, Site


class DirectoryAuthenticator(Authenticator):  # type: ignore[misc]
    """The site's directory and second factor. Everyone whom they accept may sign in, unless the site says otherwise."""

    site = Instance(Site, allow_none=True, help="The site file; its table `login` describes signing in.").tag(
        config=True
    )

    @default("request_otp")
    def _default_request_otp(self) -> bool:
        return True

    @default("manage_groups")
    def _default_manage_groups(self) -> bool:
        return True

    @default("allow_all")
    def _default_allow_all(self) -> bool:
        return not (self.allowed_users or self.allow_existing_users)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if self.site is None or self.site.login is None:
            raise LoginSetupError("Signing in with the directory needs the table [login] in the site file.")
        login: Login = self.site.login
        try:
            self._id_pattern = re.compile(login.id_pattern)
        except re.error as error:
            raise LoginSetupError(f"login.id_pattern: is not a regular expression ({error})") from error
        self._floor_s = login.throttle.answer_floor_s
        self._directory = Directory(login.directory, self.log)
        database = Database(login.database)
        self._second_factor = make_second_factor(login, database)
        self._ledger = Ledger(database)
        self._throttle = Throttle(database, login.throttle)

    def get_handlers(self, app: Any) -> list[tuple[str, type]]:
        """Our stricter handler in the place of JupyterHub's."""
        return [("/login", LoginHandler)]

    async def authenticate(self, handler: Any, data: object) -> dict[str, Any]:
        """Return the user and the groups, or raise HTTPError 400, 403, 429 or 503 with a sentence."""
        earliest_refusal = time.monotonic() + self._floor_s
        user: str | None = None
        try:
            credentials = _parse(data)
            user = parse_account(credentials.account, self._id_pattern)
            if user is None:
                raise NotSignedIn("bad-id", refused())
            groups = await self._judge(handler, user, credentials)
        except NotSignedIn as ending:
            self.audit_refusal(handler, user, ending.reason, ending.detail)
            await asyncio.sleep(earliest_refusal - time.monotonic())
            raise ending.answer from None
        self.log.info("sign-in accepted: user=%s address=%s", user, _address(handler))
        return {"name": user, "groups": list(groups)}

    async def refresh_user(self, user: Any, handler: Any = None) -> bool:
        """False, which ends the user's browser sessions, once the second factor has been revoked."""
        if self.username_map:
            return True  # the hub's name for the user need not be the account ID
        try:
            return await self._second_factor.still_enrolled(user.name)
        except (SQLAlchemyError, TimeoutError, LoginSetupError) as error:
            # Silence is not a revocation.
            self.log.error("cannot look up the second factor of %s: %s", user.name, type(error).__name__)
            return True

    def audit_refusal(self, handler: Any, account: str | None, reason: Reason, detail: str = "") -> None:
        """Write the one line about a refusal. What was typed is named only if it has the form of an account ID."""
        user = parse_account(account or "", self._id_pattern)
        self.log.info(
            "sign-in refused: user=%s address=%s reason=%s%s",
            user or "-",
            _address(handler),
            reason,
            f" ({detail})" if detail else "",
        )

    async def _judge(self, handler: Any, user: str, credentials: Credentials) -> tuple[str, ...]:
        """Check one attempt within the limits; whatever stops it becomes NotSignedIn."""
        try:
            device = STRANGER if handler is None else fetch_device(handler, user)
            attempt = await self._throttle.admit(user, device, _address(handler))
            if isinstance(attempt, TooMany):
                reason: Reason = "too-many-for-user" if attempt.limit == "user" else "too-many-from-address"
                raise NotSignedIn(reason, too_many(attempt))
            groups = await self._check(attempt, user, credentials)
        except DirectoryUnavailable as error:
            raise NotSignedIn("directory-away", directory_away(), str(error)) from error
        except LoginSetupError as error:
            raise NotSignedIn("wrong-key", out_of_order(), str(error)) from error
        except (SQLAlchemyError, TimeoutError) as error:
            # Its kind only: SQLAlchemy's text quotes the values of the statement.
            raise NotSignedIn("database-away", out_of_order(), type(error).__name__) from error
        if handler is not None:
            remember_device(handler, user, device)
        return groups

    async def _check(self, attempt: int, user: str, credentials: Credentials) -> tuple[str, ...]:
        """Return the user's groups if code and password are right.

        The code stays spent and the attempt stays counted, unless nobody judged them.
        """
        try:
            factor = await self._second_factor.check(user, credentials.otp, credentials.password)
        except LoginSetupError:
            await self._throttle.forgive(attempt)
            raise
        if not isinstance(factor, Passed):
            raise NotSignedIn(factor, refused())
        if not await self._ledger.claim(user, factor.code, KEEP_S):
            raise NotSignedIn("spent-otp", refused())
        try:
            groups = await self._directory.sign_in(user, factor.bind_password)
        except DirectoryUnavailable:
            await self._ledger.release(user, factor.code)
            await self._throttle.forgive(attempt)
            raise
        if groups is None:
            raise NotSignedIn("wrong-password", refused())
        await self._throttle.forgive(attempt)
        return groups


def make_second_factor(login: Login, database: Database) -> SecondFactor:
    """The second factor that the site file asks for; raises LoginSetupError when it cannot work."""
    if login.second_factor.kind == "combined-bind":
        return CombinedBind(database)
    if login.second_factor.key_file is None:
        raise LoginSetupError("login.second_factor.key_file: must be set for the kind `totp`.")
    store = TotpStore(database, read_key(login.second_factor.key_file))
    store.check_key()
    return Totp(store)


def _parse(data: object) -> Credentials:
    try:
        return parse_credentials(data)
    except BadForm as error:
        raise NotSignedIn("bad-form", bad_form(), str(error)) from error


def _address(handler: Any) -> str:
    return "-" if handler is None else str(handler.request.remote_ip)
