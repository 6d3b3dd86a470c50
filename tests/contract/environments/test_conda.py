"""conda's commands on real packages: in layered environments on a small real base, and as a user of the whole site."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.embedded import RunningSite

from neuronhub.environments.conda.contents import read_contents
from neuronhub.environments.conda.listing import list_packages
from neuronhub.environments.conda.solving import plan_removal, plan_update
from neuronhub.environments.conda.transaction import carry_out, install_packages, read_unfinished
from neuronhub.environments.layout import Layout
from neuronhub.environments.operations import ensure_environment
from neuronhub.environments.owned_files import list_owned_files
from neuronhub.environments.solution import Source
from neuronhub.environments.types import Progress

pytestmark = pytest.mark.contract

E4 = "pytensor keras graphviz numpy scipy scikit-learn matplotlib pandas pydot"
INSTALL = """
import sys
from pathlib import Path
from neuronhub.environments.conda.transaction import install_packages
from neuronhub.environments.layout import Layout
conda, bases, channel, *specs = sys.argv[1:]
layout = Layout(Path(conda), Path(bases), "layered", (channel,), {}, None)
install_packages(layout, layout.prefix, specs, lambda progress: None)
"""


def ignore(_progress: Progress) -> None:
    pass


@pytest.fixture
def layout(mini_bases: Path, channel: Path, tmp_path: Path) -> Layout:
    """A user's new layered environment."""
    made = Layout(tmp_path / ".conda", mini_bases, "layered", (channel.as_uri(),), {}, None)
    ensure_environment(made, ignore)
    return made


def install(layout: Layout, *specs: str) -> None:
    install_packages(layout, layout.prefix, specs, ignore)


def installation(layout: Layout, *specs: str) -> list[str]:
    """The same as a process of its own."""
    return [sys.executable, "-c", INSTALL, str(layout.conda), str(layout.bases), layout.channels[0], *specs]


def remove(layout: Layout, *names: str) -> None:
    plan = plan_removal(read_contents(layout.prefix), names)
    carry_out(plan, layout, Source(layout.channels, layout.mirrors, layout.conda), ignore)


def run(layout: Layout, *words: str) -> str:
    """Run a program of the environment; returns what it printed."""
    done = subprocess.run(
        [layout.prefix / "bin" / words[0], *words[1:]], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_an_older_version_hides_the_bases_until_it_goes(layout: Layout) -> None:
    newer = run(layout, "python", "-c", "import six; print(six.__version__)")
    install(layout, "six=1.16")
    assert run(layout, "python", "-c", "import six; print(six.__version__)") == "1.16.0"
    run(layout, "python", "-c", "import ipykernel.kernelapp, dateutil.parser")
    plan = plan_update(read_contents(layout.prefix), ["six"], Source(layout.channels, {}, layout.conda))
    carry_out(plan, layout, Source(layout.channels, {}, layout.conda), ignore)
    assert run(layout, "python", "-c", "import six; print(six.__version__)") == newer
    install(layout, "six=1.16")
    remove(layout, "six")
    assert run(layout, "python", "-c", "import six; print(six.__version__)") == newer
    assert not [line for line in list_packages(layout.prefix) if line.channel != "base"]


def test_commands_of_packages_run_the_environments_python(layout: Layout) -> None:
    install(layout, "tqdm=4.66", "pydot")
    assert run(layout, "tqdm", "--version") == "4.66.6"
    assert (layout.prefix / "bin" / "tqdm").read_text().startswith(f"#!{layout.prefix}/bin/python")


def test_of_what_pip_has_put_there_conda_leaves_nothing(layout: Layout, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "pyproject.toml").write_text(
        '[project]\nname = "tqdm"\nversion = "0.1"\n[tool.setuptools]\npy-modules = ["tqdm"]'
    )
    (source / "tqdm.py").write_text("old = 1\n")
    site_packages = Path(run(layout, "python", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"))
    install(layout, "setuptools", "wheel")
    run(layout, "python", "-m", "pip", "install", "--no-index", "--no-build-isolation", str(source))
    assert (site_packages / "tqdm.py").exists()
    install(layout, "tqdm")
    assert not (site_packages / "tqdm.py").exists()
    assert [path.name for path in site_packages.glob("tqdm-*.dist-info")] == [
        f"tqdm-{run(layout, 'tqdm', '--version')}.dist-info"
    ]
    assert "tqdm" in run(layout, "python", "-m", "pip", "list")


def test_after_a_kill_the_same_command_makes_it_whole(layout: Layout) -> None:
    argv = installation(layout, "pytensor", "pydot")
    records = layout.prefix / "conda-meta"
    with subprocess.Popen(argv) as process:
        while len(list(records.glob("*.json"))) < 4 and process.poll() is None:
            time.sleep(0.005)
        process.kill()
    assert process.returncode == -signal.SIGKILL
    assert read_unfinished(layout.prefix).names
    install(layout, "pytensor", "pydot")
    assert run(layout, "python", "-c", "import pytensor.tensor, pydot, numpy, scipy.stats; print('whole')") == "whole"
    assert not read_unfinished(layout.prefix).names
    site_packages = layout.prefix / "lib/python3.11/site-packages"
    owned = list_owned_files(layout.prefix, site_packages)
    files = {str(path.relative_to(layout.prefix)) for path in site_packages.rglob("*") if path.is_file()}
    assert {file for file in files - owned if "__pycache__" not in file} == {
        "lib/python3.11/site-packages/neuronhub-base.pth"
    }


def test_what_cannot_be_undone_by_a_kill_is_swept_away_by_another_command(layout: Layout) -> None:
    argv = installation(layout, "pytensor")
    records = layout.prefix / "conda-meta"
    with subprocess.Popen(argv) as process:
        while len(list(records.glob("*.json"))) < 2 and process.poll() is None:
            time.sleep(0.005)
        process.kill()
    install(layout, "six=1.16")
    for name in {path.name for path in (layout.prefix / "lib/python3.11/site-packages").glob("*.dist-info")}:
        dist = name.split("-")[0].replace("_", "-").lower()
        assert list(records.glob(f"{dist}-*.json")), name


def test_two_at_once_are_one_after_the_other(layout: Layout) -> None:
    with (
        subprocess.Popen(installation(layout, "pydot")) as first,
        subprocess.Popen(installation(layout, "tqdm")) as second,
    ):
        assert (first.wait(60), second.wait(60)) == (0, 0)
    assert {"pydot", "tqdm"} <= set(read_contents(layout.prefix).own)


def test_e2_e4_a_user_installs_packages_on_a_login_node(site: RunningSite) -> None:
    site.run_inside(["/apps/jupyter/bases/current/bin/neuronhub", "env", "create"], user="u38")

    def run_login(text: str) -> str:
        return site.run_inside(["bash", "-lc", f"set -e; PS1='$ '; {text}"], user="u38").stdout

    prefix = "/scratch/u38/.conda/envs/notebook"
    assert run_login('conda activate notebook; echo "$PS1|$CONDA_PREFIX|$(command -v python)"') == (
        f"(notebook) $ |{prefix}|{prefix}/bin/python\n"
    )
    begin = time.monotonic()
    run_login(f"conda activate notebook; conda install {E4} -y")
    assert time.monotonic() - begin < 30
    names = "pytensor, keras, graphviz, numpy, scipy, sklearn, matplotlib, pandas, pydot"
    assert run_login(f"conda activate notebook; python -c 'import {names}; print(pytensor.__file__)'").startswith(
        prefix
    )
    listed = json.loads(run_login("conda activate notebook; conda list --json"))
    channels = {line["name"]: line["channel"] for line in listed}
    assert (channels["pytensor"], channels["numpy"]) == ("channel", "base")
    assert re.search(r"^pytensor ", run_login("conda search pytensor"), re.MULTILINE)
    refused = site.run_inside(
        ["bash", "-lc", "conda activate notebook; conda install theano -y"], user="u38", check=False
    )
    assert refused.returncode == 1
    assert "pytensor" in refused.stderr


def test_a_job_finds_conda_without_start_up_files(site: RunningSite) -> None:
    site.run_inside(["/apps/jupyter/bases/current/bin/neuronhub", "env", "create"], user="u39")
    text = ". /apps/jupyter/bases/current/etc/profile.d/neuronhub.sh; conda activate notebook; command -v python"
    for shell in "bash", "zsh", "dash":
        assert (
            site.run_inside([shell, "-c", text], user="u39").stdout == "/scratch/u39/.conda/envs/notebook/bin/python\n"
        )
