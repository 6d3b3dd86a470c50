"""The embedded site's private view of the machine: its own processes, mounts, host name and files in /etc.

Runs in the command that the user starts (``run_inside``) and, after the fork, as process 1 of the new namespaces.
When process 1 ends, the kernel ends every process of the site and forgets every mount.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import NoReturn

from neuronhub.demo import identity
from neuronhub.demo.errors import DemoError
from neuronhub.demo.installation import BASES, COMMAND, PYTHON, SOURCE
from neuronhub.demo.shape import HOST_NAME, QUEUES
from neuronhub.demo.slurm_conf import GPU_FOLDER
from neuronhub.demo.state import StateFolder
from neuronhub.environments.layout import CURRENT

LONGEST_STOP_S = 14
"""After a request to end, the site has this long before the kernel ends it."""

_CLONE_NEWNS, _CLONE_NEWUTS, _CLONE_NEWIPC, _CLONE_NEWPID = 0x20000, 0x4000000, 0x8000000, 0x20000000
_MS_RDONLY, _MS_REMOUNT, _MS_BIND, _MS_REC, _MS_PRIVATE = 0x1, 0x20, 0x1000, 0x4000, 0x40000
_MNT_DETACH = 2
_PR_SET_PDEATHSIG = 1
_SYS_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}

_NEW_ROOT = Path("/run")
"""Where the new root is put together; below it nothing of the real machine is needed any more."""
_PRIVATE = frozenset({"apps", "etc", "home", "lost+found", "opt", "proc", "run", "scratch", "tmp"})
_WRITABLE = frozenset({"dev", "sys"})

_libc = ctypes.CDLL(None, use_errno=True)


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def _unshare(flags: int) -> None:
    _check(_libc.unshare(flags), "unshare")


def _mount(source: str | Path, target: Path, kind: str | None = None, flags: int = 0, data: str | None = None) -> None:
    _check(
        _libc.mount(
            os.fsencode(source),
            os.fsencode(target),
            kind.encode() if kind else None,
            ctypes.c_ulong(flags),
            data.encode() if data else None,
        ),
        f"mount {source} on {target}",
    )


def set_host_name(name: str) -> None:
    """Give this process (and its children) a host name of its own."""
    _unshare(_CLONE_NEWUTS)
    socket.sethostname(name)


def rename_host(pid: int, name: str) -> None:
    """Give process ``pid``, and all others with the host name that it has, another one."""
    subprocess.run(["/usr/bin/nsenter", f"--uts=/proc/{pid}/ns/uts", "/bin/hostname", name], check=True)


def run_inside(
    state: StateFolder, binds: Mapping[str, Path], argv: Sequence[str], environment: Mapping[str, str]
) -> int:
    """Run ``argv`` as root in new namespaces and return its exit status once everything in them has ended.

    ``binds`` are further folders to be seen inside: path there -> path here. SIGINT, SIGTERM and SIGHUP ask the
    command inside to end; LONGEST_STOP_S later the kernel ends it. If this process is killed, so is all inside.
    """
    try:
        _unshare(_CLONE_NEWPID)
    except OSError as error:
        raise DemoError(
            f"Root may not make namespaces here ({error.strerror}). In a container, it must be a privileged one."
        ) from error
    sys.stdout.flush()
    sys.stderr.flush()
    init = os.fork()
    if init == 0:
        _become_init(state, binds, argv, environment)

    def ask_to_end(_number: int, _frame: FrameType | None) -> None:
        os.kill(init, signal.SIGTERM)
        if not signal.getitimer(signal.ITIMER_REAL)[0]:
            signal.setitimer(signal.ITIMER_REAL, LONGEST_STOP_S)

    def end(_number: int, _frame: FrameType | None) -> None:
        os.kill(init, signal.SIGKILL)

    signal.signal(signal.SIGALRM, end)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, ask_to_end)
    _, status = os.waitpid(init, 0)
    return _exit_status(status)


def _become_init(
    state: StateFolder, binds: Mapping[str, Path], argv: Sequence[str], environment: Mapping[str, str]
) -> NoReturn:
    """Be process 1: build the root, start the command, reap whatever ends, end with the command."""
    status = 1
    try:
        _check(_libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0), "prctl")
        os.setsid()
        _unshare(_CLONE_NEWNS | _CLONE_NEWUTS | _CLONE_NEWIPC)
        socket.sethostname(HOST_NAME)
        _build_root(state, binds)
        _enter_root()
        status = _run_and_reap(argv, environment)
    except OSError as error:
        print(f"neuronhub: the embedded site's own view of the machine cannot be made: {error}", file=sys.stderr)
    except Exception:  # noqa: BLE001 - nobody is left in this process to see it
        traceback.print_exc()
    finally:
        os._exit(status)


def _run_and_reap(argv: Sequence[str], environment: Mapping[str, str]) -> int:
    command = os.fork()
    if command == 0:
        try:
            os.execve(argv[0], list(argv), dict(environment))  # noqa: S606
        finally:
            os._exit(127)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: os.kill(command, signal.SIGTERM))
    while True:
        pid, status = os.wait()
        if pid == command:
            return _exit_status(status)


def _exit_status(status: int) -> int:
    """What a shell says of a process that ended so."""
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def _build_root(state: StateFolder, binds: Mapping[str, Path]) -> None:
    """The real root, read-only, under a new one whose own folders are the site's."""
    _mount("none", Path("/"), flags=_MS_REC | _MS_PRIVATE)
    _mount("neuronhub-demo", _NEW_ROOT, "tmpfs", data="mode=0755")
    for folder in ("apps", "opt", "proc", "run", "run/lock"):
        (_NEW_ROOT / folder).mkdir()
    for entry in os.scandir("/"):
        if entry.name not in _PRIVATE:
            _show(entry, _NEW_ROOT / entry.name, writable=entry.name in _WRITABLE)
    for entry in os.scandir("/opt"):
        if entry.name != "neuronhub":
            _show(entry, _NEW_ROOT / "opt" / entry.name, writable=False)
    _mount("proc", _NEW_ROOT / "proc", "proc")
    for folder in ("tmp", "var/tmp", "dev/shm"):
        (_NEW_ROOT / folder).mkdir(exist_ok=True)
        _mount("neuronhub-demo", _NEW_ROOT / folder, "tmpfs", data="mode=1777")
    _write_etc(_NEW_ROOT / "etc")
    _make_gpus(_NEW_ROOT / GPU_FOLDER.lstrip("/"))
    state_binds = {"/home": state.path / "home", "/scratch": state.path / "scratch", str(state.path): state.path}
    for target, source in (state_binds | dict(binds)).items():
        inside = _NEW_ROOT / target.lstrip("/")
        if source.is_dir():
            inside.mkdir(parents=True, exist_ok=True)
        else:
            inside.parent.mkdir(parents=True, exist_ok=True)
            inside.touch()
        _mount(source, inside, flags=_MS_BIND | _MS_REC)
        if target in binds:
            _make_read_only(inside)
    (_NEW_ROOT / "etc" / "slurm").symlink_to(state.slurm)
    (_NEW_ROOT / "etc" / "neuronhub").mkdir(exist_ok=True)
    (_NEW_ROOT / "etc" / "neuronhub" / "site.toml").symlink_to(state.site_file)
    _write_command(_NEW_ROOT / COMMAND.lstrip("/"))
    _write_user_command(Path("/usr/local/bin"))


def _show(entry: os.DirEntry[str], target: Path, *, writable: bool) -> None:
    """Show one folder or link of the real root at ``target``."""
    if entry.is_symlink():
        target.symlink_to(os.readlink(entry.path))
    elif entry.is_dir():
        target.mkdir()
        _mount(entry.path, target, flags=_MS_BIND | _MS_REC)
        if not writable:
            _make_read_only(target)


def _make_read_only(target: Path) -> None:
    kept = os.statvfs(target).f_flag & (os.ST_NOSUID | os.ST_NODEV | os.ST_NOEXEC)
    _mount("none", target, flags=_MS_REMOUNT | _MS_BIND | _MS_RDONLY | kept)


def _write_etc(etc: Path) -> None:
    """A copy of the real /etc, in which the site's people and hosts take the place of the machine's."""
    subprocess.run(["/bin/cp", "-a", "/etc", str(etc)], check=True)
    resolver = etc / "resolv.conf"
    if resolver.is_symlink():
        text = Path("/etc/resolv.conf").read_text() if Path("/etc/resolv.conf").exists() else ""
        resolver.unlink()
        resolver.write_text(text)
    passwd = identity.render_passwd((etc / "passwd").read_text())
    shutil.rmtree(etc / "sudoers.d", ignore_errors=True)
    shutil.rmtree(etc / "slurm", ignore_errors=True)
    shutil.rmtree(etc / "neuronhub", ignore_errors=True)
    (etc / "sudoers.d").mkdir(mode=0o750)
    files = {
        "passwd": (passwd, 0o644),
        "group": (identity.render_group((etc / "group").read_text()), 0o644),
        "shadow": (identity.render_shadow(passwd), 0o640),
        "hosts": (identity.render_hosts(), 0o644),
        "hostname": (HOST_NAME + "\n", 0o644),
        "nsswitch.conf": (identity.render_nsswitch(), 0o644),
        "sudoers": ("Defaults env_reset\n@includedir /etc/sudoers.d\n", 0o440),
        "sudoers.d/neuronhub": (identity.render_sudoers(), 0o440),
    }
    for name, (text, mode) in files.items():
        (etc / name).unlink(missing_ok=True)
        (etc / name).write_text(text)
        (etc / name).chmod(mode)
    for name in ("passwd-", "group-", "shadow-", "gshadow", "gshadow-"):
        (etc / name).unlink(missing_ok=True)


def _write_command(path: Path) -> None:
    """``neuronhub`` inside: the one in the virtual environment names folders that only exist outside."""
    path.parent.mkdir()
    path.write_text(f'#!/bin/sh\nPYTHONPATH={SOURCE} exec {PYTHON} -m neuronhub.cli "$@"\n')
    path.chmod(0o755)


def _write_user_command(folder: Path) -> None:
    """``neuronhub`` as everybody finds it: the active base's. What the real machine has beside it stays."""
    beside = Path("/run/neuronhub/beside")
    (_NEW_ROOT / beside.relative_to("/")).mkdir(parents=True)
    _mount(folder, _NEW_ROOT / beside.relative_to("/"), flags=_MS_BIND | _MS_REC)
    target = _NEW_ROOT / folder.relative_to("/")
    _mount("neuronhub-demo", target, "tmpfs", data="mode=0755")
    for entry in os.scandir(folder):
        (target / entry.name).symlink_to(os.readlink(entry.path) if entry.is_symlink() else beside / entry.name)
    (target / "neuronhub").unlink(missing_ok=True)
    (target / "neuronhub").write_text(f'#!/bin/sh\nexec {BASES}/{CURRENT}/bin/neuronhub "$@"\n')
    (target / "neuronhub").chmod(0o755)


def _make_gpus(folder: Path) -> None:
    """Stand-ins of the GPUs: device files that do nothing."""
    folder.mkdir()
    for number in range(max(queue.gpus for queue in QUEUES)):
        os.mknod(folder / f"gpu{number}", 0o666 | stat.S_IFCHR, os.makedev(1, 3))
        (folder / f"gpu{number}").chmod(0o666)


def _enter_root() -> None:
    """Make the new root the root; the old one, stacked on it by pivot_root, goes."""
    os.chdir(_NEW_ROOT)
    number = _SYS_PIVOT_ROOT[os.uname().machine]
    _check(_libc.syscall(number, b".", b"."), "pivot_root")
    _check(_libc.umount2(b".", _MNT_DETACH), "umount the old root")
    os.chdir("/")
