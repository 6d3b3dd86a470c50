"""TensorBoards by REST and their pages, in a started server of a user who has an environment."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import pytest
from tests.unit.workbench.start import Reply, Start

LIST = "neuronhub/tensorboards"
ROOT = "/user/alice/"


@pytest.fixture(scope="module")
def workspace(server: Start) -> Path:
    workspace = Path(server.ticket.workspace)
    for name in ("logs", "한글 폴더"):
        (workspace / name).mkdir()
    return workspace


def order(server: Start, folder: object, language: str = "en") -> Reply:
    return server.ask(f"{LIST}?language={language}", method="POST", data={"folder": folder})


def find_page(reply: Reply) -> str:
    """The board's address below the server's."""
    url = str(reply.json["url"])
    assert url.startswith(ROOT)
    return url.removeprefix(ROOT)


def test_N2_a_board_is_started_found_listed_shown_and_shut_down(server: Start, workspace: Path) -> None:
    started = order(server, "logs")
    assert started.status == 201
    assert started.json["folder"] == "logs"
    assert order(server, "/logs/").status == 200
    assert server.ask(LIST).json == [started.json]
    page = find_page(started)
    assert b"<title>TensorBoard</title>" in server.ask(page).body
    assert "scalars" in server.ask(f"{page}data/plugins_listing").json
    one = f"{LIST}/{started.json['id']}"
    assert server.ask(one, method="DELETE").status == 204
    assert server.ask(one, method="DELETE").status == 404
    assert server.ask(page).status == 404
    assert server.ask(LIST).json == []


def test_a_folder_with_a_korean_name_and_the_workspace_itself(server: Start, workspace: Path) -> None:
    for folder in ("한글 폴더", ""):
        started = order(server, folder)
        assert started.status == 201
        assert started.json["folder"] == folder
        page = find_page(started)
        assert quote(page) == page
        where = server.ask(f"{page}data/environment").json["data_location"]
        assert where == str(workspace / folder)
        assert server.ask(f"{LIST}/{started.json['id']}", method="DELETE").status == 204


@pytest.mark.parametrize(
    ("folder", "language", "words"),
    [
        ("gone", "en", "no folder gone in your workspace"),
        ("gone", "ko", "작업 디렉터리에 gone 폴더가"),
        ("../elsewhere", "en", "folders of your workspace only"),
        ("../elsewhere", "ko", "작업 디렉터리 안의 폴더만"),
    ],
)
def test_refusals_are_told_in_the_page_s_language(
    server: Start, workspace: Path, folder: str, language: str, words: str
) -> None:
    refused = order(server, folder, language)
    assert refused.status == 400
    assert words in refused.json["message"]


def test_bodies_that_make_no_sense_start_nothing(server: Start) -> None:
    bodies: list[object] = [[], {}, {"folder": 1}, {"folder": "logs", "port": 80}]
    for body in bodies:
        assert server.ask(LIST, method="POST", data=body).status == 400
    assert server.ask(LIST).json == []


def test_nobody_else_sees_starts_or_ends_one(server: Start, workspace: Path) -> None:
    started = order(server, "logs")
    one = f"{LIST}/{started.json['id']}"
    for token in ("", "somebody-elses"):
        assert server.ask(LIST, token=token).status == 403
        assert server.ask(LIST, method="POST", data={"folder": ""}, token=token).status == 403
        assert server.ask(one, method="DELETE", token=token).status == 403
        page = server.ask(find_page(started) + "data/plugins_listing", token=token)
        assert page.status != 200, "a browser is sent to the hub, which this site does not have"
        assert b"scalars" not in page.body
    assert [board["id"] for board in server.ask(LIST).json] == [started.json["id"]]
    assert server.ask(one, method="DELETE").status == 204
