"""The embedded site's site file, as text. Pure."""

from __future__ import annotations

import json

from neuronhub.demo.installation import BASES, CHANNEL, EXAMPLES
from neuronhub.demo.ports import Ports
from neuronhub.demo.shape import DISCOUNTS, HUB_USER, LDAP_SUFFIX, OPERATOR, QUEUES, Queue
from neuronhub.demo.state import StateFolder
from neuronhub.tariff import Price


def render_site_file(state: StateFolder, ports: Ports, public_url: str) -> str:
    """site.toml: as a real site would write it."""
    tables = [
        _table(None, currency="KRW"),
        _table("title", en="NeuronHub demo", ko="NeuronHub 데모"),
        _table(
            "hub",
            name="demo",
            public_url=public_url,
            api_url=f"http://127.0.0.1:{ports.hub_api}",
            proxy_api_url=f"http://127.0.0.1:{ports.proxy_api}",
            proxy_token_file=str(state.secret_file("proxy-token")),
            cookie_secret_file=str(state.secret_file("cookie-secret")),
            start_key_file=str(state.secret_file("start-key")),
            state_dir=str(state.hub),
            user=HUB_USER,
            admins=[OPERATOR],
        ),
        _table("hub.service_token_files", demo=str(state.secret_file("admin-token"))),
        _table("places", bases=BASES, examples=EXAMPLES),
        _table("environments", channels=[f"file://{CHANNEL}"]),
        _table("slurm", conf=str(state.hub_slurm_conf)),
        *_render_login(state, ports),
        # A site looks once a minute and calls nobody away before ten; here it can be seen while one waits. Slurm counts
        # whole seconds of CPU, so the shorter the looks, the more of one is let pass.
        _table("billing", time_zone="Asia/Seoul", collect_every=2),
        _table("billing.away", after=20, look_every=5, cpu_percent=25),
        *(_table("[billing.discounts]", account=name, percent=f"{percent}") for name, percent in DISCOUNTS.items()),
        *(_render_queue(queue) for queue in QUEUES),
    ]
    return "\n".join(tables)


def _render_login(state: StateFolder, ports: Ports) -> list[str]:
    return [
        _table("login", database=str(state.hub / "login.sqlite")),
        _table(
            "login.directory",
            servers=[f"ldaps://127.0.0.1:{ports.ldaps}"],
            ca_file=str(state.tls / "ca.pem"),
            user_dn=f"uid={{id}},ou=people,{LDAP_SUFFIX}",
            group_base=f"ou=groups,{LDAP_SUFFIX}",
        ),
        _table(
            "login.second_factor",
            kind="totp",
            key_file=str(state.secret_file("login-key")),
            issuer="NeuronHub demo",
        ),
    ]


def _render_queue(queue: Queue) -> str:
    values: dict[str, object] = {
        "name": queue.name,
        "kind": "shared" if queue.shared else "whole-node",
    }
    if queue.shared:
        values["places_per_node"] = queue.places_per_node
    lines = [f"{key} = {_value(value)}" for key, value in values.items()]
    if queue.prices:
        lines.append(f"prices = [{', '.join(_render_price(price) for price in queue.prices)}]")
    if queue.away_limit:
        lines.append(f"away_limit = {_value(queue.away_limit)}")
    lines.append(f"description = {{ en = {_value(queue.english)}, ko = {_value(queue.korean)} }}")
    return "\n".join(["[[queues]]", *lines]) + "\n"


def _render_price(price: Price) -> str:
    pairs = [f"amount = {_value(f'{price.amount:f}')}", f"per = {_value(price.per)}"]
    if price.valid_from is not None:
        pairs.append(f"valid_from = {price.valid_from.isoformat()}")
    return "{ " + ", ".join(pairs) + " }"


def _table(table: str | None, /, **values: object) -> str:
    head = f"[{table}]\n" if table else ""
    return head + "".join(f"{key} = {_value(value)}\n" for key, value in values.items())


def _value(value: object) -> str:
    """A TOML string, number or list of strings; JSON writes these the same way."""
    return json.dumps(value, ensure_ascii=False)
