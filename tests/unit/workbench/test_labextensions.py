"""Prebuilt Lab extensions in the environment: there after a reload of the page, and never in the way of one."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.unit.workbench.hub_double import HubDouble
from tests.unit.workbench.start import Start, make_layout, make_ticket

BUILD = {"load": "static/remoteEntry.js", "extension": "./extension"}


@pytest.fixture(scope="module")
def lab(base: Path, bases: Path, hub: HubDouble, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    folder = tmp_path_factory.mktemp("lab")
    with Start(base, make_ticket(folder, hub.api_url, bases=bases), folder) as started:
        started.announcement = hub.announcements.get(timeout=30)
        yield started


@pytest.fixture
def extensions(lab: Start, bases: Path) -> Iterator[Path]:
    folder = make_layout(lab.folder, bases).prefix / "share" / "jupyter" / "labextensions"
    folder.mkdir()
    yield folder
    shutil.rmtree(folder)


def install(folder: Path, name: str, **package: Any) -> Path:
    """What pip leaves of a prebuilt extension."""
    place = folder / name
    (place / "static").mkdir(parents=True)
    (place / "schemas" / name).mkdir(parents=True)
    (place / "static" / "remoteEntry.js").write_text(f"// {name} of the environment")
    (place / "schemas" / name / "plugin.json").write_text('{"title": "Mine", "type": "object", "properties": {}}')
    described = {"name": name, "version": "1.0.0", "jupyterlab": {"_build": BUILD}, **package}
    (place / "package.json").write_text(json.dumps(described))
    return place


def open_page(lab: Start, page: str = "lab") -> list[str]:
    """The extensions that a page loads."""
    reply = lab.ask(page)
    assert reply.status == 200
    found = re.search(rb'"federated_extensions": (\[.*?\}\])', reply.body)
    return [entry["name"] for entry in json.loads(found[1])] if found else []


@pytest.mark.parametrize("name", ["flowers", "@botany/flowers"])
def test_what_is_installed_is_there_after_a_reload(lab: Start, extensions: Path, name: str) -> None:
    assert name not in open_page(lab)
    install(extensions, name)
    assert name in open_page(lab)
    assert name in open_page(lab, "tree")
    assert lab.ask(f"lab/extensions/{name}/static/remoteEntry.js").body == f"// {name} of the environment".encode()
    settings = lab.ask("lab/api/settings")
    assert settings.status == 200
    assert f"{name}:plugin" in [entry["id"] for entry in settings.json["settings"]]
    shutil.rmtree(extensions / name)
    assert name not in open_page(lab)
    assert lab.ask("lab/api/settings").status == 200


def test_extensions_of_the_base_are_never_another_ones(lab: Start, base: Path, extensions: Path) -> None:
    own = base / "share" / "jupyter" / "labextensions"
    names = [str(file.parent.relative_to(own)) for file in own.glob("@*/*/package.json")]
    assert names
    for name in names:
        install(extensions, name)
    assert sorted(open_page(lab)) == sorted(set(open_page(lab)))
    for name in names:
        page = lab.ask(f"lab/extensions/{name}/package.json")
        assert page.json["version"] == json.loads((own / name / "package.json").read_text())["version"]
        assert f"{name}:plugin" not in json.dumps(lab.ask("lab/api/settings").json)


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("package.json", ""),
        ("package.json", "{"),
        ("package.json", "[]"),
        ("package.json", '{"name": "flowers"}'),
        ("package.json", '{"name": "flowers", "version": "1", "jupyterlab": {"_build": {}}}'),
        ("package.json", '{"name": "flowers", "version": "1", "jupyterlab": {"_build": []}}'),
        ("package.json", '{"name": "flowers", "version": "1", "jupyterlab": []}'),
        ("package.json", '{"name": "other", "version": "1", "jupyterlab": {"_build": {"load": "x"}}}'),
        (
            "package.json",
            '{"name": "flowers", "version": "1", "jupyterlab": {"_build": {"load": "x"}}, "repository": "a url"}',
        ),
        ("package.json", '\ufeff{"name": "flowers", "version": "1", "jupyterlab": {"_build": {"load": "x"}}}'),
        ("package.json", '{"name": "flowers", "version": "1", "jupyterlab": {"_build": {"load": 5}}}'),
        (
            "package.json",
            '{"name": "flowers", "version": "1", "jupyterlab": {"_build": {"load": "x"}, "disabledExtensions": 5}}',
        ),
        (
            "package.json",
            '{"name": "flowers", "version": "1", "jupyterlab": {"_build": {"load": "x"}, "disabledExtensions": [[]]}}',
        ),
        ("static/schemas/plugin.json", "{"),
        ("schemas/flowers/schemas/plugin.json", '{"type": "object"}'),
        ("install.json", "{"),
        ("schemas/flowers/plugin.json", "{"),
        ("schemas/flowers/plugin.json", '{"type": "no such type"}'),
    ],
)
def test_one_that_is_broken_is_left_out(lab: Start, extensions: Path, file: str, text: str) -> None:
    install(extensions, "sound")
    install(extensions, "flowers")
    (extensions / "flowers" / file).parent.mkdir(exist_ok=True)
    (extensions / "flowers" / file).write_text(text)
    for page in ("lab", "tree"):
        assert "flowers" not in open_page(lab, page)
        assert "sound" in open_page(lab, page)
    assert lab.ask("lab/api/settings").status == 200
    assert "the extension flowers in" in lab.log.read_text()


def test_folders_that_lead_in_circles_are_left_out(lab: Start, extensions: Path) -> None:
    install(extensions, "sound")
    for name in ("a", "b"):
        (install(extensions, f"circle-{name}") / name).symlink_to("..")
    assert "sound" in open_page(lab)
    assert lab.ask("lab/api/settings").status == 200


def test_pages_open_whatever_lies_in_the_place_of_the_links(lab: Start, extensions: Path) -> None:
    install(extensions, "sound")
    assert "sound" in open_page(lab)
    (place,) = (lab.folder / "home").rglob("neuronhub-labextensions")
    (place / "sound").unlink()
    (place / "sound").mkdir()
    (place / "other").mkdir()
    assert "sound" in open_page(lab)
    shutil.rmtree(place)
    place.touch()
    assert "sound" not in open_page(lab)
    place.unlink()
    assert "sound" in open_page(lab)


@pytest.mark.parametrize("text", ["", "{", "[1]", '{"disabledExtensions": {"sound": true}}'])
def test_settings_of_pages_that_cannot_be_read_are_left_out(lab: Start, extensions: Path, text: str) -> None:
    install(extensions, "sound")
    file = lab.folder / "home" / ".jupyter" / "labconfig" / "page_config.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    for page in ("lab", "tree"):
        assert "sound" in open_page(lab, page)
        disabled = re.search(r'"disabledExtensions": \[[^\]]*"sound"', lab.ask(page).body.decode())
        assert (disabled is not None) is text.startswith('{"')
    file.unlink()


def test_what_is_no_extension_is_left_alone(lab: Start, extensions: Path) -> None:
    install(extensions, "sound")
    (extensions / "README").write_text("a file")
    (extensions / "@empty").mkdir()
    (extensions / "loop").symlink_to("loop")
    (extensions / "@file").write_text("a file")
    assert "sound" in open_page(lab)


def test_the_panel_of_ipyparallel_is_not_shown(lab: Start) -> None:
    page = lab.ask("lab").body.decode()
    assert re.search(r'"disabledExtensions": \[[^\]]*"ipyparallel-labextension"', page)
    assert lab.ask("ipyparallel/clusters").status == 404
