from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from neuronhub.environments.profile import PLACE, SETTINGS, ensure_profile
from neuronhub.errors import EnvironmentFailed


def test_made_once_and_never_changed(tmp_path: Path) -> None:
    assert ensure_profile(tmp_path)
    settings = tmp_path / PLACE / SETTINGS
    assert list(settings.parent.iterdir()) == [settings]
    settings.write_text("# mine")
    assert not ensure_profile(tmp_path)
    assert settings.read_text() == "# mine"


def test_engines_are_jobs_and_strangers_are_kept_out(tmp_path: Path) -> None:
    ensure_profile(tmp_path)
    config = SimpleNamespace(Cluster=SimpleNamespace())
    exec((tmp_path / PLACE / SETTINGS).read_text(), {"get_config": lambda: config})
    assert vars(config.Cluster) == {
        "engine_launcher_class": "slurm",
        "controller_ip": "*",
        "controller_args": ["--IPController.enable_curve=True"],
    }


def test_the_users_other_profiles_stay(tmp_path: Path) -> None:
    other = tmp_path / ".ipython" / "profile_default" / "ipython_config.py"
    other.parent.mkdir(parents=True)
    other.write_text("mine")
    ensure_profile(tmp_path)
    assert other.read_text() == "mine"


@pytest.mark.parametrize("place", [PLACE, PLACE.parent])
def test_what_is_in_the_way_is_told(tmp_path: Path, place: Path) -> None:
    (tmp_path / place).parent.mkdir(exist_ok=True)
    (tmp_path / place).write_text("a file")
    with pytest.raises(EnvironmentFailed, match="profile"):
        ensure_profile(tmp_path)
