from __future__ import annotations

import asyncio
import logging
import os
import subprocess
import time
from pathlib import Path

import pytest

from neuronhub.errors import CommandSilent
from neuronhub.process import Output, left_behind, run

SH = "/bin/sh"


async def run_sh(script: str, *, timeout_s: float = 5, stdin: str | None = None, linger_s: float = 0) -> Output:
    environment = {"PATH": "/usr/bin:/bin"}
    return await run(
        "sh", [SH, "-c", script], environment=environment, timeout_s=timeout_s, stdin=stdin, linger_s=linger_s
    )


def list_processes(mark: str) -> list[str]:
    done = subprocess.run(["ps", "-eo", "pid,ppid,stat,args"], capture_output=True, text=True, check=True)
    return [line for line in done.stdout.splitlines() if mark in line]


async def await_gone(mark: str) -> None:
    for _ in range(50):
        if not list_processes(mark):
            return
        await asyncio.sleep(0.1)
    pytest.fail(f"left behind: {list_processes(mark)}")


async def test_what_a_command_printed() -> None:
    assert await run_sh("echo out; echo err >&2; exit 3") == Output(3, "out\n", "err\n")


async def test_input_is_handed_over_whole() -> None:
    text = "한글 line\n" * 100_000
    output = await run_sh("cat", stdin=text)
    assert output.stdout == text


async def test_command_that_does_not_read_its_input() -> None:
    assert (await run_sh("exit 4", stdin="x" * 5_000_000)).code == 4


async def test_without_input_there_is_nothing_to_read() -> None:
    assert (await run_sh("cat")).stdout == ""


async def test_nothing_of_our_environment_and_folder_is_handed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONFIGPROXY_AUTH_TOKEN", "secret")
    output = await run_sh("env; pwd")
    assert "secret" not in output.stdout
    assert output.stdout.splitlines()[-1] == "/"


async def test_bytes_that_are_no_text_do_no_harm() -> None:
    assert (await run_sh(r"printf '\377ok'")).stdout == "\ufffdok"


async def test_time_limit_ends_the_command_and_its_children() -> None:
    mark = "91.0417"
    started = time.monotonic()
    with pytest.raises(CommandSilent, match=r"sh gave no answer within 0\.3 s"):
        await run_sh(f"sleep {mark} & sleep {mark}", timeout_s=0.3)
    assert time.monotonic() - started < 2
    await await_gone(mark)


async def test_time_limit_ends_children_that_a_command_has_left() -> None:
    mark = "91.0422"
    with pytest.raises(CommandSilent, match="no answer"):
        await run_sh(f"sleep {mark} &", timeout_s=0.5)
    await await_gone(mark)


async def test_command_that_ignores_sigterm_is_killed() -> None:
    mark = "91.0418"
    with pytest.raises(CommandSilent):
        await run_sh(f"trap '' TERM; sleep {mark}; sleep {mark}", timeout_s=0.3)
    await await_gone(mark)


async def test_cancelled_caller_leaves_no_command_behind() -> None:
    mark = "91.0419"
    task = asyncio.create_task(run_sh(f"sleep {mark}"))
    await asyncio.sleep(0.3)
    assert list_processes(mark)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await await_gone(mark)


async def test_output_without_end_is_cut_off() -> None:
    with pytest.raises(CommandSilent, match="printed more than 1000000 bytes"):
        await run("yes", ["/usr/bin/yes", "endless-0420"], environment={}, timeout_s=5, limit_bytes=1_000_000)
    await await_gone("yes endless-0420")


async def test_output_is_handed_over_as_it_comes() -> None:
    came = bytearray()
    argv = [SH, "-c", "echo first; echo said >&2; echo second"]
    output = await run("sh", argv, environment={}, timeout_s=5, take=came.extend)
    assert (output.stdout, output.stderr, bytes(came)) == ("", "said\n", b"first\nsecond\n")


async def test_what_is_handed_over_has_the_same_limit() -> None:
    came = bytearray()
    argv = ["/usr/bin/yes", "endless-0421"]
    with pytest.raises(CommandSilent, match="printed more than 100000 bytes"):
        await run("yes", argv, environment={}, timeout_s=5, limit_bytes=100_000, take=came.extend)
    assert 0 < len(came) <= 100_000
    await await_gone("yes endless-0421")


async def test_no_zombies_after_many_commands() -> None:
    await asyncio.gather(*(run_sh(f"exit {number % 3}") for number in range(30)))
    assert [line for line in list_processes("") if " Z" in line and f" {os.getpid()} " in line] == []


async def test_program_that_is_missing_or_not_executable(tmp_path: Path) -> None:
    plain = tmp_path / "squeue"
    plain.write_text("not a program")
    for path in (tmp_path / "nowhere", plain):
        with pytest.raises(CommandSilent, match="cannot be run"):
            await run("squeue", [str(path)], environment={}, timeout_s=1)


async def test_process_of_another_user_is_left_to_its_own_limit(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(_pid: int, _number: int) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "killpg", refuse)
    started = time.monotonic()
    with caplog.at_level(logging.WARNING), pytest.raises(CommandSilent):
        await run_sh("sleep 0.6", timeout_s=0.1, linger_s=5)
    assert 0.5 < time.monotonic() - started < 4, "it is waited for, since its end is worth knowing"
    with pytest.raises(CommandSilent):
        await run_sh("sleep 0.91", timeout_s=0.1)
    assert "is not ours to end" in caplog.text
    await await_gone("sleep 0.91")
    async with asyncio.timeout(5):  # the loop hears of the end a little later, and closes what it kept for it
        while left_behind:  # noqa: ASYNC110 (a set that the loop itself empties)
            await asyncio.sleep(0.01)
