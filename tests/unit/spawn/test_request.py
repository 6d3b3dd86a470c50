from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.unit.spawn.test_options import SITE

from neuronhub.environments.layout import Layout
from neuronhub.errors import StartRefused
from neuronhub.protocol import StartTicket
from neuronhub.site import Environments, Site
from neuronhub.spawn.record import StartRecord
from neuronhub.spawn.request import make_request

QUEUE = SITE.queues[0].name
RECORD = StartRecord("alice", "hub-server-0123456789abcdef", QUEUE, timedelta(minutes=5), datetime.now(UTC), "sealed")


def read_ticket(site: Site) -> StartTicket:
    request = make_request(site, RECORD, {"JUPYTERHUB_API_TOKEN": "secret"}, "/user/alice/", ["--debug"])
    (line,) = [line for line in request.script.splitlines() if line.startswith("{")]
    return StartTicket.from_json(line)


def test_the_ticket_tells_where_the_environment_lies() -> None:
    ticket = read_ticket(SITE)
    assert ticket.layout is not None
    layout = Layout.from_json(ticket.layout)
    assert layout == Layout.of(SITE, "alice")
    assert layout.prefix == Path("/scratch/alice/.conda/envs/notebook")
    assert ticket.make_environment


def test_a_site_may_leave_the_making_to_its_users() -> None:
    ticket = read_ticket(SITE.model_copy(update={"environments": Environments(create_at_start=False)}))
    assert ticket.layout == Layout.of(SITE, "alice").to_json()
    assert not ticket.make_environment


def test_the_account_that_pays_is_told_to_slurm() -> None:
    account = make_request(SITE, replace(RECORD, account="lab-a"), {}, "/user/alice/", []).account
    assert account == "lab-a"
    assert make_request(SITE, RECORD, {}, "/user/alice/", []).account is None


def test_a_queue_that_is_not_offered_any_more() -> None:
    with pytest.raises(StartRefused, match="not offer this queue"):
        make_request(SITE, replace(RECORD, queue="no-such-queue"), {}, "/user/alice/", [])
