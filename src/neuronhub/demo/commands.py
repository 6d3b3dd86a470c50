"""Commands and probes that the embedded site's parts are prepared and checked with. Runs inside."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pwd
from asyncio.subprocess import DEVNULL, PIPE, STDOUT
from pathlib import Path

from neuronhub.demo.errors import DemoError
from neuronhub.demo.supervisor import PATH


async def run_command(
    *argv: str, user: str = "root", stdin: str | None = None, within_s: float = 60.0, **environment: str
) -> str:
    """Run a command of the system and return what it printed; raises DemoError with its words when it fails."""
    account = pwd.getpwnam(user)
    process = await asyncio.create_subprocess_exec(
        *argv,
        stdin=DEVNULL if stdin is None else PIPE,
        stdout=PIPE,
        stderr=STDOUT,
        cwd="/",
        env={"PATH": PATH, "HOME": account.pw_dir, "LANG": "C.UTF-8", **environment},
        user=account.pw_uid,
        group=account.pw_gid,
        extra_groups=[] if user != "root" else None,
    )
    try:
        output, _ = await asyncio.wait_for(process.communicate(None if stdin is None else stdin.encode()), within_s)
    except TimeoutError:
        process.kill()
        await process.wait()
        raise DemoError(f"{argv[0]} did not end within {within_s:.0f} s.") from None
    text = output.decode(errors="replace")
    if process.returncode != 0:
        raise DemoError(f"{' '.join(argv[:3])} failed with exit status {process.returncode}:\n{text.strip()}")
    return text


async def answers_tcp(address: str, port: int) -> bool:
    """Something listens there."""
    try:
        _, writer = await asyncio.open_connection(address, port)
    except OSError:
        return False
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return True


async def answers_unix(path: Path) -> bool:
    """Something listens on the unix socket."""
    try:
        _, writer = await asyncio.open_unix_connection(path)
    except OSError:
        return False
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return True


async def answers_http(port: int, path: str) -> bool:
    """A web server on loopback answers a GET with status 200 within a second."""
    try:
        async with asyncio.timeout(1.0):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
            status = await reader.readline()
            writer.close()
    except (OSError, TimeoutError):
        return False
    return status.split()[1:2] == [b"200"]


def ensure_folder(path: Path, user: str = "root", mode: int = 0o755) -> Path:
    """Make the folder, with its owner (and the owner's group) and mode."""
    account = pwd.getpwnam(user)
    path.mkdir(parents=True, exist_ok=True)
    os.chown(path, account.pw_uid, account.pw_gid)
    path.chmod(mode)
    return path


def write_file(path: Path, text: str, user: str = "root", mode: int = 0o644) -> None:
    """Write a file with its owner and mode; it is never readable by more people than ``mode`` says."""
    account = pwd.getpwnam(user)
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    os.chown(path, account.pw_uid, account.pw_gid)
    path.chmod(mode)


def give_file(path: Path, user: str, mode: int = 0o600) -> None:
    """Make the file the user's own."""
    account = pwd.getpwnam(user)
    os.chown(path, account.pw_uid, account.pw_gid)
    path.chmod(mode)
