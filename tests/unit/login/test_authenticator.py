"""The order of a sign-in, what it tells, and what it keeps to itself."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import Any, cast

import pyotp
import pytest
from sqlalchemy.exc import OperationalError
from tornado.web import HTTPError

from neuronhub.errors import DirectoryUnavailable, LoginSetupError
from neuronhub.login.authenticator import DirectoryAuthenticator
from neuronhub.login.database import Database
from neuronhub.login.directory import Directory as DirectoryServers
from neuronhub.login.totp_store import TotpStore, ensure_key, read_key
from neuronhub.site import Directory, Hub, Login, QueueSite, SecondFactor, Site, Throttle

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
PASSWORD = "pass-word-1"


class Answers:
    """Stands where the directory is."""

    def __init__(self) -> None:
        self.asked = 0
        self.away = False

    async def sign_in(self, user: str, password: str) -> tuple[str, ...] | None:
        self.asked += 1
        if self.away:
            raise DirectoryUnavailable("No server of the directory gave an answer.")
        return ("staff",) if (user, password) == ("alice", PASSWORD) else None


@pytest.fixture
def site(tmp_path: Path) -> Site:
    key_file = tmp_path / "totp-key"
    ensure_key(key_file)
    hub = Hub(
        public_url="https://hub.example.org/",
        proxy_token_file=tmp_path / "a",
        cookie_secret_file=tmp_path / "b",
        start_key_file=tmp_path / "c",
        state_dir=tmp_path,
    )
    login = Login(
        directory=Directory(servers=("ldaps://127.0.0.1:1",)),
        second_factor=SecondFactor(key_file=key_file),
        throttle=Throttle(answer_floor_s=0.05, per_user=5),
        database=tmp_path / "login.sqlite",
    )
    database = Database(login.database)
    TotpStore(database, read_key(key_file)).enrol("alice", "Test", SECRET)
    database.close()
    return Site(hub=hub, login=login, queues=(QueueSite(name="jupyter"),))


@pytest.fixture
def directory() -> Answers:
    return Answers()


@pytest.fixture
def authenticator(site: Site, directory: Answers) -> DirectoryAuthenticator:
    return make(site, directory)


@pytest.fixture
def code() -> str:
    return pyotp.TOTP(SECRET).now()


def make(site: Site, directory: Answers, **traits: Any) -> DirectoryAuthenticator:
    authenticator = DirectoryAuthenticator(site=site, **traits)
    authenticator._directory = cast("DirectoryServers", directory)
    return authenticator


async def answer(authenticator: DirectoryAuthenticator, account: str, otp: str, password: str) -> Any:
    """The user's model, or the refusal."""
    try:
        data = {"username": account, "otp": otp, "password": password}
        return await authenticator.get_authenticated_user(None, data)
    except HTTPError as error:
        return error


async def test_everybody_whom_the_directory_takes_may_sign_in(authenticator: DirectoryAuthenticator, code: str) -> None:
    user = await answer(authenticator, "ALICE", code, PASSWORD)
    assert (user["name"], user["groups"], user["admin"]) == ("alice", ["staff"], None)


@pytest.mark.parametrize(
    ("traits", "welcome"),
    [
        ({"allowed_users": {"alice"}}, True),
        ({"allowed_users": {"bob"}}, False),
        ({"blocked_users": {"alice"}}, False),
        ({"allowed_users": {"bob"}, "allow_all": True}, True),
        ({"allow_existing_users": True}, False),
    ],
)
async def test_the_sites_own_lists_hold(
    site: Site, directory: Answers, code: str, traits: dict[str, Any], welcome: bool
) -> None:
    authenticator = make(site, directory, **traits)
    user = await answer(authenticator, "alice", code, PASSWORD)
    assert (user is not None) is welcome


async def test_admins_of_the_site_are_admins(site: Site, directory: Answers, code: str) -> None:
    authenticator = make(site, directory, admin_users={"alice"})
    assert (await answer(authenticator, "alice", code, PASSWORD))["admin"] is True


async def test_code_comes_before_the_directory(authenticator: DirectoryAuthenticator, directory: Answers) -> None:
    refusal = await answer(authenticator, "alice", "000000x", PASSWORD)
    assert refusal.status_code == 403
    assert directory.asked == 0


async def test_wrong_password_spends_the_code(
    authenticator: DirectoryAuthenticator, directory: Answers, code: str
) -> None:
    assert (await answer(authenticator, "alice", code, "wrong")).status_code == 403
    assert (await answer(authenticator, "alice", code, PASSWORD)).status_code == 403
    assert directory.asked == 1


async def test_directory_away_spends_nothing(
    authenticator: DirectoryAuthenticator, directory: Answers, code: str
) -> None:
    directory.away = True
    for _ in range(20):
        refusal = await answer(authenticator, "alice", code, PASSWORD)
        assert refusal.status_code == 503
        assert refusal.headers == {"Retry-After": "30"}
    directory.away = False
    assert (await answer(authenticator, "alice", code, PASSWORD))["name"] == "alice"


async def test_limit_then_the_right_code_does_not_help(authenticator: DirectoryAuthenticator, code: str) -> None:
    for _ in range(5):
        assert (await answer(authenticator, "alice", "123", PASSWORD)).status_code == 403
    refusal = await answer(authenticator, "alice", code, PASSWORD)
    assert refusal.status_code == 429
    assert 290 < int(refusal.headers["Retry-After"]) <= 300
    assert "Wait 5 min" in refusal.log_message


async def test_signing_in_does_not_use_the_limit_up(site: Site, directory: Answers) -> None:
    authenticator = make(site, directory)
    now = int(time.time()) // 30
    for step in (now - 1, now, now + 1):
        code = pyotp.TOTP(SECRET).generate_otp(step)
        for _ in range(3):
            await authenticator._ledger.release("alice", f"totp:{step}")
            user = await answer(authenticator, "alice", code, PASSWORD)
            assert user["name"] == "alice"


async def test_refusals_take_their_time_and_success_does_not(
    authenticator: DirectoryAuthenticator, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(authenticator, "_floor_s", 0.3)
    for fields in (("nobody", code, "x"), ("No Body", code, "x"), ("alice", "1", "x"), ("alice", code, "wrong")):
        started = time.monotonic()
        assert (await answer(authenticator, *fields)).status_code == 403
        assert time.monotonic() - started >= 0.3
    monkeypatch.setattr(authenticator, "_floor_s", 60)
    started = time.monotonic()
    await authenticator._ledger.release("alice", f"totp:{int(time.time()) // 30}")
    await authenticator._ledger.release("alice", f"totp:{int(time.time()) // 30 - 1}")
    assert (await answer(authenticator, "alice", code, PASSWORD))["name"] == "alice"
    assert time.monotonic() - started < 30


async def test_nothing_secret_is_logged(
    authenticator: DirectoryAuthenticator, directory: Answers, code: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    authenticator.log = logging.getLogger("JupyterHub")
    await answer(authenticator, "alice", code, "wrong-pass-2")
    await answer(authenticator, "alice", code, PASSWORD)
    await answer(authenticator, f"{PASSWORD}!", code, PASSWORD)
    await answer(authenticator, "alice", "111 111 1", PASSWORD)
    await answer(authenticator, "alice", code, f"{PASSWORD}\0")
    directory.away = True
    await answer(authenticator, "alice", pyotp.TOTP(SECRET).generate_otp(int(time.time()) // 30 + 1), PASSWORD)
    assert [line.getMessage().partition("reason=")[2].split(" ")[0] for line in caplog.records] == [
        "wrong-password", "spent-otp", "bad-id", "wrong-otp", "bad-form", "directory-away",
    ]  # fmt: skip
    for secret in (PASSWORD, "wrong-pass-2", SECRET, code, "111 111 1"):
        assert secret not in caplog.text


async def test_database_away_is_said_without_its_values(
    authenticator: DirectoryAuthenticator, code: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> None:
        raise OperationalError("INSERT ...", {"value": PASSWORD}, Exception("disk full"))

    caplog.set_level(logging.DEBUG)
    authenticator.log = logging.getLogger("JupyterHub")
    monkeypatch.setattr(authenticator._throttle, "admit", fail)
    assert (await answer(authenticator, "alice", code, PASSWORD)).status_code == 503
    assert "reason=database-away (OperationalError)" in caplog.text
    assert PASSWORD not in caplog.text


async def test_secret_sealed_with_another_key(
    authenticator: DirectoryAuthenticator, site: Site, code: str, tmp_path: Path
) -> None:
    assert site.login is not None
    other = tmp_path / "other-key"
    ensure_key(other)
    database = Database(site.login.database)
    TotpStore(database, read_key(other)).enrol("alice", "Test", SECRET, replace=True)
    database.close()
    for _ in range(10):
        assert (await answer(authenticator, "alice", code, PASSWORD)).status_code == 503


class User:
    name = "alice"


async def test_revoking_the_second_factor_ends_sessions(authenticator: DirectoryAuthenticator, site: Site) -> None:
    assert await authenticator.refresh_user(User()) is True
    assert site.login is not None
    assert site.login.second_factor.key_file is not None
    database = Database(site.login.database)
    TotpStore(database, read_key(site.login.second_factor.key_file)).revoke("alice")
    database.close()
    assert await authenticator.refresh_user(User()) is False


async def test_trouble_with_the_database_ends_no_session(
    authenticator: DirectoryAuthenticator, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> None:
        raise TimeoutError

    monkeypatch.setattr(authenticator._second_factor, "still_enrolled", fail)
    assert await authenticator.refresh_user(User()) is True


def test_hub_does_not_start_with_a_key_that_others_can_read(site: Site) -> None:
    assert site.login is not None
    assert site.login.second_factor.key_file is not None
    site.login.second_factor.key_file.chmod(0o644)
    with pytest.raises(LoginSetupError, match="chmod 600"):
        DirectoryAuthenticator(site=site)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (None, r"\[login\]"),
        ({"id_pattern": "("}, "login.id_pattern"),
        ({"second_factor": SecondFactor()}, "login.second_factor.key_file"),
    ],
)
def test_hub_does_not_start_with_half_a_site_file(site: Site, change: dict[str, Any] | None, words: str) -> None:
    assert site.login is not None
    login = None if change is None else site.login.model_copy(update=change)
    with pytest.raises(LoginSetupError, match=words):
        DirectoryAuthenticator(site=site.model_copy(update={"login": login}))
