"""A directory server, twice: the real slapd and the fake that is proved equal to it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from tests.contract.login.certificates import Authority
from tests.contract.login.people import GROUPS, PEOPLE
from tests.contract.login.servers import DirectoryServer, FakeDirectory, Slapd

from neuronhub.site import Directory, Hub, Login, QueueSite, SecondFactor, Site, Throttle


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(params=["fake", "slapd"])
async def server(
    request: pytest.FixtureRequest, tmp_path: Path, authority: Authority
) -> AsyncIterator[DirectoryServer]:
    certificate = authority.issue("127.0.0.1")
    server = FakeDirectory(certificate) if request.param == "fake" else Slapd(tmp_path / "slapd", certificate)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


@pytest.fixture
def settings(server: DirectoryServer, authority: Authority) -> Directory:
    return Directory(
        servers=(server.ldaps_url,),
        ca_file=authority.file,
        user_dn=f"uid={{id}},{PEOPLE}",
        group_base=GROUPS,
        timeout_s=2,
    )


@pytest.fixture
def make_site(settings: Directory, tmp_path: Path) -> Callable[..., Site]:
    """Return a function that makes a site file for this server; a key file is made by the caller."""

    def make(second_factor: SecondFactor, **limits: float) -> Site:
        hub = Hub(
            public_url="http://127.0.0.1:8000/",
            proxy_token_file=tmp_path / "proxy-token",
            cookie_secret_file=tmp_path / "cookie-secret",
            start_key_file=tmp_path / "start-key",
            state_dir=tmp_path,
        )
        throttle = Throttle.model_validate({"answer_floor_s": 0, "per_user": 100, "per_address": 1000, **limits})
        login = Login(
            directory=settings, second_factor=second_factor, throttle=throttle, database=tmp_path / "login.sqlite"
        )
        return Site(hub=hub, login=login, queues=(QueueSite(name="jupyter"),))

    return make
