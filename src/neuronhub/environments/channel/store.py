"""The folder of a channel: which packages it has, what they were made from, and how more are put into it.

Runs in ``neuronhub base channel`` and, for the packages themselves, in its worker processes.
"""

from __future__ import annotations

import errno
import fcntl
import json
import multiprocessing
import os
import re
import shutil
import signal
import threading
import zipfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from neuronhub.environments.channel.archive import Record, open_archive
from neuronhub.environments.channel.python import list_parts, write_python
from neuronhub.environments.channel.target import Target
from neuronhub.environments.channel.wheels import BROKEN, Places, Wheel, add_wheel, broken
from neuronhub.errors import ConflictingState, EnvironmentBusy, NoRoom
from neuronhub.language import translate as _

INVENTORY = "neuronhub-channel.json"
_FORMAT = 1
_NEW = ".new"
_WORKERS = 2


@contextmanager
def explained(out: Path) -> Iterator[None]:
    """Raise what the operating system says of the disk as an error that a person can act on."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            text = _("No room for the channel {out} ({reason}). Make room, or name another place with --out.")
            raise NoRoom(text.format(out=out, reason=error.strerror)) from error
        text = _("The channel {out} cannot be written: {reason}. Choose another place with --out.")
        raise ConflictingState(text.format(out=out, reason=error)) from error


@contextmanager
def hold_channel(out: Path) -> Iterator[None]:
    """Be the only one who works on the channel ``out``; raises EnvironmentBusy when somebody else does."""
    out.mkdir(parents=True, exist_ok=True)
    with (out / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            text = _("Another command is making the channel {out}. Wait until it has ended.")
            raise EnvironmentBusy(text.format(out=out)) from error
        shutil.rmtree(out / _NEW, ignore_errors=True)
        yield


def read_inventory(out: Path) -> list[Wheel]:
    """The wheels that packages of the channel were made from; raises ConflictingState when the list is unreadable."""
    path = out / INVENTORY
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        return [Wheel.from_json(wheel) for wheel in document["wheels"]] if document["format"] == _FORMAT else []
    except FileNotFoundError:
        return []
    except (ValueError, KeyError, TypeError) as error:
        raise ConflictingState(_("{path} is damaged ({error}). Delete it.").format(path=path, error=error)) from error


def write_inventory(out: Path, wheels: Iterable[Wheel]) -> None:
    """Remember the wheels that packages were made from."""
    ordered = sorted(set(wheels), key=lambda wheel: (wheel.file_name, wheel.sha256))
    new = out / f"{INVENTORY}.new"
    new.write_text(json.dumps({"format": _FORMAT, "wheels": [wheel.to_json() for wheel in ordered]}, indent=1))
    new.replace(out / INVENTORY)


def number_record(out: Path, record: Record) -> tuple[Record, bool]:
    """``record`` with the number in its build string, and whether the channel has the package already.

    The number is above those of other packages with that name and version, so that the newest is preferred.
    """
    suffix = "_cpython" if record.name == "python" else ""
    number = 0
    for subdir in ("noarch", "linux-64"):
        for path in (out / subdir).glob(f"{record.name}-{record.version}-*.conda"):
            match = re.fullmatch(r"(.+)_(\d+)(_cpython)?", path.stem[len(record.name) + len(record.version) + 2 :])
            if match is None:
                continue
            if match[1] == record.build and subdir == record.subdir:
                return record.with_build(f"{record.build}_{match[2]}{suffix}", int(match[2])), True
            number = max(number, int(match[2]) + 1)
    return record.with_build(f"{record.build}_{number}{suffix}", number), False


@dataclass(frozen=True, slots=True)
class Job:
    """A package to write."""

    record: Record
    wheel: Path | None
    """What its files come from; None: it is Python itself, or has none."""
    target: Target

    @property
    def weight(self) -> int:
        """How much work it is, in bytes."""
        return self.wheel.stat().st_size if self.wheel else 1_000_000


def write_packages(out: Path, jobs: list[Job], report: Callable[[float], None]) -> None:
    """Write the packages of ``jobs`` into the channel; ``report`` is told the share that is done."""
    if not jobs:
        return
    (out / _NEW).mkdir()
    total = sum(job.weight for job in jobs)
    done = 0
    largest_first = sorted(jobs, key=lambda job: -job.weight)
    # Not forked: the parent has threads.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(_WORKERS, len(jobs)), mp_context=context, initializer=_start_worker) as workers:
        under_way = {workers.submit(write_package, job, out): job for job in largest_first}
        try:
            for future in as_completed(under_way):
                future.result()
                done += under_way[future].weight
                report(done / total)
        except BaseException:
            workers.shutdown(cancel_futures=True)
            raise
    (out / _NEW).rmdir()


def _start_worker() -> None:
    """Let a worker end with the command, also where that is killed, and leave Ctrl-C to it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    assert parent is not None

    def end_with_parent() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=end_with_parent, daemon=True).start()


def write_package(job: Job, out: Path) -> None:
    """Write one package beside, and move it into place when it is whole; raises ConflictingState for a broken wheel."""
    new, record = out / _NEW, job.record
    if job.wheel:
        one = Places.of_one_python(job.target.minor, record.name)
        places = Places.of_any_python() if record.noarch else one
        try:
            with zipfile.ZipFile(job.wheel) as wheel, open_archive(record, new, job.weight) as package:
                add_wheel(wheel, package, places)
        except BROKEN as error:
            raise broken(job.wheel, error) from error
    elif record.name == "python":
        write_python(job.target, record, list_parts(job.target), new)
    else:
        with open_archive(record, new):
            pass
    (out / record.subdir).mkdir(exist_ok=True)
    os.replace(new / f"{record.stem}.conda", out / record.subdir / f"{record.stem}.conda")
