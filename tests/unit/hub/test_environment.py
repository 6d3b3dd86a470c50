from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.spawn.test_options import SITE

from neuronhub.errors import EnvironmentBusy, EnvironmentFailed, EnvironmentNotPermitted, TooManyAtOnce
from neuronhub.hub.environment import Doors, make_command, refuse_for
from neuronhub.site import DEFAULT_SITE, read_site
from neuronhub.spawn.refusal import Refusal

DEPLOY = Path(__file__).parents[3] / "deploy"


def test_the_command_runs_the_active_base_as_the_user() -> None:
    command = make_command(SITE, "alice")
    sudo, rest = command.argv[:5], command.argv[5:]
    assert sudo == ("/usr/bin/sudo", "-n", "-u", "alice", "--")
    assert rest[:2] == ("/apps/jupyter/bases/current/bin/python", "-I")
    assert rest[-2:] == ("--site", str(DEFAULT_SITE))
    assert set(command.environment) == {"PATH", "LC_ALL"}


def test_the_command_reads_the_site_file_that_the_hub_has_read(tmp_path: Path) -> None:
    file = tmp_path / "other.toml"
    file.write_bytes((DEPLOY / "site.toml").read_bytes())
    assert make_command(read_site(file), "alice").argv[-1] == str(file)


@pytest.mark.parametrize("user", ["#0", "-u", "bob smith", "", "bob@example.org"])
async def test_who_has_no_account_is_not_handed_to_sudo(user: str) -> None:
    with pytest.raises(EnvironmentNotPermitted):
        Doors(SITE).of(user)


async def test_everybody_has_one_door_of_their_own() -> None:
    doors = Doors(SITE)
    assert doors.of("alice") is doors.of("alice")
    assert doors.of("alice") is not doors.of("bob")
    await doors.close()


@pytest.mark.parametrize(("error", "status"), [(EnvironmentBusy, 409), (TooManyAtOnce, 503), (EnvironmentFailed, 503)])
def test_the_reason_is_for_the_user_to_read(error: type[EnvironmentFailed], status: int) -> None:
    with pytest.raises(Refusal) as caught:
        refuse_for(error("50 % is not enough."))
    assert (caught.value.status_code, caught.value.jupyterhub_message) == (status, "50 % is not enough.")
