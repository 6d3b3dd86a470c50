"""Starts what a new base contains: its Python, packages, a Jupyter server, a kernel. As the operator who builds it."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Callable, Collection, Sequence

from rattler import MatchSpec

from neuronhub.environments.bases import Base
from neuronhub.errors import CommandSilent, EnvironmentFailed
from neuronhub.language import translate as _
from neuronhub.process import run

TIME_LIMIT_S = 180.0
"""For one thing to start; a cold file system and a large package take their time."""
AT_ONCE = 2

_LIBRARY = "import bz2, ctypes, hashlib, lzma, sqlite3, ssl, uuid, zlib"

_IMPORTS = """\
import importlib, importlib.metadata, json, re, sys
asked = set(json.loads(sys.argv[1]))
modules = {}
for module, names in importlib.metadata.packages_distributions().items():
    for name in names:
        modules.setdefault(re.sub(r"[-_.]+", "-", name).lower(), []).append(module)
for name in sorted(asked & modules.keys()):
    failures = []
    for module in sorted(modules[name], key=lambda module: (module.startswith("_"), module)):
        try:
            importlib.import_module(module)
            break
        except Exception as error:
            failures.append(f"{module}: {error}")
    else:
        sys.exit(f"{name} cannot be imported ({'; '.join(failures)})")
"""

_KERNEL = """\
from ipykernel.kernelspec import get_kernel_dict
from jupyter_client import KernelManager
from jupyter_client.kernelspec import KernelSpec
manager = KernelManager()
manager._kernel_spec = KernelSpec(resource_dir="", **get_kernel_dict())
manager.start_kernel()
client = manager.client()
client.start_channels()
client.wait_for_ready(timeout=120)
answers = []
client.execute_interactive("print(6 * 7)", timeout=60, output_hook=answers.append)
client.stop_channels()
manager.shutdown_kernel(now=True)
if not any(answer["content"].get("text") == "42\\n" for answer in answers):
    raise SystemExit(f"the kernel computed nothing: {answers}")
"""

_SERVER = """\
import http.client, os, socket, subprocess, sys, time
place = os.environ["HOME"] + "/server"
options = ["--ServerApp.sock=" + place, "--ServerApp.open_browser=False", "--ServerApp.root_dir=" + os.environ["HOME"]]
server = subprocess.Popen([sys.executable, "-I", "-m", "jupyter_server", "--allow-root", *options])
status = 0
while status != 200 and server.poll() is None:
    connection = http.client.HTTPConnection("localhost")
    connection.sock = socket.socket(socket.AF_UNIX)
    try:
        connection.sock.connect(place)
        connection.request("GET", "/api")
        status = connection.getresponse().status
    except OSError:
        time.sleep(0.1)
    finally:
        connection.close()
if server.poll() is not None:
    sys.exit(f"the server ended with code {server.returncode}")
server.terminate()
server.wait()
"""

_STARTS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("python", "Python", ("-c", _LIBRARY)),
    ("pip", "pip", ("-m", "pip", "--version")),
    ("ipykernel", "a kernel", ("-c", _KERNEL)),
    ("jupyter-server", "a Jupyter server", ("-c", _SERVER)),
    ("tensorboard", "TensorBoard", ("-m", "tensorboard.main", "--version")),
    ("neuronhub", "neuronhub", ("-m", "neuronhub.cli", "--version")),
)
"""(package that has to be there, what is started, arguments of the base's Python)"""


async def check_base(base: Base, packages: Collection[str], report: Callable[[int, int], None]) -> None:
    """Start what is in the base, which has ``packages`` (names), and import everything that its spec names.

    Nothing is written into it. ``report`` is told how many of how many things are done. Raises EnvironmentFailed.
    """
    asked = [MatchSpec(line).name.normalized for line in base.spec]
    starts = [(what, argv) for package, what, argv in _STARTS if package in packages]
    starts.append((_("what the spec names"), ("-c", _IMPORTS, json.dumps(asked))))
    done = 0
    turns = asyncio.Semaphore(AT_ONCE)

    async def start(what: str, argv: Sequence[str]) -> None:
        nonlocal done
        async with turns:
            await _start(base, what, argv)
        done += 1
        report(done, len(starts))

    await asyncio.gather(*(start(what, argv) for what, argv in starts))


async def _start(base: Base, what: str, argv: Sequence[str]) -> None:
    with tempfile.TemporaryDirectory(prefix="neuronhub-") as home:
        environment = {
            "HOME": home,
            "PATH": f"{base.path / 'bin'}:/usr/bin:/bin",
            "LC_ALL": "C.UTF-8",
            "MPLBACKEND": "agg",
            "TMPDIR": home,
        }
        try:
            output = await run(
                what, [str(base.interpreter), "-I", "-B", *argv], environment=environment, timeout_s=TIME_LIMIT_S
            )
            problem = "" if output.code == 0 else f"{output.stdout}\n{output.stderr}".strip()[-800:] or str(output.code)
        except CommandSilent as error:
            problem = str(error)
    if problem:
        raise EnvironmentFailed(
            _(
                "The new base was not kept: {what} does not start in it. Mend the spec or the channel.\n{problem}"
            ).format(what=what, problem=problem)
        )
