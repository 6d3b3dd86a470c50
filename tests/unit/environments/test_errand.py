from __future__ import annotations

import asyncio
import json
import logging
import os
from pathlib import Path
from typing import Any

import pytest
from tests.unit.environments.scripted import STATUS, script, tell, until

from neuronhub import language
from neuronhub.environments import errand as errands
from neuronhub.environments.errand import Errand, fetch_export, fetch_status
from neuronhub.environments.kernel_probe import PROBE_SECONDS
from neuronhub.environments.types import Action, Progress, Status
from neuronhub.errors import EnvironmentFailed, EnvironmentNotPermitted, EnvironmentUnavailable


async def run_errand(folder: Path, text: str, action: Action = Action.CREATE) -> Errand:
    errand = Errand(script(folder, text), action)
    async with asyncio.timeout(10):
        await errand.wait()
    return errand


async def test_an_errand_ends_with_the_status(tmp_path: Path) -> None:
    errand = await run_errand(
        tmp_path, tell(progress={"step": "Linking.", "done": 0.5}) + tell(status=STATUS.to_json())
    )
    assert (errand.finished, errand.error, errand.status) == (True, None, STATUS)
    assert errand.to_json() == {"action": "create", "step": "Linking.", "done": 0.5, "finished": True, "error": None}


async def test_the_command_is_called_as_the_sudoers_file_has_it(tmp_path: Path) -> None:
    token = language.current.set("ko")
    try:
        await run_errand(tmp_path, f'echo "$@" >{tmp_path}/called', Action.RESET)
    finally:
        language.current.reset(token)
    called = "--site /etc/neuronhub/site.toml env reset --json --language ko\n"
    assert (tmp_path / "called").read_text() == called


async def test_progress_is_seen_while_it_goes_on_and_never_falls(tmp_path: Path) -> None:
    goes_on = tmp_path / "goes-on"
    steps = "".join(tell(progress={"step": step, "done": done}) for step, done in [("One.", 0.75), ("Two.", 0.5)])
    wait = f"while ! [ -e {goes_on} ]; do sleep 0.02; done\n"
    errand = Errand(script(tmp_path, steps + wait + tell(status=STATUS.to_json())), Action.REPAIR)
    assert (errand.finished, errand.progress) == (False, Progress("", 0.0))
    async with asyncio.timeout(10):
        await until(lambda: errand.progress.step == "Two.")
        going_on = {"action": "repair", "step": "Two.", "done": 0.75, "finished": False, "error": None}
        assert errand.to_json() == going_on
        goes_on.touch()
        await errand.wait()
    assert errand.status == STATUS


def test_a_status_waits_for_a_python_that_hangs() -> None:
    assert errands.STATUS_TIME_S >= PROBE_SECONDS + 10, "it would be no status, and no page with a button Repair"


async def test_an_error_is_told_in_its_own_words(tmp_path: Path) -> None:
    errand = await run_errand(
        tmp_path, tell(error={"text": "There is no room: delete \u202esomething\u0007."}) + "exit 1"
    )
    assert errand.error == "There is no room: delete something."
    assert errand.status is None


@pytest.mark.parametrize(
    "text",
    [
        "exit 3",
        "echo nonsense; echo '[]'; echo 7; echo '{}'",
        "printf '\\377\\376\\n'",
        tell(status={**STATUS.to_json(), "condition": "wonderful"}),
        tell(status={**STATUS.to_json(), "python": {"deep": 1}}),
        tell(status={**STATUS.to_json(), "packages": [{"name": "x", "version": "1", "size_bytes": 1e999}]}),
        tell(status={**STATUS.to_json(), "problems": "none"}),
        tell(status={**STATUS.to_json(), "kind": "x" * errands.LONGEST_LINE}),
        "i=0; while [ $i -lt 2000 ]; do printf '[[[[[[[[[[[[[[[[[[[['; i=$((i + 1)); done; echo",
        tell(status=STATUS.to_json()) + "exit 1",
    ],
    ids=["silent", "nonsense", "bytes", "condition", "type", "infinite", "no-list", "long", "deep", "exit-code"],
)
async def test_what_makes_no_sense_is_no_answer(tmp_path: Path, text: str) -> None:
    with pytest.raises(EnvironmentUnavailable):
        await fetch_status(script(tmp_path, text))
    errand = await run_errand(tmp_path, text)
    assert errand.error
    assert errand.status is None


@pytest.mark.parametrize("done", [-1, 2, "half", True, None])
async def test_progress_that_is_no_share_is_passed_over(tmp_path: Path, done: Any) -> None:
    lines = tell(progress={"step": "One.", "done": 0.5}) + tell(progress={"step": "Two.", "done": done})
    errand = await run_errand(tmp_path, lines + tell(status=STATUS.to_json()))
    assert errand.progress == Progress("One.", 0.5)
    assert errand.status == STATUS


async def test_a_line_after_one_that_is_too_long_is_read(tmp_path: Path) -> None:
    long = f"head -c {errands.LONGEST_LINE + 1} /dev/zero | tr '\\0' x; echo; "
    assert await fetch_status(script(tmp_path, long + tell(status=STATUS.to_json()))) == STATUS


async def test_output_without_end_ends_the_process(tmp_path: Path) -> None:
    errand = await run_errand(tmp_path, "exec yes endless-7310")
    assert errand.error is not None
    assert "did not answer" in errand.error


async def test_the_time_limit_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(errands, "ACTION_TIME_S", 0.2)
    errand = await run_errand(tmp_path, "exec sleep 91.7311")
    assert errand.error is not None
    assert "in time" in errand.error


async def test_a_cancelled_errand_leaves_no_process_and_says_so(tmp_path: Path) -> None:
    alive = tmp_path / "alive"
    errand = Errand(
        script(tmp_path, f"echo $$ >{alive}.new; mv {alive}.new {alive}; exec sleep 91.7312"), Action.CREATE
    )
    async with asyncio.timeout(10):
        await until(alive.exists)
        await errand.cancel()
    assert errand.finished
    assert errand.error is not None
    assert "interrupted" in errand.error
    with pytest.raises(ProcessLookupError):
        os.kill(int(alive.read_text()), 0)


async def test_a_refusal_of_sudo_is_for_the_operators(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    text = "echo 'sudo: a password is required' >&2; exit 1"
    with caplog.at_level(logging.ERROR), pytest.raises(EnvironmentNotPermitted, match="Tell the operators"):
        await fetch_status(script(tmp_path, text))
    assert "a password is required" in caplog.text
    with pytest.raises(EnvironmentUnavailable) as caught:  # words that the user's own process may write as well
        await fetch_status(script(tmp_path, "echo; " + text))
    assert not isinstance(caught.value, EnvironmentNotPermitted)


async def test_an_export_is_the_text_or_a_reason(tmp_path: Path) -> None:
    export = script(
        tmp_path,
        '[ "$*" = "--site /etc/neuronhub/site.toml env export - --json --language en" ] && echo "name: notebook"',
    )
    assert await fetch_export(export) == "name: notebook\n"
    with pytest.raises(EnvironmentFailed, match=r"^There is nothing to export\.$"):
        await fetch_export(script(tmp_path, tell(error={"text": "There is nothing to export."}) + "exit 1"))


def test_a_status_survives_json() -> None:
    assert Status.from_json(json.loads(json.dumps(STATUS.to_json()))) == STATUS
