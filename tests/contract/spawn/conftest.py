"""One hub client for the module; whatever a test leaves behind in Slurm is ended after it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.contract.spawn.rest import Hub
from tests.embedded import RunningSite


@pytest.fixture
def hub(site: RunningSite) -> Iterator[Hub]:
    """The embedded site's hub, up, with nobody's server running after the test."""
    hub = Hub(site)
    hub.wait_until_up()
    yield hub
    hub.wait_until_up()
    users = hub.ask("GET", "/hub/api/users?state=active").json
    for user in users:
        hub.stop(user["name"])
    site.run_inside(["scancel", "--name=filler"])
