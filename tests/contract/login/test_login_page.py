"""The login page of a real JupyterHub before a real slapd: what a browser, or somebody who is none, gets to see."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import aiohttp
import pyotp
import pytest
from tests.contract.login.hub import Browser, HubProcess
from tests.contract.login.people import ALICE, BOB
from tests.contract.login.servers import DirectoryServer
from tests.contract.login.test_sign_in import code_of

from neuronhub.login.database import Database
from neuronhub.login.totp_store import TotpStore, ensure_key, read_key
from neuronhub.site import SecondFactor, Site

pytestmark = [pytest.mark.contract, pytest.mark.parametrize("server", ["slapd"], indirect=True)]

SECRET = pyotp.random_base32()
TYPED = "typed-in-the-wrong-field"


@pytest.fixture
async def hub(make_site: Callable[..., Site], tmp_path: Path) -> AsyncIterator[HubProcess]:
    """A running hub; afterwards nothing secret must be in its log."""
    key_file = tmp_path / "totp-key"
    ensure_key(key_file)
    site = make_site(SecondFactor(kind="totp", key_file=key_file), per_user=8, per_address=12, answer_floor_s=0.1)
    assert site.login is not None
    database = Database(site.login.database)
    for user in ("alice", "bob"):
        TotpStore(database, read_key(key_file)).enrol(user, "Test", SECRET)
    database.close()
    hub = HubProcess(tmp_path / "hub", site)
    await hub.start()
    try:
        yield hub
    finally:
        await hub.stop()
    log = hub.log
    steps = range(int(time.time()) // 30 - 3, int(time.time()) // 30 + 2)
    secrets = [ALICE.password, BOB.password.strip(), SECRET, TYPED, key_file.read_text().strip()]
    assert [secret for secret in secrets if secret in log] == []
    assert [step for step in steps if f"={pyotp.TOTP(SECRET).generate_otp(step)}" in log] == []
    assert "Traceback" not in log


async def test_sign_in_and_groups(hub: HubProcess) -> None:
    async with Browser(hub) as browser:
        page = await browser.sign_in(" Alice ", code_of(SECRET), ALICE.password)
        assert page.status == 302
        user = await browser.whoami()
    assert user["name"] == "alice"
    assert sorted(user["groups"]) == ["chemistry", "staff"]
    assert "sign-in accepted: user=alice address=10.0.0.1" in hub.log


async def test_every_refusal_reads_the_same(hub: HubProcess) -> None:
    code = code_of(SECRET)
    wrong = f"{(int(code) + 1) % 1_000_000:06}"
    tries = {
        "wrong-otp": ("alice", wrong, ALICE.password),
        "wrong-password": ("alice", code, TYPED),
        "spent-otp": ("alice", code, ALICE.password),
        "not-enrolled": ("nobody", code, ALICE.password),
        "bad-id": (f"{TYPED}!", code, ALICE.password),
        "not-allowed": ("bob", code, BOB.password),
    }
    messages = set()
    async with Browser(hub) as browser:
        for reason, fields in tries.items():
            started = time.monotonic()
            page = await browser.sign_in(*fields)
            assert page.status == 403, reason
            assert reason == "not-allowed" or time.monotonic() - started >= 0.1, reason
            messages.add(page.message)
            assert f"reason={reason}" in hub.log
    assert len(messages) == 1
    assert messages.pop().startswith("Sign-in was refused.")


async def test_twenty_posts_of_one_code(hub: HubProcess) -> None:
    async with Browser(hub) as browser:
        code = code_of(SECRET)
        pages = await asyncio.gather(*(browser.sign_in("alice", code, ALICE.password) for _ in range(20)))
    statuses = [page.status for page in pages]
    assert statuses.count(302) == 1
    assert set(statuses) == {302, 403, 429}


BAD_FORMS: list[list[tuple[str, str | bytes]]] = [
    [],
    [("otp", "123456"), ("password", TYPED)],
    [("username", "alice"), ("password", TYPED)],
    [("username", "alice"), ("otp", "123456")],
    [("username", "alice"), ("otp", "123456"), ("password", "")],
    [("username", "alice"), ("username", "bob"), ("otp", "123456"), ("password", TYPED)],
    [("username", "alice"), ("otp", "123456"), ("password", TYPED), ("password", TYPED)],
    [("username", "alice"), ("otp", "123456"), ("password", TYPED.encode() + b"\xff")],
    [("username", b"\xff\xfe"), ("otp", "123456"), ("password", TYPED)],
    [("username", "alice"), ("otp", "123456"), ("password", f"{TYPED}\0")],
    [("username", "a" * 257), ("otp", "123456"), ("password", TYPED)],
    [("username", "alice"), ("otp", "1" * 65), ("password", TYPED)],
    [("username", "alice"), ("otp", "123456"), ("password", "é" * 513)],
]


async def test_forms_that_no_browser_sends(hub: HubProcess) -> None:
    async with Browser(hub) as browser:
        for number, fields in enumerate(BAD_FORMS, start=1):
            page = await browser.post(fields)
            assert page.status == 400, fields
            assert page.message.startswith("The form was not complete."), fields
            assert hub.log.count("reason=bad-form") == number


async def test_too_many_failures(hub: HubProcess) -> None:
    async with Browser(hub) as known, Browser(hub, "10.9.9.9") as stranger, Browser(hub) as new:
        assert (await known.sign_in("alice", code_of(SECRET), ALICE.password)).status == 302
        await known.session.get(f"{hub.url}/hub/logout")
        await known.open()
        for _ in range(8):
            assert (await stranger.sign_in("alice", "000000", "x")).status == 403
        page = await stranger.sign_in("alice", "000000", "x")
        assert page.status == 429
        assert page.message.startswith("There were too many failed sign-ins.")
        assert 0 < int(page.headers["Retry-After"]) <= 300
        assert (await new.sign_in("alice", "000000", "x")).status == 429
        # Alice's own browser is not kept out by it: the refusal is about the code.
        assert (await known.sign_in("alice", "000000", "x")).status == 403
        for number in range(5):
            page = await stranger.sign_in(f"user{number}", "000000", "x")
        assert page.status == 429
    assert "reason=too-many-for-user" in hub.log
    assert "reason=too-many-from-address" in hub.log


async def test_directory_away(hub: HubProcess, server: DirectoryServer) -> None:
    async with Browser(hub) as browser, aiohttp.ClientSession() as other:
        code = code_of(SECRET)
        server.freeze()
        pending = [asyncio.create_task(browser.sign_in("alice", code, ALICE.password))]
        slowest = 0.0
        begun = time.monotonic()
        while not all(task.done() for task in pending):
            before = time.monotonic()
            async with other.get(f"{hub.url}/hub/health") as answer:
                assert answer.status == 200
            slowest = max(slowest, time.monotonic() - before)
            await asyncio.sleep(0.02)
        page = pending[0].result()
        assert page.status == 503
        assert "directory does not answer" in page.message
        assert page.headers["Retry-After"] == "30"
        assert slowest < (time.monotonic() - begun) / 2
        server.thaw()
        assert (await browser.sign_in("alice", code, ALICE.password)).status == 302


async def test_sign_in_over_the_rest_api(hub: HubProcess) -> None:
    url = f"{hub.url}/hub/api/users/alice/tokens"
    async with aiohttp.ClientSession() as session:
        for auth in (None, "text", {"username": 1}, {"username": "alice", "otp": ["1"], "password": "\ud800"}):
            async with session.post(url, json={"auth": auth}) as answer:
                assert answer.status == 403
    assert "reason=bad-form" in hub.log
