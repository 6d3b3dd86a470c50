"""The directory, on the fake and on the real slapd."""

from __future__ import annotations

import logging
from pathlib import Path

import pyotp
import pytest
from tests.contract.login.certificates import Authority
from tests.contract.login.people import ALICE, BOB, CAROL, MOST_FAILURES, ODD, Person
from tests.contract.login.servers import DirectoryServer, free_ports

from neuronhub.errors import DirectoryUnavailable
from neuronhub.login.directory import Directory
from neuronhub.site import Directory as Settings

pytestmark = pytest.mark.contract
log = logging.getLogger("test")


@pytest.mark.parametrize("person", [ALICE, BOB, ODD], ids=lambda person: ascii(person.id))
async def test_right_password_gives_the_groups_of_that_person(settings: Settings, person: Person) -> None:
    groups = await Directory(settings, log).sign_in(person.id, person.password)
    assert groups == tuple(sorted(person.groups))


@pytest.mark.parametrize(
    ("user", "password"),
    [
        ("alice", "wonderland-2"),
        ("alice", "wonderland-1 "),
        ("nobody", "wonderland-1"),
        ("alice,ou=people", "wonderland-1"),
        ("*", "wonderland-1"),
    ],
)
async def test_no_is_an_answer(settings: Settings, user: str, password: str) -> None:
    assert await Directory(settings, log).sign_in(user, password) is None


async def test_start_tls(settings: Settings, server: DirectoryServer) -> None:
    directory = Directory(settings.model_copy(update={"servers": (server.ldap_url,)}), log)
    assert await directory.sign_in("alice", ALICE.password) == ("chemistry", "staff")
    assert await directory.sign_in("alice", "wrong") is None


@pytest.mark.parametrize("scheme", ["ldaps", "ldap"])
async def test_server_that_another_authority_vouches_for_never_sees_a_password(
    settings: Settings, server: DirectoryServer, scheme: str, tmp_path: Path
) -> None:
    stranger = Authority(tmp_path, "Stranger")
    url = server.ldaps_url if scheme == "ldaps" else server.ldap_url
    directory = Directory(settings.model_copy(update={"ca_file": stranger.file, "servers": (url,)}), log)
    with pytest.raises(DirectoryUnavailable):
        await directory.sign_in("alice", ALICE.password)
    assert server.binds() == 0


@pytest.mark.parametrize("scheme", ["ldaps", "ldap"])
async def test_server_under_a_name_that_is_not_in_its_certificate_never_sees_a_password(
    settings: Settings, server: DirectoryServer, scheme: str, caplog: pytest.LogCaptureFixture
) -> None:
    url = (server.ldaps_url if scheme == "ldaps" else server.ldap_url).replace("127.0.0.1", "localhost")
    with pytest.raises(DirectoryUnavailable):
        await Directory(settings.model_copy(update={"servers": (url,)}), log).sign_in("alice", ALICE.password)
    assert server.binds() == 0
    assert "localhost" in caplog.text


async def test_server_that_is_down_is_passed_over(settings: Settings, server: DirectoryServer) -> None:
    down = f"ldaps://127.0.0.1:{free_ports(1)[0]}"
    directory = Directory(settings.model_copy(update={"servers": (down, server.ldaps_url)}), log)
    assert await directory.sign_in("bob", BOB.password) == ("staff",)


async def test_no_of_the_first_server_is_not_put_to_the_second(settings: Settings, server: DirectoryServer) -> None:
    both = settings.model_copy(update={"servers": (server.ldaps_url, server.ldap_url)})
    assert await Directory(both, log).sign_in("alice", "wrong") is None
    assert server.binds() == 1


async def test_account_is_locked_after_wrong_passwords(settings: Settings) -> None:
    directory = Directory(settings, log)
    for _ in range(MOST_FAILURES):
        assert await directory.sign_in("alice", "wrong") is None
    assert await directory.sign_in("alice", ALICE.password) is None
    assert await directory.sign_in("bob", BOB.password) == ("staff",)


async def test_groups_that_cannot_be_read_are_no_answer(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    directory = Directory(settings.model_copy(update={"group_base": "ou=nowhere,dc=example,dc=org"}), log)
    with pytest.raises(DirectoryUnavailable):
        await directory.sign_in("alice", ALICE.password)
    assert "ou=nowhere" in caplog.text
    assert "NO_SUCH_OBJECT" in caplog.text


async def test_frozen_server_is_given_up_in_time(settings: Settings, server: DirectoryServer) -> None:
    directory = Directory(settings.model_copy(update={"timeout_s": 0.3}), log)
    server.freeze()
    with pytest.raises(DirectoryUnavailable):
        await directory.sign_in("alice", ALICE.password)
    server.thaw()
    assert await directory.sign_in("alice", ALICE.password) == ("chemistry", "staff")


async def test_password_and_otp_in_one_bind(settings: Settings) -> None:
    directory = Directory(settings, log)
    code = pyotp.TOTP(CAROL.otp_secret or "").now()
    wrong = f"{(int(code) + 1) % 1_000_000:06}"
    assert await directory.sign_in("carol", CAROL.password) is None
    assert await directory.sign_in("carol", CAROL.password + wrong) is None
    assert await directory.sign_in("carol", CAROL.password + code) == ("physics",)
    assert await directory.sign_in("carol", CAROL.password + code) is None
