from __future__ import annotations

import json
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from neuronhub.environments.origins import read_origin
from neuronhub.environments.packages import Installed
from neuronhub.environments.types import Package

DIGEST = "ab" * 32


def installed(folder: Path, data: object = None) -> Installed:
    if data is not None:
        (folder / "direct_url.json").write_text(json.dumps(data), encoding="utf-8")
    return Installed(Package("tool", "1.0", 0, "pip"), folder)


def test_package_of_an_index_has_a_version(tmp_path: Path) -> None:
    assert read_origin(installed(tmp_path)).requirement == "tool==1.0"


@pytest.mark.parametrize(
    ("data", "url"),
    [
        (
            {"url": "https://example.org/tool.git", "vcs_info": {"vcs": "git", "commit_id": "abc123"}},
            "git+https://example.org/tool.git@abc123",
        ),
        (
            {"url": "ssh://git@example.org/t", "vcs_info": {"vcs": "git", "commit_id": "a"}, "subdirectory": "sub/dir"},
            "git+ssh://git@example.org/t@a#subdirectory=sub/dir",
        ),
        ({"url": "https://example.org/t.whl", "archive_info": {}}, "https://example.org/t.whl"),
        (
            {"url": "https://example.org/t.tar.gz", "archive_info": {"hashes": {"sha256": DIGEST}}},
            f"https://example.org/t.tar.gz#sha256={DIGEST}",
        ),
    ],
)
def test_package_of_a_url_is_had_from_there_again(tmp_path: Path, data: object, url: str) -> None:
    requirement = read_origin(installed(tmp_path, data)).requirement
    assert requirement == f"tool @ {url}"
    assert Requirement(requirement).url == url


@pytest.mark.parametrize(
    ("data", "place"),
    [
        ({"url": "file:///home/alice/tool", "dir_info": {"editable": True}}, "file:///home/alice/tool"),
        ({"url": "file:///tmp/tool.whl", "archive_info": {}}, "file:///tmp/tool.whl"),
        ({"url": "https://example.org/a b", "archive_info": {}}, "https://example.org/a b"),
        ({"url": "https://example.org/t\nx", "archive_info": {}}, "https://example.org/t?x"),
        ({"url": "https://example.org/t"}, "https://example.org/t"),
        ({"url": "https://e.org/t", "vcs_info": {"vcs": "git", "commit_id": "a b"}}, "https://e.org/t"),
        ({"url": "https://e.org/t", "vcs_info": {"vcs": "rm", "commit_id": "a"}}, "https://e.org/t"),
    ],
)
def test_package_of_a_place_that_a_file_cannot_name(tmp_path: Path, data: object, place: str) -> None:
    origin = read_origin(installed(tmp_path, data))
    assert (origin.requirement, origin.place) == ("", place)


@pytest.mark.parametrize("data", [[], {"url": 3}, {}])
def test_place_that_is_not_told(tmp_path: Path, data: object) -> None:
    origin = read_origin(installed(tmp_path, data))
    assert origin.requirement == ""
    assert origin.place
