from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
import yaml
from tests.contract.environments.breakages import find_packages, install_by_hand

from neuronhub.environments.bases import Base
from neuronhub.environments.layout import Layout
from neuronhub.environments.transfer import export_environment, import_environment
from neuronhub.errors import ConflictingState, EnvironmentFailed


def add_record(layout: Layout, name: str, channel: object) -> None:
    record = {"name": name, "version": "1", "files": [], "channel": channel}
    (layout.prefix / "conda-meta" / f"{name}-1-0.json").write_text(json.dumps(record), encoding="utf-8")


def test_channels_are_the_sites_and_those_that_packages_came_from(made: Layout) -> None:
    layout = dataclasses.replace(made, channels=("conda-forge", "file:///apps/channel"))
    add_record(layout, "a", "https://conda.anaconda.org/conda-forge/")
    add_record(layout, "b", "https://conda.anaconda.org/bioconda/")
    add_record(layout, "c", "file:///apps/channel")
    add_record(layout, "d", 3)
    add_record(layout, "e", "evil\nkey: value")
    document = yaml.safe_load(export_environment(layout))
    assert document["channels"] == ["conda-forge", "file:///apps/channel", "https://conda.anaconda.org/bioconda/"]
    assert set(document) == {"name", "channels", "dependencies"}


def test_first_state_asks_for_its_python_only(made: Layout, base: Base) -> None:
    text = export_environment(made)
    assert yaml.safe_load(text)["dependencies"] == [f"python={base.python}"]
    assert text.startswith("# ")
    assert "base 1" in text.splitlines()[0]


def test_what_cannot_be_read_is_named_in_comments(made: Layout, base: Base) -> None:
    install_by_hand(find_packages(made, base), "own", "1.0", "own", "")
    (find_packages(made, base) / "own-1.0.dist-info" / "METADATA").write_text("Name: a b\n", encoding="utf-8")
    (made.prefix / "conda-meta" / "x-1-0.json").write_text("{", encoding="utf-8")
    text = export_environment(made)
    assert yaml.safe_load(text)["dependencies"] == [f"python={base.python}"]
    assert "# Not in this file: x-1-0.json?" in text
    assert "# Not in this file: own-1.0.dist-info?" in text


def test_nothing_to_export(layout: Layout, base: Base) -> None:
    with pytest.raises(EnvironmentFailed, match="neuronhub env create"):
        export_environment(layout)


def test_an_import_touches_nothing_behind_a_link(layout: Layout, base: Base, tmp_path: Path) -> None:
    precious = tmp_path / "workspace" / ".notebook.0123abcd.new" / "results"
    precious.parent.mkdir(parents=True)
    precious.write_text("a year's work")
    layout.conda.mkdir()
    layout.envs.symlink_to(tmp_path / "workspace")
    with pytest.raises(ConflictingState, match="is a link"):
        import_environment(layout, "name: notebook\nchannels: []\ndependencies: [python]\n", lambda _progress: None)
    assert precious.read_text() == "a year's work"
