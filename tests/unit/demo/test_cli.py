"""The command, as far as it can be tried without starting a site."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from neuronhub.demo import installation
from neuronhub.demo.cli import demo, render_entry
from neuronhub.demo.errors import DemoError
from neuronhub.demo.inside import Options
from neuronhub.language import find_locale_language


def refusal(*arguments: str) -> str:
    """What the command says when it will not start."""
    result = CliRunner().invoke(demo, arguments)
    assert isinstance(result.exception, DemoError), result.output
    return str(result.exception)


def test_a_missing_part_is_named_with_its_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(installation.PACKAGES, "/usr/sbin/nosuchd", "nosuch-server")
    said = refusal("--state", str(tmp_path / "state"))
    assert "/usr/sbin/nosuchd" in said
    assert "apt-get install --no-install-recommends nosuch-server" in said
    assert not (tmp_path / "state").exists()


def test_without_root_nothing_is_begun(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert "needs root" in refusal("--state", str(tmp_path / "state"))


def test_a_folder_without_an_active_base_is_named(tmp_path: Path) -> None:
    said = refusal("--state", str(tmp_path / "state"), "--bases", str(tmp_path / "nowhere"))
    assert str(tmp_path / "nowhere") in said


def test_a_python_that_others_cannot_run_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    (closed / "bin").mkdir(parents=True)
    (closed / "bin" / "python3.11").write_text("")
    closed.chmod(0o700)
    environment = tmp_path / "environment"
    (environment / "bin").mkdir(parents=True)
    (environment / "bin" / "python").symlink_to(closed / "bin" / "python3.11")
    monkeypatch.setattr(sys, "prefix", str(environment))
    with pytest.raises(DemoError, match="Other users cannot run"):
        installation.find_binds(environment)


def test_a_command_inside_is_run_as_the_user_with_the_users_groups() -> None:
    argv, environment = render_entry(17, "alice", ["squeue", "--me"])
    assert argv[0] == "/usr/bin/nsenter"
    assert argv[-2:] == ["squeue", "--me"]
    assert {"--target=17", "--reuid=alice", "--regid=researchers", "--init-groups", "HOME=/home/alice"} <= set(argv)
    assert "SLURM_CONF" not in environment
    assert "--reuid=neuronhub" in render_entry(17, "neuronhub", ["true"])[0]
    assert not [word for word in render_entry(17, None, ["true"])[0] if word.startswith("--reuid")]


@pytest.mark.parametrize("arguments", [["status"], ["otp", "alice"], ["restart", "hub"], ["exec", "true"]])
def test_without_a_site_the_others_say_so(arguments: list[str], tmp_path: Path) -> None:
    assert f"No embedded site runs on {tmp_path}" in refusal(*arguments[:1], "--state", str(tmp_path), *arguments[1:])
    assert f"No embedded site runs on {tmp_path}" in refusal("--state", str(tmp_path), *arguments)


@pytest.mark.parametrize(
    ("variables", "language"),
    [
        ({"LANG": "ko_KR.UTF-8"}, "ko"),
        ({"LANG": "ko_KR.UTF-8", "LC_ALL": "C.UTF-8"}, "en"),
        ({"LC_MESSAGES": "ko"}, "ko"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
        ({}, "en"),
    ],
)
def test_the_terminals_language_is_spoken(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], language: str
) -> None:
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert find_locale_language() == language


def test_options_reach_the_site_unchanged() -> None:
    options = Options("/var/lib/demo", 8000, True, ("hub", "slapd"), "ko")
    assert Options.from_json(options.to_json()) == options
