"""The operator's command."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pyotp
import pytest
from click.testing import CliRunner, Result
from sqlalchemy import insert

from neuronhub.errors import SiteFileError
from neuronhub.login.database import Database, attempts
from neuronhub.login.otp_cli import otp
from neuronhub.site import Directory, Hub, Login, QueueSite, SecondFactor, Site


class Operator:
    """Runs ``neuronhub otp`` with one site file."""

    def __init__(self, folder: Path) -> None:
        hub = Hub(
            public_url="https://hub.example.org/",
            proxy_token_file=folder / "a",
            cookie_secret_file=folder / "b",
            start_key_file=folder / "c",
            state_dir=folder,
        )
        self.login = Login(
            directory=Directory(servers=("ldaps://127.0.0.1",)),
            second_factor=SecondFactor(key_file=folder / "totp-key", issuer="My Site"),
            database=folder / "login.sqlite",
        )
        self.site = Site(hub=hub, login=self.login, queues=(QueueSite(name="jupyter"),))

    def run(self, *arguments: str, expect: int = 0) -> Result:
        result = CliRunner().invoke(otp, arguments, obj=lambda: self.site)
        assert result.exit_code == expect, result.output
        return result


@pytest.fixture
def operator(tmp_path: Path) -> Operator:
    operator = Operator(tmp_path)
    operator.run("new-key")
    return operator


def test_enrol_shows_the_secret_once(operator: Operator) -> None:
    output = operator.run("enrol", "alice").output
    uri = re.search(r"otpauth://\S+", output)
    assert uri is not None
    totp = pyotp.parse_uri(uri[0])
    assert (totp.name, totp.issuer) == ("alice", "My Site")
    assert "▄" in output
    assert "--replace" in operator.run("enrol", "alice", expect=1).output
    assert totp.secret not in operator.run("status", "alice").output
    assert totp.secret not in operator.run("enrol", "alice", "--replace").output


def test_status_and_revoke(operator: Operator) -> None:
    assert "not enrolled" in operator.run("status", "alice", expect=3).output
    operator.run("enrol", " Alice ")
    assert "alice: enrolled since 20" in operator.run("status", "ALICE").output
    assert "revoked" in operator.run("revoke", "alice").output
    operator.run("revoke", "alice", expect=3)
    operator.run("status", "alice", expect=3)


def test_unlock(operator: Operator) -> None:
    database = Database(operator.login.database)
    rows = [{"user": "alice", "device": "", "network": "10.0.0.1", "at": time.time()}] * 4
    database.run_now(lambda connection: connection.execute(insert(attempts), rows))
    database.close()
    assert "4 failed sign-ins" in operator.run("status", "alice", expect=3).output
    assert "4 failed sign-ins forgotten" in operator.run("unlock", "alice").output
    assert "0 failed sign-ins" in operator.run("status", "alice", expect=3).output


def test_new_key_keeps_the_key_that_is_there(operator: Operator) -> None:
    key_file = operator.login.second_factor.key_file
    assert key_file is not None
    text = key_file.read_text()
    assert "was there already" in operator.run("new-key").output
    assert key_file.read_text() == text


def test_wrong_key_is_not_used_for_new_secrets(operator: Operator) -> None:
    operator.run("enrol", "alice")
    key_file = operator.login.second_factor.key_file
    assert key_file is not None
    key_file.unlink()
    assert "new-key" in operator.run("enrol", "bob", expect=1).output
    operator.run("new-key")
    assert "key_file" in operator.run("enrol", "bob", expect=1).output
    operator.run("enrol", "alice", "--replace")
    operator.run("enrol", "bob")


@pytest.mark.parametrize("account", ["", "ｂｏｂ", "../x", "a b"])
def test_what_is_no_account_is_wrong_use(operator: Operator, account: str) -> None:
    assert "not an account ID" in operator.run("enrol", account, expect=2).output


def test_sites_that_sign_in_in_another_way(operator: Operator) -> None:
    combined = operator.login.model_copy(update={"second_factor": SecondFactor(kind="combined-bind")})
    operator.site = operator.site.model_copy(update={"login": combined})
    assert "directory keeps the secrets" in operator.run("enrol", "alice", expect=1).output
    operator.run("unlock", "alice")
    operator.site = operator.site.model_copy(update={"login": None})
    assert "[login]" in operator.run("status", "alice", expect=1).output


def test_site_file_that_cannot_be_read() -> None:
    def fail() -> Site:
        raise SiteFileError("/etc/site.toml: cannot be read.")

    result = CliRunner().invoke(otp, ["status", "alice"], obj=fail)
    assert result.exit_code == 1
    assert result.output == "Error: /etc/site.toml: cannot be read.\n"


def test_every_command_explains_itself() -> None:
    for name in otp.commands:
        assert "Usage: otp" in CliRunner().invoke(otp, [name, "--help"]).output
