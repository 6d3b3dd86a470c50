"""The whole sign-in behind the form, with each second factor, on the fake and on the real slapd."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyotp
import pytest
from tests.contract.login.people import ALICE, CAROL
from tests.contract.login.servers import DirectoryServer
from tornado.web import HTTPError

from neuronhub.login.authenticator import DirectoryAuthenticator
from neuronhub.login.database import Database
from neuronhub.login.totp_store import TotpStore, ensure_key, read_key
from neuronhub.site import SecondFactor, Site

pytestmark = pytest.mark.contract

SECRET = pyotp.random_base32()
MakeSite = Callable[..., Site]


@pytest.fixture
def totp_site(make_site: MakeSite, tmp_path: Path) -> Site:
    key_file = tmp_path / "totp-key"
    ensure_key(key_file)
    site = make_site(SecondFactor(kind="totp", key_file=key_file))
    assert site.login is not None
    database = Database(site.login.database)
    TotpStore(database, read_key(key_file)).enrol("alice", "Test", SECRET)
    database.close()
    return site


@pytest.fixture
def combined_site(make_site: MakeSite) -> Site:
    return make_site(SecondFactor(kind="combined-bind"))


async def attempt(authenticator: DirectoryAuthenticator, account: str, otp: str, password: str) -> Any:
    """What JupyterHub gets to know of the user, or the status of the refusal."""
    try:
        data = {"username": account, "otp": otp, "password": password}
        return await authenticator.get_authenticated_user(None, data)
    except HTTPError as error:
        return error.status_code


def code_of(secret: str | None) -> str:
    """The present code; waits for the next one when it is about to end."""
    if time.time() % 30 > 28:
        time.sleep(2.1)
    return pyotp.TOTP(secret or "").now()


async def test_totp_sign_in(totp_site: Site) -> None:
    authenticator = DirectoryAuthenticator(site=totp_site)
    user = await attempt(authenticator, " Alice ", code_of(SECRET), ALICE.password)
    assert user["name"] == "alice"
    assert user["groups"] == ["chemistry", "staff"]


async def test_combined_sign_in(combined_site: Site) -> None:
    authenticator = DirectoryAuthenticator(site=combined_site)
    user = await attempt(authenticator, "carol", code_of(CAROL.otp_secret), CAROL.password)
    assert user["name"] == "carol"
    assert user["groups"] == ["physics"]


async def test_twenty_at_once_with_one_totp_code(totp_site: Site) -> None:
    authenticator = DirectoryAuthenticator(site=totp_site)
    code = code_of(SECRET)
    answers = await asyncio.gather(*(attempt(authenticator, "alice", code, ALICE.password) for _ in range(20)))
    assert sum(isinstance(answer, dict) for answer in answers) == 1
    assert answers.count(403) == 19


async def test_twenty_at_once_with_one_combined_code(combined_site: Site, server: DirectoryServer) -> None:
    authenticator = DirectoryAuthenticator(site=combined_site)
    code = code_of(CAROL.otp_secret)
    answers = await asyncio.gather(*(attempt(authenticator, "carol", code, CAROL.password) for _ in range(20)))
    assert sum(isinstance(answer, dict) for answer in answers) == 1
    assert answers.count(403) == 19
    assert server.binds() == 1


async def test_combined_code_is_spent_wherever_the_fields_are_divided(
    combined_site: Site, server: DirectoryServer
) -> None:
    authenticator = DirectoryAuthenticator(site=combined_site)
    code, password = code_of(CAROL.otp_secret), CAROL.password
    assert password.endswith("3")
    assert await attempt(authenticator, "carol", f"3{code}", password[:-1]) != 403
    assert await attempt(authenticator, "carol", code, password) == 403
    assert server.binds() == 1


async def test_spent_code_stays_spent_after_a_restart(totp_site: Site) -> None:
    code = code_of(SECRET)
    assert await attempt(DirectoryAuthenticator(site=totp_site), "alice", code, "wrong") == 403
    assert await attempt(DirectoryAuthenticator(site=totp_site), "alice", code, ALICE.password) == 403


async def test_directory_hears_nothing_without_a_valid_code(totp_site: Site, server: DirectoryServer) -> None:
    authenticator = DirectoryAuthenticator(site=totp_site)
    code = code_of(SECRET)
    wrong = f"{(int(code) + 1) % 1_000_000:06}"
    for account, otp in [("alice", wrong), ("alice", "x"), ("alice", "１２３４５６"), ("bob", code), ("ａlice", code)]:
        assert await attempt(authenticator, account, otp, ALICE.password) == 403
    assert server.binds() == 0


async def test_frozen_directory_costs_neither_code_nor_loop(totp_site: Site, server: DirectoryServer) -> None:
    authenticator = DirectoryAuthenticator(site=totp_site)
    code = code_of(SECRET)
    server.freeze()
    pending = asyncio.create_task(attempt(authenticator, "alice", code, ALICE.password))
    lags = []
    begun = time.perf_counter()
    while not pending.done():
        before = time.perf_counter()
        await asyncio.sleep(0.01)
        lags.append(time.perf_counter() - before - 0.01)
    assert pending.result() == 503
    assert max(lags) < (time.perf_counter() - begun) / 2
    server.thaw()
    answer = await attempt(authenticator, "alice", code, ALICE.password)
    assert answer["name"] == "alice"
