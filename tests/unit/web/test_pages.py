"""The hub's pages, rendered in both languages with full, empty and hostile data."""

from __future__ import annotations

import json
import re
from datetime import datetime
from html.parser import HTMLParser
from types import SimpleNamespace
from typing import Any

import pytest
from tests.unit.web.conftest import (
    Render,
    make_account,
    make_billing,
    make_cluster,
    make_cost,
    make_ending,
    make_price,
    make_queue,
    make_spawner,
)

from neuronhub.web.formats import render_money

HOSTILE = """<script>alert("x")</script>'&"""

AUTHENTICATOR = SimpleNamespace(request_otp=True, otp_prompt="OTP:")
LOGIN = {"authenticator": AUTHENTICATOR, "authenticator_login_url": "/hub/login?next=", "username": "", "user": None}
START = {"url": "/hub/spawn", "choice": {"queue": "jupyter", "time_limit": "1:00:00"}}
CHARGED = make_queue("gpu", places=None, **make_price())
OAUTH = {
    "oauth_client": SimpleNamespace(description=HOSTILE, identifier="x", redirect_uri="https://example.org/"),
    "allowed_scopes": ["read:users!user"],
    "scope_descriptions": [{"scope": "read:users", "description": HOSTILE, "filter": "alice"}],
}
TOKENS = {
    "token_expires_in_max_seconds": 0,
    "api_tokens": [
        SimpleNamespace(
            api_id="a1",
            note=HOSTILE,
            scopes=["inherit"],
            last_activity=None,
            created=datetime(2026, 11, 1),
            expires_at=None,
        )
    ],
    "oauth_clients": [
        {
            "token_id": "a2",
            "description": HOSTILE,
            "tokens": [SimpleNamespace(scopes=["b", "a"]), SimpleNamespace(scopes=["a"])],
            "last_activity": datetime(2026, 11, 2),
            "created": datetime(2026, 11, 1),
        }
    ],
}
SHARE = {
    "owner": SimpleNamespace(name="bob"),
    "spawner_url": "/user/bob/",
    "spawner_ready": False,
    "code": "c",
    "scope_descriptions": [],
}


def start_page(
    *queues: dict[str, Any], problem: str | None = None, billing: dict[str, Any] | None = None
) -> dict[str, Any]:
    cluster = make_cluster(*queues, problem=problem, billing=billing)
    return {"url": START["url"], "start_page": {"cluster": cluster, "choice": START["choice"]}}


def home(spawner: SimpleNamespace) -> dict[str, Any]:
    return {"default_server": spawner, "url": "/user/alice", "url_path_join": lambda *parts: "/".join(parts)}


PAGES: dict[str, tuple[str, dict[str, Any]]] = {
    "login": ("login.html", LOGIN | {"login_error": HOSTILE, "username": HOSTILE}),
    "login by a service": ("login.html", LOGIN | {"login_service": HOSTILE}),
    "start": (
        "spawn.html",
        start_page(
            make_queue(),
            CHARGED,
            make_queue(HOSTILE, description=HOSTILE, usable=False, why_not=HOSTILE),
            problem=HOSTILE,
        )
        | {"ending": make_ending(cause=HOSTILE, log_lines=[HOSTILE]), "error_message": HOSTILE},
    ),
    "start with accounts": (
        "spawn.html",
        start_page(
            CHARGED,
            make_queue("unpriced", charged=True),
            billing=make_billing(make_account(HOSTILE), make_account("bio"), problem=HOSTILE),
        ),
    ),
    "start without Slurm": ("spawn.html", start_page(problem="Slurm does not answer.")),
    "start without anything": ("spawn.html", {"url": "/hub/spawn", "start_page": None}),
    "wait": (
        "spawn_pending.html",
        {"spawner": make_spawner(facts={"queue": HOSTILE, "job_id": 1}), "progress_url": "/hub/api/p"},
    ),
    "wait without facts": (
        "spawn_pending.html",
        {"spawner": SimpleNamespace(user=make_spawner().user, name=""), "progress_url": "p"},
    ),
    "failed": (
        "not_running.html",
        {"failed": True, "ending": make_ending(title=HOSTILE), "spawn_url": "/hub/spawn/alice"},
    ),
    "failed without a word": ("not_running.html", {"failed": True, "spawn_url": "/hub/spawn/alice"}),
    "stopped": ("not_running.html", {"spawn_url": "/hub/spawn/alice"}),
    "home": ("home.html", home(make_spawner())),
    "home with a server": (
        "home.html",
        home(
            make_spawner(
                active=True,
                facts={"queue": "gpu", "job_id": 2, "started_at": "2026-11-23T04:00:00+00:00", "ends_at": None},
            )
        ),
    ),
    "home while it starts": ("home.html", home(make_spawner(active=True, pending="spawn"))),
    "home while it stops": ("home.html", home(make_spawner(active=True, pending="stop"))),
    "stopping": ("stop_pending.html", {}),
    "environment": ("environment.html", {}),
    "error": ("error.html", {"status_code": 500, "status_message": "Internal Server Error", "message": HOSTILE}),
    "404": ("404.html", {"status_code": 404, "status_message": "Not Found"}),
    "signed out": ("logout.html", {"user": None}),
    "oauth": ("oauth.html", OAUTH),
    "tokens": ("token.html", TOKENS),
    "no tokens": ("token.html", {"token_expires_in_max_seconds": 7200, "api_tokens": [], "oauth_clients": []}),
    "share": ("accept-share.html", SHARE),
}


class Outline(HTMLParser):
    """Collects what the tests ask of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def all(self, tag: str, **wanted: str) -> list[dict[str, str | None]]:
        return [
            attributes
            for name, attributes in self.tags
            if name == tag and all(attributes.get(key) == value for key, value in wanted.items())
        ]


def page_data(text: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="page-data">(.*?)</script>', text, re.DOTALL)
    assert found is not None
    data: dict[str, Any] = json.loads(found[1])
    return data


@pytest.mark.parametrize("page", PAGES)
def test_every_page_is_whole_and_escapes_what_others_wrote(page: str, reader: str, render: Render) -> None:
    name, context = PAGES[page]
    text = render(name, **context)
    outline = Outline(text)
    assert outline.all("html", lang=reader)
    assert len(outline.all("h1")) == 1
    assert outline.all("main", id="main")
    assert outline.all("a", href="#main")
    assert "<script>alert" not in text
    assert all("src" in script or script.get("type") == "application/json" for script in outline.all("script"))
    assert not [attributes for _, attributes in outline.tags if any(key.startswith("on") for key in attributes)]
    assert not [attributes for _, attributes in outline.tags if "style" in attributes]
    ids = [attributes["id"] for _, attributes in outline.tags if "id" in attributes]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("page", PAGES)
def test_every_page_forbids_scripts_of_others(page: str, reader: str, render: Render) -> None:
    name, context = PAGES[page]
    policies = Outline(render(name, **context)).all("meta", **{"http-equiv": "Content-Security-Policy"})
    assert "script-src 'self';" in str(policies[0]["content"])
    assert "unsafe" not in str(policies[0]["content"])


@pytest.mark.parametrize("page", ["login", "start", "wait", "failed", "home with a server", "environment", "404"])
def test_a_korean_page_has_korean_words_and_an_english_one_none(page: str, reader: str, render: Render) -> None:
    name, context = PAGES[page]
    text = render(name, **context).replace("한국어", "")
    assert bool(re.search("[가-힣]", text)) == (reader == "ko")


def test_sign_in_asks_for_id_otp_and_password_in_this_order(reader: str, render: Render) -> None:
    fields = Outline(render("login.html", **LOGIN)).all("input")
    assert [field["name"] for field in fields] == ["_xsrf", "username", "otp", "password"]
    assert [field.get("autocomplete") for field in fields[1:]] == ["username", "one-time-code", "current-password"]
    assert fields[2]["inputmode"] == "numeric"


def test_sign_in_without_a_second_factor_has_no_otp_field(reader: str, render: Render) -> None:
    plain = SimpleNamespace(request_otp=False, otp_prompt="OTP:")
    fields = Outline(render("login.html", **(LOGIN | {"authenticator": plain}))).all("input")
    assert [field["name"] for field in fields] == ["_xsrf", "username", "password"]


def test_sign_in_shows_the_error_inside_the_form(reader: str, render: Render) -> None:
    text = render("login.html", **(LOGIN | {"login_error": "Invalid username or password"}))
    form = text[text.index("<form") : text.index("</form>")]
    assert 'role="alert"' in form
    assert ("계정(ID) 또는 비밀번호가 올바르지 않습니다." in form) == (reader == "ko")


def test_sign_in_by_a_service_is_a_link_without_fields(reader: str, render: Render) -> None:
    outline = Outline(render("login.html", **(LOGIN | {"login_service": "GitHub"})))
    assert not outline.all("form")
    assert outline.all("a", href="/hub/login?next=")


def test_an_authenticators_own_html_is_used_as_it_is(reader: str, render: Render) -> None:
    text = render("login.html", **(LOGIN | {"custom_html": "<form id='own'><script>own()</script></form>"}))
    assert "<form id='own'><script>own()</script></form>" in text
    assert "Content-Security-Policy" not in text


def test_the_table_has_the_words_of_the_service(reader: str, render: Render) -> None:
    text = render("spawn.html", **start_page(make_queue()))
    head = text[text.index("<thead") : text.index("</thead>")]
    words = {
        "en": ["Queue", "Alloc", "Idle", "Down", "Total"],
        "ko": ["큐 (Queue)", "사용중", "사용가능", "사용불가", "전체"],
    }
    assert re.findall(r'scope="col"[^>]*>([^<]+)<', head)[:5] == words[reader]
    assert ("새로 고침" in text, "제출" in text, "무료" in text) == ((reader == "ko"),) * 3


def test_a_queue_that_cannot_be_used_is_shown_with_its_reason_and_cannot_be_picked(reader: str, render: Render) -> None:
    closed = make_queue("bigmem", usable=False, why_not="Members only.")
    text = render("spawn.html", **start_page(make_queue(), closed))
    outline = Outline(text)
    assert "disabled" in outline.all("option", value="bigmem")[0]
    assert "disabled" not in outline.all("option", value="jupyter")[0]
    assert "Members only." in text


def test_numbers_that_nobody_has_counted_are_not_shown(reader: str, render: Render) -> None:
    page = start_page(make_queue(alloc=0, idle=0, down=0, total=0), problem="Slurm does not answer.")
    page["start_page"]["cluster"] |= {"taken_at": None, "age_s": None}
    text = render("spawn.html", **page)
    assert 'data-queue="jupyter"' not in text
    assert Outline(text).all("p", id="no-queues") == [{"id": "no-queues", "class": "nh-empty"}]


def test_the_choice_of_last_time_is_picked_again(reader: str, render: Render) -> None:
    page = start_page(make_queue(), CHARGED)
    page["start_page"]["choice"] = {"queue": "gpu", "time_limit": "2:30:00"}
    outline = Outline(render("spawn.html", **page))
    assert "selected" in outline.all("option", value="gpu")[0]
    assert outline.all("input", name="time_limit")[0]["value"] == "2:30:00"


def test_the_form_is_a_post_with_the_token_and_two_fields(reader: str, render: Render) -> None:
    text = render("spawn.html", **start_page(make_queue()))
    outline = Outline(text)
    (form,) = outline.all("form", method="post")
    assert "action" not in form  # JupyterHub's own would put the token into addresses
    assert outline.all("input", name="_xsrf", value="token-of-the-form")
    assert outline.all("select", name="queue")
    assert outline.all("input", name="time_limit")


@pytest.mark.parametrize(
    ("price", "english"),
    [
        (make_price(), "1 × ₩5,000 per node"),
        (make_price("gpu-hour", "1500", 4), "4 × ₩1,500 per GPU"),
        (make_price("core-hour", "0.25", 64), "64 × ₩0.25 per core"),
    ],
)
def test_prices_are_shown_in_the_sites_money_with_their_unit(
    price: dict[str, Any], english: str, reader: str, render: Render
) -> None:
    text = render("spawn.html", **start_page(make_queue("gpu", **price)))
    row = text[text.index('data-queue="gpu"') : text.index("</tbody>")]
    assert f"<b>{render_money(price['price_per_hour'], 'KRW')}</b>" in row
    assert render_money(price["price"]["amount"], "KRW") in row.split("</b>")[-1]
    if reader == "en":
        assert english in row


def test_who_has_several_accounts_chooses_with_and_without_scripts(reader: str, render: Render) -> None:
    page = start_page(CHARGED, billing=make_billing(make_account("chem"), make_account("bio")))
    page["start_page"]["choice"] = {"queue": "gpu", "time_limit": "1:00:00", "account": "bio"}
    text = render("spawn.html", **page)
    outline = Outline(text)
    (select,) = outline.all("select", name="account")
    assert not {"hidden", "disabled"} & set(select)
    assert re.findall(r"<option ?(selected)?>(\w+)<", text) == [("", "chem"), ("selected", "bio")]
    assert outline.all("label", **{"for": "account"})
    assert "<noscript>" in text


@pytest.mark.parametrize(
    ("billing", "queue", "hidden", "disabled"),
    [
        (make_billing(make_account()), CHARGED, True, False),
        (make_billing(), CHARGED, True, True),
        (None, CHARGED, True, True),
        (make_billing(make_account(), make_account("bio")), make_queue(), True, True),
    ],
)
def test_an_account_is_asked_for_only_where_there_is_a_choice(
    billing: dict[str, Any] | None, queue: dict[str, Any], hidden: bool, disabled: bool, reader: str, render: Render
) -> None:
    text = render("spawn.html", **start_page(queue, billing=billing))
    (select,) = Outline(text).all("select", name="account")
    assert ("hidden" in select, "disabled" in select) == (hidden, disabled)
    assert ('<b id="account-name">chem</b>' in text) == bool(billing and billing["accounts"])


def test_who_starts_for_somebody_else_is_not_shown_the_own_accounts(reader: str, render: Render) -> None:
    page = start_page(CHARGED, billing=make_billing(make_account()))
    assert page_data(render("spawn.html", **page))["own"] is True
    text = render("spawn.html", **page, for_user=SimpleNamespace(name="bob"))
    assert page_data(text)["own"] is False
    assert "disabled" in Outline(text).all("select", name="account")[0]


def test_the_module_gets_the_table_and_its_texts(reader: str, render: Render) -> None:
    context = start_page(make_queue(description=HOSTILE))
    data = page_data(render("spawn.html", **context))
    assert data["cluster"] == context["start_page"]["cluster"]
    assert data["xsrf"] == "token-of-the-form"
    assert data["language"] == reader
    assert all(data["messages"].values())
    assert all(data["cost_words"].values())


def test_a_failed_start_tells_why_and_offers_to_try_again(reader: str, render: Render) -> None:
    text = render("not_running.html", failed=True, ending=make_ending(), spawn_url="/hub/spawn/alice")
    for part in ("The time limit was reached.", "Start it again.", "4711", "TIMEOUT", "0:15", "gn02", "last line"):
        assert part in text
    assert Outline(text).all("a", id="start", href="/hub/spawn/alice")


def test_a_start_that_failed_over_packages_leads_to_the_environment(reader: str, render: Render) -> None:
    def links(**ending: Any) -> int:
        text = render("not_running.html", failed=True, ending=make_ending(**ending), spawn_url="/hub/spawn/alice")
        return len(Outline(text[text.index("<main") :]).all("a", href="/hub/environment"))

    assert (links(environment=True), links(environment=False)) == (1, 0)


def test_the_start_page_leads_to_ones_own_environment(reader: str, render: Render) -> None:
    page = start_page(make_queue())
    assert Outline(render("spawn.html", **page)).all("a", id="environment", href="/hub/environment")
    other = page | {"for_user": SimpleNamespace(name="bob")}
    assert not Outline(render("spawn.html", **other)).all("a", id="environment")


def test_the_environments_panel_gets_its_texts_in_the_readers_language(reader: str, render: Render) -> None:
    data = page_data(render("environment.html"))
    texts = data["catalogue"].get("Reset the notebook environment?")
    assert texts == {"en": None, "ko": ["notebook 환경을 초기화할까요?"]}[reader]
    assert data["xsrf"] == "token-of-the-form"


def test_the_control_panel_leads_to_tree_and_lab_and_stops(reader: str, render: Render) -> None:
    outline = Outline(render("home.html", **home(make_spawner(active=True, ready=True))))
    assert outline.all("a", href="/user/alice/tree")
    assert outline.all("a", href="/user/alice/lab")
    assert outline.all("button", id="stop")


@pytest.mark.parametrize(
    ("cost", "english"),
    [
        (make_cost(), "₩4,321 so far, ₩6,000 an hour"),
        (make_cost(away_since="2026-11-23T04:00:00+00:00", away_s=5400), "₩4,321 so far, ₩6,000 an hour"),
        (make_cost(free=True, so_far="0", per_hour="0", most="0", account=""), "Free of charge"),
    ],
)
def test_the_control_panel_tells_what_the_server_costs_so_far(
    cost: dict[str, Any], english: str, reader: str, render: Render
) -> None:
    text = render("home.html", **home(make_spawner(active=True, ready=True, facts={"queue": "gpu"})), cost=cost)
    if reader == "en":
        assert english in " ".join(re.sub("<[^>]+>", "", text).split())
        assert ("not charged" in text) == (cost["away_s"] > 0)
    assert ("₩4,321" in text) == (not cost["free"])
    assert page_data(text)["cost"] == cost
    assert 'id="away"' not in text


def test_the_control_panel_warns_before_a_server_is_ended_for_being_away(reader: str, render: Render) -> None:
    since, end = "2026-11-23T04:00:00+00:00", "2026-11-23T06:00:00+00:00"
    cost = make_cost(away_since=since, ends_away_at=end, warns_away=True)
    text = render("home.html", **home(make_spawner(active=True, ready=True)), cost=cost)
    notice = text[text.index('id="away"') :].split("</p>")[0]
    assert f'<time datetime="{since}">' in notice
    assert f'<time datetime="{end}">' in notice
    engines = render("home.html", **home(make_spawner(active=True, ready=True)), cost=cost | {"ends_engines": True})
    if reader == "en":
        assert "It will be ended at" in notice
        assert "Its engines will be ended at" in engines
    stopped = render("home.html", **home(make_spawner()), cost=cost)
    assert 'id="away"' not in stopped


def test_the_control_panel_of_a_stopped_server_leads_to_the_start_page(reader: str, render: Render) -> None:
    outline = Outline(render("home.html", **(home(make_spawner()) | {"url": "/hub/spawn/alice"})))
    assert outline.all("a", id="start", href="/hub/spawn/alice")
    assert not outline.all("button", id="stop")


def test_usage_is_linked_where_something_is_charged(reader: str, render: Render) -> None:
    def links(**context: Any) -> int:
        return len(Outline(render("logout.html", **context)).all("a", href="/hub/usage"))

    assert (links(), links(charging=False), links(user=None)) == (1, 0, 0)


def test_tokens_live_no_longer_than_the_site_allows(reader: str, render: Render) -> None:
    text = render("token.html", token_expires_in_max_seconds=7200, api_tokens=[], oauth_clients=[])
    assert [option["value"] for option in Outline(text).all("option")] == ["3600", ""]
    assert {"en": "2 hours", "ko": "2시간"}[reader] in text


def test_jupyterhubs_own_pages_keep_their_scripts_under_our_header(reader: str, render: Render) -> None:
    text = render("admin.html", api_page_limit=50)
    assert "require.config" in text
    assert "bootstrap.bundle" in text
    assert 'class="nh-header"' in text
    assert 'id="error-dialog"' in text
