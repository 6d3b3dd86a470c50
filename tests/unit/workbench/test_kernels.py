"""Kernels belong to the notebook environment: which there are, what they see, and what is said when one fails."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.unit.workbench.hub_double import HubDouble
from tests.unit.workbench.kernel_client import run_cell, start_session
from tests.unit.workbench.start import Start, make_layout, make_ticket

STOP_LIMIT_S = 2.5
"""After it a server ends whatever still goes on."""
SEEN = """
import json, os, sys, ipykernel
names = ("CONDA_PREFIX", "CONDA_DEFAULT_ENV", "PYTHONNOUSERSITE", "VIRTUAL_ENV", "SLURM_JOB_ID")
print(json.dumps({
    "prefix": sys.prefix, "executable": sys.executable, "ipykernel": ipykernel.__file__, "path": sys.path,
    "PATH": os.environ["PATH"], **{name: os.environ.get(name) for name in names},
}))
"""


@pytest.fixture(scope="module")
def own(base: Path, bases: Path, hub: HubDouble, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """A server whose environment these tests break and mend."""
    folder = tmp_path_factory.mktemp("own")
    with Start(base, make_ticket(folder, hub.api_url, bases=bases), folder) as started:
        started.announcement = hub.announcements.get(timeout=30)
        yield started


@pytest.fixture(scope="module")
def prefix(own: Start, bases: Path) -> Path:
    return make_layout(own.folder, bases).prefix


@pytest.fixture
def packages(prefix: Path) -> Path:
    [folder] = prefix.glob("lib/python3*/site-packages")
    return folder


@pytest.fixture
def broken(packages: Path) -> Iterator[Path]:
    """The environment with an ipykernel that pip has broken."""
    module = packages / "ipykernel_launcher.py"
    module.write_text("raise ImportError('cannot import name half of it, 50% gone')\n")
    yield module
    module.unlink(missing_ok=True)


def write_spec(folder: Path, **values: Any) -> None:
    folder.mkdir(parents=True)
    (folder / "kernel.json").write_text(json.dumps({"display_name": "X", "language": "x", "argv": ["x"], **values}))


def list_kernels(server: Start) -> dict[str, Any]:
    found = server.ask("api/kernelspecs").json
    assert found["default"] == "python3"
    return {name: entry["spec"] for name, entry in found["kernelspecs"].items()}


def test_python_3_is_the_environments(own: Start, prefix: Path, base: Path) -> None:
    session = start_session(own)
    assert session.status == 201
    seen = json.loads(run_cell(own, session.json["kernel"]["id"], SEEN))
    assert seen["prefix"] == str(prefix)
    assert seen["executable"] == str(prefix / "bin" / "python")
    assert Path(seen["ipykernel"]).is_relative_to(base)
    assert not [folder for folder in seen["path"] if str(own.folder / "home") in folder]
    assert seen["PATH"].split(":")[0] == str(prefix / "bin")
    assert seen["CONDA_PREFIX"] == str(prefix)
    assert (seen["CONDA_DEFAULT_ENV"], seen["PYTHONNOUSERSITE"], seen["SLURM_JOB_ID"]) == ("notebook", "1", "42")
    assert seen["VIRTUAL_ENV"] is None


def test_a_kernel_sees_what_conda_packages_set_for_themselves(own: Start, prefix: Path) -> None:
    scripts = prefix / "etc" / "conda" / "activate.d"
    scripts.mkdir(parents=True)
    (scripts / "proj.sh").write_text(
        'if [[ -n $CONDA_PREFIX ]]; then export PROJ_DATA="$CONDA_PREFIX/share/proj"; fi\n'
    )
    kernel = start_session(own).json["kernel"]["id"]
    code = "import os; print(os.environ['PROJ_DATA'], [name for name in os.environ if 'neuronhub_script' in name])"
    assert run_cell(own, kernel, code) == f"{prefix}/share/proj []\n"
    (scripts / "proj.sh").unlink()
    assert list_kernels(own)["python3"]["argv"][0] == str(prefix / "bin" / "python")


def test_what_is_installed_is_there_at_once(own: Start, packages: Path) -> None:
    kernel = start_session(own).json["kernel"]["id"]
    assert "ModuleNotFoundError" in run_cell(own, kernel, "import fresh")
    (packages / "fresh.py").write_text("word = 'it is here'\n")
    assert run_cell(own, kernel, "import fresh; print(fresh.word)") == "it is here\n"


def test_there_is_one_python_3_whatever_ipykernel_leaves_where(own: Start, prefix: Path) -> None:
    home = own.folder / "home"
    for place in (prefix / "share", home / ".local" / "share"):
        folder = place / "jupyter" / "kernels" / "python3"
        if not folder.exists():
            write_spec(folder, display_name="Python 3 (ipykernel)", argv=["/nowhere/python"])
    kernels = list_kernels(own)
    assert [spec["display_name"] for spec in kernels.values()].count("Python 3") == 1
    assert next(iter(kernels)) == "python3"
    assert kernels["python3"]["argv"][0] == str(prefix / "bin" / "python")
    assert not [spec for spec in kernels.values() if "ipykernel" in spec["display_name"]]


def test_other_kernels_of_the_environment_appear_with_its_name(own: Start, prefix: Path) -> None:
    folder = prefix / "share" / "jupyter" / "kernels"
    write_spec(folder / "ir", display_name="R", language="R", argv=["{prefix}/bin/R", "{connection_file}"])
    write_spec(folder / "bash", display_name="Bash", argv=["python", "-m", "bash_kernel"], env={"A": "1"})
    kernels = list_kernels(own)
    assert kernels["ir"]["display_name"] == "R (notebook)"
    assert kernels["ir"]["argv"] == [f"{prefix}/bin/R", "{connection_file}"]
    assert kernels["bash"]["argv"][0] == str(prefix / "bin" / "python")
    assert kernels["bash"]["env"] == {
        "A": "1",
        "CONDA_PREFIX": str(prefix),
        "CONDA_DEFAULT_ENV": "notebook",
        "PYTHONNOUSERSITE": "1",
    }


def test_kernels_that_the_user_has_added_by_hand_stay_as_they_are(own: Start) -> None:
    folder = own.folder / "home" / ".local" / "share" / "jupyter" / "kernels"
    write_spec(folder / "mine", display_name="Python (my own)", argv=["/opt/mine/python", "-m", "ipykernel_launcher"])
    assert list_kernels(own)["mine"]["argv"] == ["/opt/mine/python", "-m", "ipykernel_launcher"]
    assert list_kernels(own)["mine"]["display_name"] == "Python (my own)"


def test_an_older_ipykernel_gets_no_encrypted_connection(own: Start, prefix: Path) -> None:
    assert list_kernels(own)["python3"]["metadata"] == {"debugger": True, "supported_encryption": ["curve"]}
    file = prefix / "share" / "jupyter" / "kernels" / "python3" / "kernel.json"
    kept = os.readlink(file) if file.is_symlink() else file.read_text()
    file.unlink()
    file.write_text('{"metadata": {"debugger": true, "kernel_provisioner": {"provisioner_name": "none"}}}')
    assert list_kernels(own)["python3"]["metadata"] == {"debugger": True}
    file.write_text('{"metadata": null}')
    assert list_kernels(own)["python3"]["metadata"] == {}
    file.write_text("{")
    assert list_kernels(own)["python3"]["metadata"]["supported_encryption"] == ["curve"]
    file.write_text(kept)


def test_without_an_environment_a_kernel_says_so_at_once(own: Start, prefix: Path) -> None:
    prefix.rename(prefix.with_name("away"))
    try:
        began = time.monotonic()
        reply = start_session(own)
        assert time.monotonic() - began < 1
        assert reply.status == 500
        assert reply.json["message"].startswith("There is no notebook environment. Open Environment and press Create,")
        assert own.ask("api/kernels", method="POST", data={"name": "python3"}).json["message"] == reply.json["message"]
        assert next(iter(list_kernels(own))) == "python3"
    finally:
        prefix.with_name("away").rename(prefix)


def test_a_python_that_is_gone_is_named(own: Start, prefix: Path) -> None:
    python = prefix / "bin" / "python"
    target = os.readlink(python)
    python.unlink()
    python.symlink_to("/apps/jupyter/bases/gone/bin/python")
    try:
        reply = start_session(own)
        assert reply.status == 500
        words = "The Python of the notebook environment is gone. Open Environment and press Repair"
        assert words in reply.json["message"]
    finally:
        python.unlink()
        python.symlink_to(target)


def test_a_kernel_that_dies_at_its_start_says_why(own: Start, broken: Path) -> None:
    began = time.monotonic()
    reply = start_session(own)
    assert time.monotonic() - began < 5
    assert reply.status == 500
    assert (
        reply.json["message"].split()
        == (
            "The kernel Python 3 could not start: ImportError: cannot import name half of it, 50\uff05 gone. "
            "Something in the notebook environment is broken: open Environment and press Repair."
        ).split()
    )
    assert max(len(line) for line in reply.json["message"].splitlines()) <= 100, "it fits into the dialog"
    assert "half of it, 50% gone" in own.log.read_text(), "the job's log has all of it"
    assert own.ask("api/kernels").json == [
        kernel for kernel in own.ask("api/kernels").json if kernel["execution_state"] != "dead"
    ]
    broken.unlink()
    assert start_session(own).status == 201


def test_a_restart_that_fails_says_why(own: Start, packages: Path) -> None:
    kernel = start_session(own).json["kernel"]["id"]
    assert run_cell(own, kernel, "print(1)") == "1\n"
    module = packages / "ipykernel_launcher.py"
    module.write_text("raise ImportError('broken by pip')\n")
    try:
        reply = own.ask(f"api/kernels/{kernel}/restart", method="POST", data={})
        assert reply.status == 500
        assert "could not start: ImportError: broken by pip." in reply.json["message"]
        assert kernel not in [entry["id"] for entry in own.ask("api/kernels").json], "pages learn that it is dead"
    finally:
        module.unlink()
    assert start_session(own).status == 201


def test_a_kernel_that_dies_and_cannot_come_back_is_dead_soon(own: Start, broken: Path) -> None:
    text = broken.read_text()
    broken.unlink()
    kernel = start_session(own).json["kernel"]["id"]
    pid = int(run_cell(own, kernel, "import os; print(os.getpid())"))
    broken.write_text(text)
    os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while kernel in [entry["id"] for entry in own.ask("api/kernels").json]:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert own.log.read_text().count("cannot be started again") == 1


def test_a_server_with_failed_kernels_ends_cleanly(base: Path, bases: Path, hub: HubDouble, tmp_path: Path) -> None:
    with Start(base, make_ticket(tmp_path, hub.api_url, bases=bases), tmp_path) as start:
        start.announcement = hub.announcements.get(timeout=30)
        assert start_session(start).status == 201
        make_layout(tmp_path, bases).prefix.rename(tmp_path / "away")
        assert start_session(start).status == 500
        began = time.monotonic()
        start.process.terminate()
        assert start.process.wait(timeout=10) == 0
        assert time.monotonic() - began < STOP_LIMIT_S, "the sound kernel was shut down, and not cut off"
        assert start.log.read_text().rstrip().endswith("ended")
