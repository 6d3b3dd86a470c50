"""The site file as JupyterHub's configuration, and the secrets that it names."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from neuronhub.errors import SiteFileError
from neuronhub.hub.settings import make_config, read_secret
from neuronhub.site import Site, read_site

SITE = """
[hub]
name = "test"
public_url = "https://hub.example.org/"
api_url = "http://10.0.0.1:8081"
admins = ["root"]
proxy_token_file = "{folder}/proxy-token"
cookie_secret_file = "{folder}/cookie-secret"
start_key_file = "{folder}/start-key"
state_dir = "{folder}/state"
service_token_files = {{ tests = "{folder}/service-token" }}

[[queues]]
name = "jupyter"
"""


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A site whose secrets exist."""
    for name in ("proxy-token", "service-token", "start-key"):
        (tmp_path / name).write_text(Fernet.generate_key().decode() + "\n")
        (tmp_path / name).chmod(0o600)
    (tmp_path / "site.toml").write_text(SITE.format(folder=tmp_path))
    return read_site(tmp_path / "site.toml")


def test_the_hub_is_what_the_site_file_says(site: Site, tmp_path: Path) -> None:
    c = make_config(site)
    assert c.JupyterHub.bind_url == "https://hub.example.org/"
    assert c.JupyterHub.hub_connect_url == "http://10.0.0.1:8081"
    assert c.JupyterHub.db_url == f"sqlite:///{tmp_path}/state/jupyterhub.sqlite"
    assert c.ConfigurableHTTPProxy.should_start is False
    assert c.Authenticator.admin_users == {"root"}
    assert c.JupyterHub.shutdown_on_logout is True
    assert c.JupyterHub.cleanup_servers is False
    assert [service["name"] for service in c.JupyterHub.services] == ["tests"]
    assert c.JupyterHub.services[0]["api_token"] == (tmp_path / "service-token").read_text().strip()


def test_without_a_login_table_the_authenticator_is_left_to_the_site(site: Site) -> None:
    assert "authenticator_class" not in make_config(site).JupyterHub


@pytest.mark.parametrize(
    ("text", "mode", "word"),
    [
        ("x" * 32, 0o604, "chmod"),
        ("x" * 32, 0o602, "chmod"),
        ("short", 0o600, "32 characters"),
        ("with spaces " * 8, 0o600, "without spaces"),
        ("비밀" * 20, 0o600, "ASCII"),
        (None, 0o600, "cannot be read"),
    ],
)
def test_a_secret_that_is_none_is_named(tmp_path: Path, text: str | None, mode: int, word: str) -> None:
    path = tmp_path / "secret"
    if text is not None:
        path.write_text(text)
        path.chmod(mode)
    with pytest.raises(SiteFileError, match=word) as error:
        read_secret(path)
    assert str(path) in str(error.value)
    if text:
        assert text not in str(error.value)


@pytest.mark.parametrize(
    ("change", "key"),
    [
        (('name = "test"', 'name = "Test Hub"'), "hub.name"),
        (('name = "test"', 'nmae = "test"'), "hub.nmae"),
        (("[[queues]]", "[[queue]]"), "queue"),
        (('name = "jupyter"', 'name = "jupyter"\nsbatch_options = ["--uid=root"]'), "sbatch_options"),
        (('name = "jupyter"', 'name = "jupyter"\nsbatch_options = ["--comment=$(id)"]'), "sbatch_options"),
        (('name = "jupyter"', 'name = "jupyter"\n[[queues]]\nname = "jupyter"'), "more than once"),
        (('name = "jupyter"', 'name = "jupyter"\nprices = [{ amount = "-1" }]'), "prices.0.amount"),
    ],
)
def test_a_wrong_site_file_names_the_key(tmp_path: Path, change: tuple[str, str], key: str) -> None:
    path = tmp_path / "site.toml"
    document = SITE.format(folder=tmp_path)
    assert change[0] in document
    path.write_text(document.replace(*change, 1))
    with pytest.raises(SiteFileError) as error:
        read_site(path)
    assert key in str(error.value)
    assert str(path) in str(error.value)


def test_a_site_file_that_is_not_there_or_not_toml(tmp_path: Path) -> None:
    with pytest.raises(SiteFileError, match="--site"):
        read_site(tmp_path / "none.toml")
    (tmp_path / "bad.toml").write_text("queues = [")
    with pytest.raises(SiteFileError, match="TOML"):
        read_site(tmp_path / "bad.toml")
