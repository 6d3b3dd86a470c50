"""``neuronhub check``: each thing that is wrong is named in a line of its own, and nothing else is hidden by it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.unit.environments.handmade import make_base

from neuronhub.cli import cli


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


def test_the_active_base_is_named(tmp_path: Path) -> None:
    base = make_base(tmp_path / "bases", "7")
    base.interpreter.touch(0o755)
    result = CliRunner().invoke(cli, ["check", "--site", str(write_site(tmp_path))])
    assert f"ok      base environment: 7, with Python {base.python}, in {base.path}" in result.output
    base.interpreter.chmod(0o644)
    result = CliRunner().invoke(cli, ["check", "--site", str(tmp_path / "site.toml")])
    assert f"WRONG   base environment: {base.interpreter} cannot be run here" in result.output


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
