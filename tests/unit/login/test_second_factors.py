"""TOTP secrets at rest, and how the two second factors judge a code."""

from __future__ import annotations

from pathlib import Path

import pyotp
import pytest
from cryptography.fernet import Fernet
from sqlalchemy import select, update
from tests.unit.login.conftest import Clock

from neuronhub.errors import AlreadyEnrolled, LoginSetupError
from neuronhub.login.database import Database, factors
from neuronhub.login.second_factor import CombinedBind, Passed, Totp
from neuronhub.login.totp_store import TotpStore, ensure_key, read_key

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


@pytest.fixture
def store(database: Database) -> TotpStore:
    return TotpStore(database, Fernet(Fernet.generate_key()))


@pytest.mark.parametrize("drift", [-1, 0, 1])
async def test_totp_names_the_time_step(store: TotpStore, clock: Clock, drift: int) -> None:
    store.enrol("alice", "Test", SECRET)
    step = int(clock.now) // 30 + drift
    code = pyotp.TOTP(SECRET).generate_otp(step)
    assert await Totp(store, clock).check("alice", code, "pass") == Passed(f"totp:{step}", "pass")
    assert await Totp(store, clock).check("alice", f" {code[:3]} {code[3:]}", "pass") == Passed(f"totp:{step}", "pass")


async def test_totp_refuses(store: TotpStore, clock: Clock) -> None:
    store.enrol("alice", "Test", SECRET)
    totp, now = Totp(store, clock), int(clock.now) // 30
    good = pyotp.TOTP(SECRET).generate_otp(now)
    wide = good.translate({ord("0") + digit: chr(0xFF10 + digit) for digit in range(10)})
    for code in (pyotp.TOTP(SECRET).generate_otp(now - 2), pyotp.TOTP(SECRET).generate_otp(now + 2), wide, good + "00"):
        assert await totp.check("alice", code, "pass") == "wrong-otp"
    assert await totp.check("bob", good, "pass") == "not-enrolled"


async def test_revoked(store: TotpStore) -> None:
    store.enrol("alice", "Test", SECRET)
    assert await Totp(store).still_enrolled("alice")
    assert store.revoke("alice")
    assert not await Totp(store).still_enrolled("alice")
    assert not store.revoke("alice")
    assert store.enrolled_at("alice") is None


def test_enrolment_is_not_replaced_by_accident(store: TotpStore) -> None:
    first = store.enrol("alice", "My Site")
    assert first.uri == f"otpauth://totp/My%20Site:alice?secret={first.secret}&issuer=My%20Site"
    assert first.secret not in repr(first)
    with pytest.raises(AlreadyEnrolled, match="--replace"):
        store.enrol("alice", "My Site")
    assert store.enrol("alice", "My Site", replace=True).secret != first.secret


@pytest.mark.parametrize("secret", ["", "not base32!", "JBSWY3DP", "ＪBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"])
def test_bad_secrets(store: TotpStore, secret: str) -> None:
    with pytest.raises(ValueError, match="the secret is"):
        store.enrol("alice", "Test", secret)


async def test_secrets_are_sealed_for_one_account(database: Database, store: TotpStore) -> None:
    store.enrol("alice", "Test", SECRET)
    store.enrol("mallory", "Test", "A" * 32)
    rows = {row.user: row.sealed for row in database.run_now(lambda c: c.execute(select(factors)).all())}
    assert all(SECRET.encode() not in path.read_bytes() for path in database.path.parent.iterdir())
    swap = update(factors).where(factors.c.user == "alice").values(sealed=rows["mallory"])
    database.run_now(lambda connection: connection.execute(swap))
    with pytest.raises(LoginSetupError, match="alice"):
        await store.fetch_secret("alice")


def test_wrong_key_is_found_at_the_start(database: Database, store: TotpStore) -> None:
    stranger = TotpStore(database, Fernet(Fernet.generate_key()))
    stranger.check_key()
    store.enrol("alice", "Test", SECRET)
    store.check_key()
    with pytest.raises(LoginSetupError, match="key_file"):
        stranger.check_key()


def test_key_file(tmp_path: Path) -> None:
    path = tmp_path / "key"
    with pytest.raises(LoginSetupError, match="does not exist"):
        read_key(path)
    ensure_key(path)
    text = path.read_text()
    ensure_key(path)
    assert path.read_text() == text
    assert path.stat().st_mode & 0o777 == 0o600
    token = read_key(path).encrypt(b"x")
    assert read_key(path).decrypt(token) == b"x"
    for mode in (0o640, 0o604, 0o620):
        path.chmod(mode)
        with pytest.raises(LoginSetupError, match="chmod 600"):
            read_key(path)
    path.chmod(0o600)
    path.write_text("no-key-at-all")
    with pytest.raises(LoginSetupError) as refusal:
        read_key(path)
    assert "no-key-at-all" not in str(refusal.value)


async def test_combined_bind_names_codes_by_a_keyed_hash(database: Database, tmp_path: Path) -> None:
    factor = CombinedBind(database)
    passed = await factor.check("carol", "123 456", "pass")
    assert isinstance(passed, Passed)
    assert passed.bind_password == "pass123456"
    assert "123456" not in passed.code
    assert "pass123456" not in repr(passed)
    assert await CombinedBind(database).check("carol", "123456", "pass") == passed
    elsewhere = Database(tmp_path / "other.sqlite")
    for other in (
        await factor.check("bob", "123456", "pass"),
        await CombinedBind(elsewhere).check("carol", "123456", "p"),
    ):
        assert isinstance(other, Passed)
        assert other.code != passed.code
    elsewhere.close()
    assert await factor.check("carol", "12345", "pass") == "wrong-otp"
    assert await factor.still_enrolled("carol")


async def test_combined_bind_names_one_bind_string_by_one_name(database: Database) -> None:
    factor = CombinedBind(database)
    one, other = await factor.check("carol", "123456", "pass7"), await factor.check("carol", "7123456", "pass")
    assert isinstance(one, Passed)
    assert one == other
