"""pip, run for an import or a rebuild: what it sees of its user's own settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from neuronhub.environments.pip_runs import install_requirements


def test_what_is_installed_in_the_home_folder_counts_for_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Elsewhere it is not there: kernels do not see it either."""
    for folder in ("bin", "conda-meta"):
        (tmp_path / folder).mkdir()
    python = tmp_path / "bin" / "python"
    python.write_text(f"#!/bin/sh\nenv >{tmp_path}/seen\n")
    python.chmod(0o755)
    for name in ("PYTHONPATH", "PIP_TARGET", "PIP_USER", "VIRTUAL_ENV"):
        monkeypatch.setenv(name, "/elsewhere")
    monkeypatch.setenv("PIP_INDEX_URL", "https://mine")
    install_requirements(tmp_path, ["six"], lambda _line: None)
    seen = dict(line.split("=", 1) for line in (tmp_path / "seen").read_text().splitlines())
    assert {name: seen.get(name) for name in ("PYTHONNOUSERSITE", "PIP_USER", "PIP_INDEX_URL")} == {
        "PYTHONNOUSERSITE": "1",
        "PIP_USER": "0",
        "PIP_INDEX_URL": "https://mine",
    }
    assert not {"PYTHONPATH", "PIP_TARGET", "VIRTUAL_ENV"} & set(seen)
