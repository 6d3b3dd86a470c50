"""``neuronhub check``: each thing that is wrong is named in a line of its own, and nothing else is hidden by it."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.unit.environments.handmade import make_base

from neuronhub.cli import cli

DEPLOY = Path(__file__).parents[3] / "deploy"


def write_site(tmp_path: Path) -> Path:
    """A site file whose secrets and base are below ``tmp_path``; nothing of it is there."""
    (tmp_path / "site.toml").write_text(
        f"""
[hub]
public_url = "https://127.0.0.1:1/"
proxy_api_url = "http://127.0.0.1:1"
proxy_token_file = "{tmp_path}/proxy-token"
cookie_secret_file = "{tmp_path}/cookie-secret"
start_key_file = "{tmp_path}/start-key"
state_dir = "{tmp_path}/none"
[places]
bases = "{tmp_path}/bases"
[slurm]
bin_dir = "{tmp_path}/bin"
sudo = "/bin/false"
[[queues]]
name = "jupyter"
"""
    )
    return tmp_path / "site.toml"


def test_a_site_where_nothing_answers(tmp_path: Path) -> None:
    site_file = write_site(tmp_path)
    for name in ("proxy-token", "start-key"):
        (tmp_path / name).write_text("x" * 40)
        (tmp_path / name).chmod(0o600)
    result = CliRunner().invoke(cli, ["check", "--site", str(site_file)])
    assert result.exit_code == 1
    wrong = [line.split()[1].rstrip(":") for line in result.output.splitlines() if line.startswith("WRONG")]
    assert wrong == ["secrets", "state", "proxy", "Slurm", "queues", "sudo", "base"]
    assert "has no active base" in result.output


def check(folder: Path) -> str:
    return CliRunner().invoke(cli, ["check", "--site", str(write_site(folder))]).output


def test_the_active_base_is_named_and_open_to_users() -> None:
    with tempfile.TemporaryDirectory() as place:  # pytest's own folders are closed to others
        folder = Path(place)
        folder.chmod(0o755)
        base = make_base(folder / "bases", "7")
        base.interpreter.touch()
        base.interpreter.chmod(0o755)
        assert f"ok      base environment: 7, with Python {base.python}, in {base.path}" in check(folder)
        base.interpreter.chmod(0o750)
        assert f"WRONG   base environment: {base.interpreter} is closed to users" in check(folder)
        base.interpreter.chmod(0o644)
        assert f"WRONG   base environment: {base.interpreter} cannot be run here" in check(folder)
        base.interpreter.chmod(0o755)
        base.path.parent.chmod(0o750)
        assert f"WRONG   base environment: {base.path.parent} is closed to users" in check(folder)


@pytest.mark.parametrize(
    ("left_out", "told"),
    [
        ("", "ok      sudo: sbatch, scancel, sstat, tail"),
        ("/usr/bin/sstat", "/sstat"),
        ("export -", "env export - --json"),
        ("reset --json --language ko", "env reset"),
    ],
)
def test_sudo_has_to_know_every_command(tmp_path: Path, left_out: str, told: str) -> None:
    rules = (DEPLOY / "sudoers.d" / "neuronhub").read_text()
    if left_out:
        assert left_out in rules
        rules = rules.replace(left_out, "")
    for there, here in (
        ("/apps/jupyter", tmp_path),
        ("/etc/neuronhub", tmp_path),
        ("/usr/bin/s", tmp_path / "bin" / "s"),
    ):
        rules = rules.replace(there, str(here))
    (tmp_path / "rules").write_text(rules)
    site = write_site(tmp_path)
    sudo = tmp_path / "sudo"
    sudo.write_text(f"#!/bin/sh\nexec cat {tmp_path}/rules\n")
    sudo.chmod(0o755)
    site.write_text(site.read_text().replace("/bin/false", str(sudo)) + "[billing]\n")
    output = CliRunner().invoke(cli, ["check", "--site", str(site)]).output
    assert told in next(line for line in output.splitlines() if " sudo: " in line)


def test_no_site_file_is_one_line(tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "neuronhub.cli", "--site", str(tmp_path / "none.toml"), "check"]
    done = subprocess.run(argv, text=True, capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    "argv", [["--help"], ["up", "--help"], ["check", "--help"], ["otp", "--help"], ["demo", "--help"]]
)
def test_help_is_there_for_everything(argv: list[str]) -> None:
    result = CliRunner().invoke(cli, argv)
    assert result.exit_code == 0
    assert "Usage:" in result.output
