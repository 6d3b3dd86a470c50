"""What is measured of each subject on the embedded site, one after the other; the user's folder lies on a real disk."""

from __future__ import annotations

import asyncio
import json
import re
import statistics
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from bench.environments.subjects import COPY, FULL, LAYERED, ONE_PACKAGE, PLANS, SUBJECTS, UV, Ground, Step
from bench.figures import Figures
from bench.site import CHECKOUT, Site, run_command

LOCK = CHECKOUT / "requirements" / "base.txt"
CHANNEL_LOCK = CHECKOUT / "requirements" / "channel.txt"
WHEELS = CHECKOUT / ".cache" / "bench-wheels"
FIRST_ANSWER = CHECKOUT / "bench" / "first_answer.py"
SYSTEM_PYTHON = "/usr/bin/python3"
BASE = "/apps/jupyter/bases/current"
DROP_CACHES = Path("/proc/sys/vm/drop_caches")
USERS = {LAYERED: "u01", FULL: "u02", UV: "u03", COPY: "u03", "venv": "u04"}
"""The copy is one of uv's tree."""
STEPS = ("create-cold", "create", "reset", "install-one", "install-e4")
SERVERS = ("server-cold", "server")
NAMES = (*STEPS, *SERVERS)


async def ensure_wheels() -> None:
    """Have the wheels of the locks on the disk, so that no download is timed."""
    WHEELS.mkdir(parents=True, exist_ok=True)
    download = (sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:", f"--dest={WHEELS}")
    await run_command(*download, "--require-hashes", "-r", str(LOCK))
    pinned = re.search(rf"(?m)^{ONE_PACKAGE}==\S+", CHANNEL_LOCK.read_text())
    assert pinned is not None, f"{CHANNEL_LOCK} locks no {ONE_PACKAGE}"
    await run_command(*download, pinned[0])


async def lay_ground(site: Site) -> None:
    """Lay lock, wheels and programs where the site's users can read them."""
    folder = site.folder / "environments"
    folder.mkdir()
    for file in (LOCK, CHECKOUT / "bench" / "environments" / "inside.py", FIRST_ANSWER):
        (folder / file.name).write_bytes(file.read_bytes())
    (folder / "wheels").mkdir()
    for wheel in WHEELS.glob("*.whl"):
        (folder / "wheels" / wheel.name).hardlink_to(wheel)


def set_kind(site: Site, kind: str) -> None:
    """Have the next environments be of this kind."""
    path = Path(site.status["site_file"])
    text = re.sub(r'(?m)^kind = "(layered|full)"\n', "", path.read_text())
    path.write_text(text.replace("[environments]\n", f'[environments]\nkind = "{kind}"\n', 1))


async def measure(
    site: Site, subjects: Sequence[str], scenarios: Sequence[str], *, quick: bool
) -> AsyncIterator[Figures]:
    """Measure ``scenarios`` of ``subjects``, in the order of SUBJECTS."""
    await ensure_wheels()
    await lay_ground(site)
    for subject in (name for name in SUBJECTS if name in subjects):
        user = USERS[subject]
        ground = Ground(
            f"/scratch/{user}", *(str(site.folder / "environments" / name) for name in (LOCK.name, "wheels"))
        )
        set_kind(site, "full" if subject == FULL else "layered")
        for step in PLANS[subject](ground):
            if step.scenario in scenarios:
                yield await measure_step(site, user, subject, step, repeat=1 if quick else step.repeat)
        if subject in (LAYERED, UV):
            prefix = BASE if subject == LAYERED else f"{ground.scratch}/uv/env"
            for scenario in (name for name in SERVERS if name in scenarios):
                yield await measure_server(site, user, subject, prefix, scenario, repeat=1 if quick else 5)


async def measure_step(site: Site, user: str, subject: str, step: Step, *, repeat: int) -> Figures:
    """One step, ``repeat`` times; the median of the seconds."""
    job = {
        "commands": step.commands,
        "trees": step.trees,
        "before": step.before,
        "environment": dict(step.environment),
    }
    outcomes = [await _run_inside(site, user, "inside.py", stdin=json.dumps(job)) for _ in range(repeat)]
    problems = tuple(dict.fromkeys(str(outcome["problem"]) for outcome in outcomes if outcome["problem"]))
    if problems:
        return Figures(step.scenario, subject, {}, problems)
    values = {
        "seconds": statistics.median(outcome["seconds"] for outcome in outcomes),
        "entries": outcomes[-1]["entries"],
        "mib": outcomes[-1]["bytes"] / 2**20,
    }
    return Figures(step.scenario, subject, values)


async def measure_server(site: Site, user: str, subject: str, prefix: str, scenario: str, *, repeat: int) -> Figures:
    """Starts of a Jupyter server: ours by the launcher, uv's as plain JupyterLab."""
    words = ("workbench" if subject == LAYERED else "lab", prefix, f"/scratch/{user}")
    outcomes = []
    for _ in range(1 if scenario == "server-cold" else repeat):
        if scenario == "server-cold":
            await asyncio.to_thread(DROP_CACHES.write_text, "3")
        outcomes.append(await _run_inside(site, user, FIRST_ANSWER.name, *words))
    problems = tuple(dict.fromkeys(str(outcome["problem"]) for outcome in outcomes if outcome["problem"]))
    if problems:
        return Figures(scenario, subject, {}, problems)
    values = {key: statistics.median(outcome[key] for outcome in outcomes) for key in ("seconds", "rss_mib")}
    return Figures(scenario, subject, values)


async def _run_inside(site: Site, user: str, program: str, *words: str, stdin: str = "") -> dict[str, float]:
    script = str(site.folder / "environments" / program)
    outcome: dict[str, float] = json.loads(await site.run(SYSTEM_PYTHON, script, *words, user=user, stdin=stdin))
    return outcome
