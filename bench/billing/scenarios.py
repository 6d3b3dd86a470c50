"""The collector and the usage page on SQLite, PostgreSQL and the embedded site; beside them plain SQL."""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import aiohttp

from bench.billing.inside import Task, Values, parse_values, render_task
from bench.billing.jobs import MONTH
from bench.figures import Figures, take_percentile
from bench.postgresql import run_postgresql
from bench.site import Site, SiteError, open_site, run_command

NEURONHUB, PLAIN = "neuronhub", "plain"
SUBJECTS = (NEURONHUB, PLAIN)
SQLITE, POSTGRESQL = "sqlite", "postgresql"
COLLECTOR, PAGE, HTTP = "collector", "page", "page-http"
NAMES = (*(f"{what}-{where}" for where in (SQLITE, POSTGRESQL) for what in (COLLECTOR, PAGE)), HTTP)
COUNT, QUICK_COUNT = 100_000, 300
REPEAT, QUICK_REPEAT = 30, 2
OPERATOR = "operator"
RATIOS = ("seconds", "all_p50_ms", "all_p99_ms")


async def measure(scenarios: Sequence[str], log_file: Path, *, quick: bool) -> AsyncIterator[Figures]:
    """Measure ``scenarios`` of both."""
    count, repeat = (QUICK_COUNT, QUICK_REPEAT) if quick else (COUNT, REPEAT)
    for where in (SQLITE, POSTGRESQL):
        if {f"{COLLECTOR}-{where}", f"{PAGE}-{where}"} & set(scenarios):
            with open_ledgers(where, count, repeat) as task:
                async for figures in measure_ledger(where, task, scenarios):
                    yield figures
    if HTTP in scenarios:
        async with open_site(log_file) as site:
            yield await measure_site(site, count, repeat)


@contextmanager
def open_ledgers(where: str, count: int, repeat: int) -> Iterator[Task]:
    """Two empty databases in a folder that is removed in the end."""
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="neuronhub-bench-", dir="/var/tmp"))
        stack.callback(shutil.rmtree, folder)
        records = str(folder / "records")
        if where == SQLITE:
            first, second = (f"sqlite:///{folder}/{name}.sqlite" for name in ("ours", "plain"))
            yield Task(first, "", count, records, repeat, second)
        else:
            server = stack.enter_context(run_postgresql(durable=True))
            first, second = (server.make_database(name) for name in ("ours", "plain"))
            yield Task(first, server.password, count, records, repeat, second)


async def measure_ledger(where: str, task: Task, scenarios: Sequence[str]) -> AsyncIterator[Figures]:
    """The collector, which makes what the page shows, and the page."""
    await work("prepare", task)
    collected = await work("collect", task)
    if f"{COLLECTOR}-{where}" in scenarios:
        inserted = await work("insert_plain", task)
        yield Figures(f"{COLLECTOR}-{where}", NEURONHUB, add_ratios(collected, inserted))
        yield Figures(f"{COLLECTOR}-{where}", PLAIN, inserted)
    if f"{PAGE}-{where}" in scenarios:
        shown, selected = await work("show", task), await work("select_plain", task)
        yield Figures(f"{PAGE}-{where}", NEURONHUB, add_ratios(shown, selected))
        yield Figures(f"{PAGE}-{where}", PLAIN, selected)


def add_ratios(ours: Values, plain: Values) -> Values:
    """``ours`` with what they are in proportion to ``plain``."""
    return ours | {f"{key}_ratio": ours[key] / plain[key] for key in RATIOS if key in ours}


async def work(name: str, task: Task) -> Values:
    """What a process of its own measures."""
    return parse_values(await run_command(sys.executable, "-m", "bench.billing.inside", name, stdin=render_task(task)))


async def measure_site(site: Site, count: int, repeat: int) -> Figures:
    """The whole page, as an operator's browser gets it through the proxy."""
    database = f"sqlite:///{site.state / 'hub' / 'billing.sqlite'}"
    await work("fill", Task(database, "", count, str(site.folder / "records")))
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        await sign_in(site, session)
        url = f"{site.status['url'].rstrip('/')}/hub/usage?account=*&month={MONTH}"
        milliseconds = [await time_page(session, url, count) for _ in range(repeat + 1)]
    values = {f"all_p{percent}_ms": take_percentile(milliseconds[1:], percent) for percent in (50, 99)}
    return Figures(HTTP, NEURONHUB, values)


async def sign_in(site: Site, session: aiohttp.ClientSession) -> None:
    """By the login page, as the operator."""
    login = f"{site.status['url'].rstrip('/')}/hub/login"
    async with session.get(login) as answer:
        found = re.search(r'name="_xsrf" value="([^"]+)"', await answer.text())
    if found is None:
        raise SiteError(f"{login} has no form")
    (account,) = (account for account in site.status["accounts"] if account["id"] == OPERATOR)
    otp = re.search(r"(?m)^[0-9]{6}$", await run_command(*site.command("otp", OPERATOR)))
    assert otp is not None
    fields = {"_xsrf": found[1], "username": OPERATOR, "otp": otp[0], "password": account["password"]}
    async with session.post(login, data=fields, allow_redirects=False) as answer:
        if answer.status != 302:
            raise SiteError(f"{login}: {answer.status}")


async def time_page(session: aiohttp.ClientSession, url: str, count: int) -> float:
    """Milliseconds until the whole page has come."""
    began = time.perf_counter()
    async with session.get(url, allow_redirects=False) as answer:
        text = await answer.text()
    milliseconds = (time.perf_counter() - began) * 1000
    if answer.status != 200 or f"{count:,}" not in text:
        raise SiteError(f"{url}: {answer.status}, without the number of its jobs")
    return milliseconds
