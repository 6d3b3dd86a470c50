"""The proxy is a process of its own: when it is killed and started again, everybody is where they were."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.contract.spawn.rest import NOBODY, Hub, wait_for
from tests.embedded import RunningSite

pytestmark = pytest.mark.contract


@pytest.fixture
def hub(site: RunningSite) -> Iterator[Hub]:
    """The embedded site's hub, without u31's server afterwards."""
    hub = Hub(site)
    hub.wait_until_up()
    yield hub
    hub.stop("u31")


def test_a_stop_while_the_proxy_is_away_is_carried_out(hub: Hub) -> None:
    hub.start_ready("u31")
    with hub.site.without("proxy"):
        assert hub.ask("DELETE", "/hub/api/users/u31/server").status in (202, 204)
        wait_for("the job has ended", lambda: not hub.jobs("u31"), 60)
    wait_for("the hub knows", lambda: hub.is_gone("u31"), 30)


def test_a_restarted_proxy_knows_hub_and_servers_again(hub: Hub) -> None:
    hub.start_ready("u31")
    hub.site.part("kill", "proxy")
    hub.site.part("start", "proxy")
    wait_for(
        "the login page is there again",
        lambda: hub.ask("GET", "/hub/login", token=NOBODY, base=hub.site.url).status == 200,
        20,
    )
    wait_for("the server answers again", lambda: hub.answers_through_proxy("u31"), 20)
    assert hub.is_ready("u31")
