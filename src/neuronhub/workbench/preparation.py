"""The notebook environment at a start that finds none: made before Jupyter is imported, in a process of its own.

Runs in the job; as ``python -I -m neuronhub.workbench.preparation`` it is that process. Whatever becomes of it, the
server starts all the same. Standard library only.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from neuronhub import language
from neuronhub.environments.layout import Layout
from neuronhub.environments.types import Progress
from neuronhub.errors import CommandSilent, EnvironmentFailed
from neuronhub.language import translate as _
from neuronhub.process import run
from neuronhub.protocol import PREPARING_PATH, Preparing
from neuronhub.workbench.announce import ask

LIMIT_S = 120.0
"""Less than a hub waits for a server. What was fetched until then is there the next time."""
ANSWER_LIMIT_S = 1.0
INTERVAL_S = 0.3
"""Between two words to the hub."""
MOST_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class HubAddress:
    """The hub, as this start reaches it."""

    api_url: str
    token: str = field(repr=False)
    source: str
    """Our own address on the way there."""


async def prepare_environment(layout: Layout, hub: HubAddress, say: Callable[[str], None]) -> str | None:
    """Make the environment and tell the hub how far it is; return None, or why it could not be made: a sentence."""
    tale = _Tale(say)
    telling = asyncio.create_task(_tell(hub, tale, say))
    try:
        output = await run(
            "the making of the environment",
            [sys.executable, "-I", "-m", __name__],
            environment=os.environ,
            stdin=json.dumps(layout.to_json()),
            timeout_s=LIMIT_S,
            limit_bytes=MOST_BYTES,
            take=tale.take,
        )
    except CommandSilent as error:
        say(str(error))
        return _("The environment could not be made in time. Open Environment and press Create.")
    finally:
        telling.cancel()
    if output.stderr:
        say(output.stderr.strip())
    if output.code != 0 and not tale.error:
        return _("The environment could not be made. Open Environment and press Create; the job's log has more.")
    return tale.error


async def _tell(hub: HubAddress, tale: _Tale, say: Callable[[str], None]) -> None:
    """Tell the hub now and then; nothing depends on it, so that its first refusal is the last thing said of it."""
    url = f"{hub.api_url.rstrip('/')}/{PREPARING_PATH}"
    headers = {"Authorization": f"token {hub.token}", "Content-Type": "application/json"}
    told = False
    while True:
        await tale.changed.wait()
        tale.changed.clear()
        body = json.dumps(asdict(Preparing(tale.done))).encode()
        try:
            async with asyncio.timeout(ANSWER_LIMIT_S):
                answer = await ask("POST", url, headers=headers, body=body, source=hub.source)
            trouble = "" if 200 <= answer.status < 300 else f"HTTP {answer.status}"
        except (OSError, ValueError) as error:  # TimeoutError is an OSError
            trouble = f"{type(error).__name__} {error}".strip()
        if trouble and not told:
            say(f"the hub does not take word of the environment ({trouble})")
            told = True
        await asyncio.sleep(INTERVAL_S)


class _Tale:
    """What the process has told so far, a JSON object a line."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self.done = 0.0
        self.error: str | None = None
        self.changed = asyncio.Event()
        self._say = say
        self._step = ""
        self._begun = b""

    def take(self, data: bytes) -> None:
        """Standard output, as it comes."""
        *lines, self._begun = (self._begun + data).split(b"\n")
        for line in lines:
            told = json.loads(line)
            if "error" in told:
                self.error = told["error"]
                continue
            self.done = told["done"]
            self.changed.set()
            if told["step"] != self._step:
                self._step = told["step"]
                self._say(self._step)


def main() -> None:
    """Do what ``neuronhub env create`` does for the layout on standard input, and tell of it on standard output."""
    from neuronhub.environments.operations import ensure_environment
    from neuronhub.environments.profile import ensure_profile
    from neuronhub.environments.shell_files import ensure_shell_files

    language.current.set(os.environ.get("NEURONHUB_LANGUAGE", language.LANGUAGES[0]))
    # Libraries may print too, for a person; the words for our parent have their own way out.
    words = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def report(progress: Progress) -> None:
        print(json.dumps(asdict(progress)), file=words, flush=True)

    layout, home = Layout.from_json(json.load(sys.stdin)), Path(os.environ["HOME"])
    try:
        ensure_environment(layout, report)
        ensure_shell_files(home, layout)
        ensure_profile(home)
    except EnvironmentFailed as error:
        print(json.dumps({"error": str(error)}), file=words, flush=True)
    sys.stderr.flush()
    os._exit(0)  # py-rattler sometimes aborts at the end of an interpreter, when all is done


if __name__ == "__main__":
    main()
