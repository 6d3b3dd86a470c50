"""The only door to Slurm: its commands as argv lists, never by a shell.

Runs in the hub (``become``: jobs are submitted and cancelled as their users, by sudo) and in users' Jupyter servers.
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import datetime
from typing import TypeVar

from neuronhub.errors import CommandSilent, SlurmUnavailable
from neuronhub.process import Output, run
from neuronhub.site import Slurm
from neuronhub.slurm.accounting import (
    BILLED_FIELDS,
    COORDINATOR_FIELDS,
    MEMBER_FIELDS,
    STEP_FIELDS,
    USAGE_FIELDS,
    WORK_FIELDS,
    parse_associations,
    parse_billed,
    parse_counters,
    parse_steps_ended,
    parse_usage,
    parse_work,
)
from neuronhub.slurm.answers import check_answer, check_cancel, check_sudo, check_work, raise_for_submit
from neuronhub.slurm.parse import (
    JOB_FIELDS,
    NODE_FORMAT,
    RECORD_FIELDS,
    parse_configuration,
    parse_job_id,
    parse_jobs,
    parse_nodes,
    parse_partitions,
    parse_records,
    render_time_limit,
)
from neuronhub.slurm.times import render_moment
from neuronhub.slurm.types import Configuration, Job, JobRequest, Node, Queue
from neuronhub.slurm.usage import Associations, Usage, Work
from neuronhub.sudo import become

Answer = TypeVar("Answer")

NAMED_SINCE = "now-30days"
"""How far back sacct looks for a job of which only the name is known."""
EVER = "--starttime=2000-01-01"
FAR_END = "--endtime=now+3650days"
"""So that a job is found that was to wait for a later moment and was cancelled before it."""
LONGEST_LIST = 100_000
"""Characters of a list of jobs; Linux lets one argument have 131,071. After an outage there may be more to ask for."""
LINGER_S = 15.0
"""A sbatch that cannot be ended is waited for that long: only then is it worth asking whether the job exists."""


class Commands:
    """Questions and orders to Slurm; each has a time limit, and silence of any kind is SlurmUnavailable."""

    def __init__(self, settings: Slurm, *, become: bool) -> None:
        self._settings = settings
        self._become = become
        self.asked: Counter[str] = Counter()
        """How many commands were run so far, by name."""

    async def fetch_nodes(self) -> tuple[tuple[str, Node], ...]:
        """All nodes as (partition, node); a node comes once for each of its partitions, hidden ones included."""
        text = await self._ask("sinfo", "--all", "--noheader", "--Node", f"--Format={NODE_FORMAT}")
        return _read("sinfo", lambda: _at_least_one(parse_nodes(text)))

    async def fetch_partitions(self) -> tuple[Queue, ...]:
        """All partitions, without counts."""
        text = await self._ask("scontrol", "--all", "--oneliner", "show", "partition")
        return _read("scontrol", lambda: _at_least_one(parse_partitions(text)))

    async def fetch_configuration(self) -> Configuration:
        """What slurmctld says of itself."""
        text = await self._ask("scontrol", "show", "config")
        return _read("scontrol", lambda: parse_configuration(text))

    async def fetch_jobs(self) -> tuple[Job, ...]:
        """All jobs of all users that slurmctld remembers, those that ended within MinJobAge included.

        A waiting job array is one job here.
        """
        separator = _draw_separator()
        fields = ",".join(field + separator for field in JOB_FIELDS)
        text = await self._ask("squeue", "--all", "--noheader", "--states=all", f"--Format={fields}")
        return _read("squeue", lambda: parse_jobs(text, separator))

    async def fetch_ended(self, ids: Iterable[int]) -> tuple[Job, ...]:
        """What accounting has on the jobs ``ids``, in whatever state; an id that was given out twice comes twice."""
        listed = ",".join(map(str, ids))
        return await self._ask_accounting(f"--jobs={listed}") if listed else ()  # an empty list is everything

    async def fetch_named(self, names: Collection[str]) -> tuple[Job, ...]:
        """What accounting has on jobs with one of ``names`` since NAMED_SINCE."""
        listed = ",".join(names)
        return await self._ask_accounting(f"--name={listed}", f"--starttime={NAMED_SINCE}") if listed else ()

    async def fetch_usage(self, ids: Collection[int], names: Collection[str], since: datetime) -> tuple[Usage, ...]:
        """All segments of the jobs ``ids``, and since ``since`` of jobs with one of ``names``, the earliest first.

        An id may have been given out twice; who asks looks at user and name.
        """
        found: list[Usage] = []
        start = f"--starttime={render_moment(since)}"
        for listed in _list_words(map(str, ids)):
            found += await self._ask_usage(f"--jobs={listed}", EVER)
        for listed in _list_words(names):
            found += await self._ask_usage(f"--name={listed}", start, FAR_END)
        return tuple(sorted(set(found), key=lambda one: (one.submitted_at, one.job_id, one.restart)))

    async def fetch_window(
        self, since: datetime, until: datetime, partitions: Collection[str] = ()
    ) -> tuple[Usage, ...]:
        """All segments of all users that waited, ran or ended between the two; no ``partitions``: of all."""
        where = [f"--partition={','.join(partitions)}"] if partitions else []
        window = (f"--starttime={render_moment(since)}", f"--endtime={render_moment(until)}")
        return await self._ask_usage(*window, *where)

    async def fetch_associations(self) -> Associations:
        """Who may have jobs charged to what, on this cluster."""
        cluster = (await self.fetch_configuration()).cluster
        shape = ("--noheader", "--parsable2", "--readonly", "show")
        members = await self._ask(
            "sacctmgr", *shape, "user", "withassoc", f"format={','.join(MEMBER_FIELDS)}", f"cluster={cluster}"
        )
        leaders = await self._ask("sacctmgr", *shape, "account", "withcoord", f"format={','.join(COORDINATOR_FIELDS)}")
        return _read("sacctmgr", lambda: parse_associations(members, leaders, cluster))

    async def fetch_work(self, user: str, ids: Collection[int]) -> dict[int, Work]:
        """What running jobs ``ids`` of ``user`` have used so far; jobs without a running step are left out."""
        if not ids:
            return {}
        argv = [*self._name_program("sstat", user), "--allsteps", "--noheader", "--parsable2"]
        argv += [f"--format={','.join(WORK_FIELDS)}", f"--jobs={','.join(map(str, ids))}"]
        output = await self._run("sstat", argv)
        check_sudo("sstat", output)
        check_work(output)
        return _read("sstat", lambda: parse_work(output.stdout))

    async def fetch_steps_ended(self, ids: Collection[int]) -> dict[int, int]:
        """How many steps of each of the jobs ``ids`` are over; jobs that accounting does not know are left out."""
        steps: dict[int, int] = {}
        shape = ("--noheader", "--parsable2", f"--format={','.join(STEP_FIELDS)}")
        for listed in _list_words(map(str, sorted(ids))):
            text = await self._ask("sacct", "--allusers", *shape, f"--jobs={listed}", EVER)
            steps |= _read("sacct", lambda text=text: parse_steps_ended(text))  # type: ignore[misc]
        return steps

    async def fetch_counters(self) -> dict[str, int]:
        """Slurm's own count for each account: seconds of its jobs, each times the job's billing (UsageRaw)."""
        text = await self._ask("scontrol", "--oneliner", "show", "assoc_mgr", "flags=assoc")
        return _read("scontrol", lambda: parse_counters(text))

    async def fetch_billed(self, since: datetime, until: datetime) -> dict[str, int]:
        """The same for whole hours between the two, as slurmdbd has summed them up (it does so soon after each)."""
        cluster = (await self.fetch_configuration()).cluster
        text = await self._ask(
            "sreport",
            *("--noheader", "--parsable2", "--tres=billing", "-t", "Seconds", f"--cluster={cluster}"),
            *("cluster", "AccountUtilizationByUser", f"start={render_moment(since)}", f"end={render_moment(until)}"),
            f"format={','.join(BILLED_FIELDS)}",
        )
        return _read("sreport", lambda: parse_billed(text))

    async def submit(self, request: JobRequest) -> int:
        """Submit a job as its user and return its id.

        SlurmRefused and SlurmNotPermitted: there is no such job. SlurmUnavailable: it is not known whether there is
        one; look for its name before submitting it again. If the call is cancelled, the same holds.
        """
        argv = self._name_program("sbatch", request.user) + _render_options(request)
        output = await self._run("sbatch", argv, stdin=request.script, linger_s=LINGER_S)
        if output.code:
            check_sudo("sbatch", output)
            raise_for_submit(output)
        return _read("sbatch", lambda: parse_job_id(output.stdout))

    async def cancel(self, user: str, ids: Collection[int], *, name: str | None = None) -> None:
        """Cancel jobs of ``user``; a job that is over already is fine.

        With ``name`` only jobs of that name, whatever their ids may have been given to since; ``ids`` may then be
        empty. SlurmRefused: Slurm says no. SlurmUnavailable: not known.
        """
        if not ids and name is None:
            return
        filters = [] if name is None else [f"--name={name}", f"--user={user}"]
        argv = [*self._name_program("scancel", user), *filters, *map(str, ids)]
        output = await self._run("scancel", argv)
        check_sudo("scancel", output)
        check_cancel(output)

    def _name_program(self, program: str, user: str) -> list[str]:
        prefix = become(self._settings.sudo, user)
        path = str(self._settings.bin_dir / program)
        return [*prefix, path] if self._become else [path]

    async def _ask_accounting(self, *which: str) -> tuple[Job, ...]:
        separator = _draw_separator()
        shape = ("--parsable", f"--delimiter={separator}", f"--format={','.join(RECORD_FIELDS)}")
        text = await self._ask("sacct", "--allusers", "--allocations", "--duplicates", "--noheader", *shape, *which)
        return _read("sacct", lambda: parse_records(text, separator))

    async def _ask_usage(self, *which: str) -> tuple[Usage, ...]:
        separator = _draw_separator()
        shape = ("--parsable", f"--delimiter={separator}", f"--format={','.join(USAGE_FIELDS)}")
        text = await self._ask("sacct", "--allusers", "--allocations", "--duplicates", "--noheader", *shape, *which)
        return _read("sacct", lambda: parse_usage(text, separator))

    async def _ask(self, program: str, *arguments: str) -> str:
        output = await self._run(program, [str(self._settings.bin_dir / program), *arguments])
        check_answer(program, output)
        return output.stdout

    async def _run(self, program: str, argv: list[str], *, stdin: str | None = None, linger_s: float = 0.0) -> Output:
        self.asked[program] += 1
        environment = {"PATH": "/usr/bin:/bin"}
        if self._settings.conf is not None:
            environment["SLURM_CONF"] = str(self._settings.conf)
        if program != "sbatch":  # whose environment the job inherits
            environment |= {"LC_ALL": "C", "TZ": "UTC", "SLURM_TIME_FORMAT": "%s"}
        try:
            return await run(
                program,
                argv,
                environment=environment,
                timeout_s=self._settings.command_timeout_s,
                stdin=stdin,
                linger_s=linger_s,
            )
        except CommandSilent as error:
            raise SlurmUnavailable(str(error)) from error


def _render_options(request: JobRequest) -> list[str]:
    return [
        "--parsable",
        f"--job-name={request.name}",
        f"--partition={request.partition}",
        f"--time={render_time_limit(request.time_limit)}",
        f"--nodes={request.nodes}",
        *(["--exclusive"] if request.exclusive else []),
        *([f"--account={request.account}"] if request.account else []),
        "--no-requeue",
        # The whole environment of sbatch, which holds nothing but the few names set in _run and sudo's. NONE, NIL
        # and a list of names all make the node run a login shell of the user first (SLURM_GET_USER_ENV): on Slurm
        # 22.05 that took 1.2 s from submit to the first line of the script instead of 0.1 s.
        "--export=ALL",
        f"--output={request.output}",
        "--chdir=/",
        *request.options,
    ]


def _draw_separator() -> str:
    return f"|{secrets.token_hex(8)}|"


def _at_least_one(rows: tuple[Answer, ...]) -> tuple[Answer, ...]:
    if not rows:
        raise ValueError("it is empty, and no cluster is")
    return rows


def _read(program: str, parse: Callable[[], Answer]) -> Answer:
    try:
        return parse()
    except ValueError as error:
        raise SlurmUnavailable(f"{program} gave an answer that cannot be read ({error}).") from error


def _list_words(words: Iterable[str]) -> Iterator[str]:
    """``words`` with commas between them, in lists that are not too long for an argument."""
    listed: list[str] = []
    length = 0
    for word in words:
        if listed and length + len(word) > LONGEST_LIST:
            yield ",".join(listed)
            listed, length = [], 0
        listed.append(word)
        length += len(word) + 1
    if listed:
        yield ",".join(listed)
