"""What a sign-in that fails is told, and the reason word that only the audit line gets. Runs in the hub."""

from __future__ import annotations

from typing import Literal

from tornado.web import HTTPError

from neuronhub.language import translate as _
from neuronhub.login.throttle import TooMany

Reason = Literal[
    "bad-form",
    "bad-id",
    "too-many-for-user",
    "too-many-from-address",
    "not-enrolled",
    "wrong-otp",
    "spent-otp",
    "wrong-password",
    "not-allowed",
    "directory-away",
    "database-away",
    "wrong-key",
]

UNAVAILABLE_RETRY_S = 30


class NotSignedIn(Exception):
    """A sign-in that ends here: why (for the audit line), and what the browser gets to see."""

    def __init__(self, reason: Reason, answer: HTTPError, detail: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.answer = answer
        self.detail = detail


def refused() -> HTTPError:
    """The one answer to everything that is wrong with an ID, an OTP or a password."""
    return HTTPError(
        403,
        _(
            "Sign-in was refused. Check your account ID, OTP and password. "
            "Each OTP works only once: wait for the next one before you try again."
        ),
    )


def bad_form() -> HTTPError:
    """The answer to a form that no browser sends."""
    return HTTPError(400, _("The form was not complete. Fill in account ID, OTP and password, and try again."))


def too_many(limit: TooMany) -> HTTPError:
    """The answer to one attempt too many."""
    minutes = -(-limit.retry_after_s // 60)
    text = _("There were too many failed sign-ins. Wait {minutes} min and try again.").format(minutes=minutes)
    return _with_retry(HTTPError(429, text), limit.retry_after_s)


def directory_away() -> HTTPError:
    """The answer when no directory server could judge the attempt."""
    text = _(
        "Sign-in cannot be checked at the moment, because the site's directory does not answer. "
        "Your OTP was not used up. Try again in a minute; running notebooks are not affected."
    )
    return _with_retry(HTTPError(503, text), UNAVAILABLE_RETRY_S)


def out_of_order() -> HTTPError:
    """The answer when the hub's own part of signing in does not work."""
    text = _(
        "Sign-in does not work at the moment. Try again in a minute; if it stays like this, tell the site's support."
    )
    return _with_retry(HTTPError(503, text), UNAVAILABLE_RETRY_S)


def _with_retry(error: HTTPError, seconds: int) -> HTTPError:
    # JupyterHub takes the headers of an error page from this attribute.
    error.headers = {"Retry-After": str(seconds)}  # type: ignore[attr-defined]
    return error
