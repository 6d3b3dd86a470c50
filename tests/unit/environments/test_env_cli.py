from __future__ import annotations

import json
import os
import pwd
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner, Result
from tests.contract.environments.breakages import find_packages, install_by_hand
from tests.unit.environments.handmade import make_base, make_layout
from tests.unit.environments.trees import list_beside, take_snapshot

from neuronhub import language
from neuronhub.environments import voice
from neuronhub.environments.bases import Base
from neuronhub.environments.env_cli import env
from neuronhub.environments.layout import Layout
from neuronhub.environments.marker import is_sound
from neuronhub.environments.operations import ensure_environment
from neuronhub.environments.profile import PLACE
from neuronhub.environments.types import Condition, Status
from neuronhub.errors import ConflictingState, EnvironmentBusy, EnvironmentFailed

Run = Callable[..., Result]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path / "home"
    home.mkdir()
    user = pwd.struct_passwd(("alice", "x", 1000, 1000, "", str(home), "/bin/bash"))
    monkeypatch.setattr(voice, "_find_user", lambda: user)
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    return home


@pytest.fixture
def run(layout: Layout, home: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setattr(Layout, "of", lambda _site, _user: layout)

    def run(*words: str, **more: Any) -> Result:
        return CliRunner().invoke(env, words, obj=lambda: SimpleNamespace(), **more)

    return run


def read_objects(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_create_makes_all_of_it_once(run: Run, layout: Layout, base: Base, home: Path) -> None:
    result = run("create")
    assert (result.exit_code, result.stdout) == (0, f"The notebook environment is in {layout.prefix}.\n")
    assert "Making the environment" in result.stderr
    assert is_sound(layout.prefix)
    assert "# >>> neuronhub >>>" in (home / ".bashrc").read_text()
    assert (home / PLACE).is_dir()
    before = take_snapshot(home), take_snapshot(layout.conda)
    assert run("create").exit_code == 0
    assert (take_snapshot(home), take_snapshot(layout.conda)) == before


def test_create_names_what_mends_a_broken_one(run: Run, made: Layout) -> None:
    (made.prefix / "bin" / "python").unlink()
    before = take_snapshot(made.prefix)
    result = run("create")
    assert isinstance(result.exception, ConflictingState)
    assert "neuronhub env repair" in str(result.exception)
    assert take_snapshot(made.prefix) == before


def test_programs_get_an_object_a_line(run: Run, layout: Layout, base: Base) -> None:
    *steps, last = read_objects(run("create", "--json"))
    assert [set(step) for step in steps] == [{"progress"}] * len(steps)
    assert steps[-1]["progress"]["done"] == 1.0
    assert Status.from_json(last["status"]).condition is Condition.READY


def test_programs_get_errors_as_objects(run: Run, layout: Layout) -> None:
    result = run("create", "--json")
    assert result.exit_code == 1
    assert "no active base" in read_objects(result)[-1]["error"]["text"]


def test_korean_is_spoken(run: Run, made: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(voice, "_", lambda text: f"{language.current.get()}: {text}")
    assert run("status", "--language", "ko").stdout.startswith("ko: ")
    monkeypatch.setenv("LANG", "ko_KR.UTF-8")
    assert run("status").stdout.startswith("ko: ")
    monkeypatch.setenv("LC_ALL", "C")
    assert run("status").stdout.startswith("en: ")


def test_status_tells_scripts_whether_it_works(run: Run, made: Layout, base: Base) -> None:
    install_by_hand(find_packages(made, base), "own", "1.0", "own", "x" * 3000)
    result = run("status")
    assert result.exit_code == 0
    assert "own 1.0 (pip, 3 KiB)" in result.stdout
    (made.prefix / "bin" / "python").unlink()
    broken = run("status")
    assert (broken.exit_code, "is broken" in broken.stdout, "neuronhub env repair" in broken.stdout) == (3, True, True)
    for_programs = run("status", "--json")
    assert (for_programs.exit_code, read_objects(for_programs)[0]["status"]["condition"]) == (0, "broken")


def test_repair_mends(run: Run, made: Layout) -> None:
    (made.prefix / "bin" / "python").unlink()
    assert run("repair").exit_code == 0
    assert run("status").exit_code == 0


def test_repair_that_does_not_help_says_what_does(run: Run, made: Layout, base: Base) -> None:
    (find_packages(made, base) / "own.pth").write_text("import os; os._exit(3)\n")
    result = run("repair")
    assert isinstance(result.exception, ConflictingState)
    assert "neuronhub env reset" in str(result.exception)
    assert "mended" not in result.stdout


@pytest.mark.parametrize("words", [("--yes",), ("--json",)])
def test_reset_without_a_question(run: Run, made: Layout, base: Base, words: tuple[str, ...]) -> None:
    own = find_packages(made, base) / "own"
    own.mkdir()
    assert run("reset", *words).exit_code == 0
    assert not own.exists()


def test_reset_asks_only_where_somebody_can_answer(run: Run, made: Layout) -> None:
    before = take_snapshot(made.prefix)
    result = run("reset", input="y\n")
    assert result.exit_code == 2
    assert "--yes" in result.stderr
    assert take_snapshot(made.prefix) == before


@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("n\n", 1), ("\n", 1), ("", 1)])
def test_reset_says_what_goes_and_what_stays(
    run: Run, made: Layout, monkeypatch: pytest.MonkeyPatch, answer: str, code: int
) -> None:
    monkeypatch.setattr("neuronhub.environments.env_cli._can_answer", lambda: True)
    marker = (made.prefix / "conda-meta" / "history").stat().st_ino
    result = run("reset", input=answer)
    assert result.exit_code == code
    assert f"Goes: everything in {made.prefix}" in result.stderr
    assert "Stays: everything else" in result.stderr
    assert ((made.prefix / "conda-meta" / "history").stat().st_ino == marker) == bool(code)


def test_reset_refuses_before_it_asks(run: Run, layout: Layout, base: Base) -> None:
    layout.envs.mkdir(parents=True)
    layout.prefix.symlink_to("/tmp")
    assert isinstance(run("reset").exception, ConflictingState)


def test_busy_is_told(run: Run, layout: Layout, base: Base) -> None:
    layout.conda.mkdir()
    lock = layout.conda / ".neuronhub.lock"
    code = "import fcntl, sys; f = open(sys.argv[1], 'w'); fcntl.flock(f, 2); print(flush=True); input()"
    argv = [sys.executable, "-c", code, str(lock)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        result = run("create", "--wait", "0.2")
        other.kill()
    assert isinstance(result.exception, EnvironmentBusy)
    assert "Waiting" in result.stderr


def test_export_to_a_file_and_to_standard_output(run: Run, made: Layout, tmp_path: Path) -> None:
    file = tmp_path / "environment.yml"
    assert run("export", str(file)).exit_code == 0
    assert run("export", "-", "--json").stdout == file.read_text()
    assert "name: notebook" in file.read_text()
    assert isinstance(run("export", str(tmp_path / "none" / "file")).exception, EnvironmentFailed)


def test_import_from_a_file(run: Run, made: Layout, tmp_path: Path) -> None:
    file = tmp_path / "environment.yml"
    file.write_text("dependencies: []\n")
    result = run("import", str(file))
    assert (result.exit_code, "made anew" in result.stdout) == (0, True)
    assert run("import", "-", input="dependencies: []\n").exit_code == 0


@pytest.mark.parametrize("content", [b"\xff\xfe", b"- a list", None])
def test_import_of_something_else_is_refused(run: Run, made: Layout, tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "environment.yml"
    if content is not None:
        file.write_bytes(content)
    before = take_snapshot(made.prefix)
    assert isinstance(run("import", str(file)).exception, ConflictingState)
    assert take_snapshot(made.prefix) == before


def test_root_has_no_environment(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    result = CliRunner().invoke(env, ["create"], obj=lambda: SimpleNamespace())
    assert isinstance(result.exception, EnvironmentFailed)
    assert "not as root" in str(result.exception)
    monkeypatch.setattr(os, "geteuid", lambda: 2**31 - 5)
    result = CliRunner().invoke(env, ["create", "--json"], obj=lambda: SimpleNamespace())
    assert "has no name" in json.loads(result.stdout)["error"]["text"]


@pytest.fixture
def _interruptible() -> Iterator[None]:
    """Shells have what they run in the background ignore SIGINT, these tests among it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("_interruptible")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_ended_in_the_middle_is_as_before(
    run: Run, made: Layout, monkeypatch: pytest.MonkeyPatch, number: signal.Signals, code: int
) -> None:
    before = take_snapshot(made.prefix)

    def fill(*_arguments: object) -> None:
        os.kill(os.getpid(), number)

    monkeypatch.setattr("neuronhub.environments.operations.make_environment", fill)
    assert run("reset", "--yes").exit_code == code
    assert take_snapshot(made.prefix) == before
    assert list_beside(made) == []


def test_nobody_listens_any_more(tmp_path: Path) -> None:
    layout = make_layout(tmp_path)
    make_base(layout.bases, "1")
    ensure_environment(layout, lambda _progress: None)
    before = take_snapshot(layout.prefix)
    code = (
        "import sys; from pathlib import Path; from neuronhub.environments.layout import Layout;"
        "from neuronhub.environments.operations import reset_environment; from neuronhub.environments import voice;"
        "reset_environment(Layout.from_json(eval(sys.argv[1])), voice._print_progress)"
    )
    readable, writable = os.pipe()
    os.close(readable)
    ended = subprocess.run(
        [sys.executable, "-c", code, repr(layout.to_json())], stdout=writable, stderr=subprocess.PIPE
    )
    os.close(writable)
    assert (ended.returncode, ended.stderr) == (1, b"")
    assert take_snapshot(layout.prefix) == before
    assert list_beside(layout) == []
