"""What a start tells of the user's environment while it makes it: shown to its owner, and nothing more."""

from __future__ import annotations

import pytest
from tests.contract.spawn.rest import NOBODY, Hub, wait_for
from tests.contract.spawn.test_hostile_servers import token_of

pytestmark = pytest.mark.contract

PREPARING = "/hub/api/neuronhub/preparing"
QUEUE = "amd_a100nv_8"


def test_a_share_is_shown_on_the_wait_page_and_only_there(hub: Hub) -> None:
    hub.fill("alice", QUEUE, 1)
    hub.fill("bob", QUEUE, 1)
    assert hub.start("u32", QUEUE).status in (201, 202)
    wait_for("it waits", lambda: hub.state("u32") == "PENDING")
    token = token_of(hub, "u32")
    for done in (0.5, 0.25):  # a share never falls
        assert hub.ask("POST", PREPARING, {"done": done}, token=token).status == 204
        event = wait_for("it is shown", lambda: hub.progress("u32")[-1])
        assert (event["state"], event["preparing"], event["progress"]) == ("RUNNING", 0.5, 75)
    assert hub.ask("POST", PREPARING, {"done": 1}, token=token).status == 204
    assert hub.progress("u32")[-1]["preparing"] is None
    assert not hub.is_ready("u32")
    for stranger in (NOBODY, hub.site.admin_token):
        assert hub.ask("POST", PREPARING, {"done": 0.5}, token=stranger).status == 403
    hub.stop("u32")
    assert hub.ask("POST", PREPARING, {"done": 0.5}, token=token).status == 403
