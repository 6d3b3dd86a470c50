"""The Jupyter server of one user: JupyterHub's single-user extension on a socket that is bound already.

Runs on the compute node, in the job's process; the imports here are what a start waits for.
"""

from __future__ import annotations

import asyncio
import gc
import os
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from jupyter_server.auth.decorator import allow_unauthenticated
from jupyter_server.base.handlers import APIHandler
from jupyter_server.log import log_request
from jupyter_server.serverapp import ServerApp
from jupyterhub._version import __version__ as jupyterhub_version
from jupyterhub._version import _check_version
from tornado.httpserver import HTTPServer
from tornado.web import HTTPError
from traitlets import Instance
from traitlets.config import Config

from neuronhub.protocol import EXIT_SERVER_SILENT, PROOF_PATH, make_proof
from neuronhub.workbench.announce import ANSWER_LIMIT_S, announce, ask
from neuronhub.workbench.conversion import FILE_PATTERN, ConversionHandler, make_conversion_config
from neuronhub.workbench.deferral import deferred_imports, load_http_client, load_lab
from neuronhub.workbench.errors import StartFailed
from neuronhub.workbench.kernel_start import RESTART_PATTERN, KernelRestartHandler, NotebookKernelManager
from neuronhub.workbench.kernels import NotebookKernelSpecs
from neuronhub.workbench.labextensions import make_showcase, show_extensions
from neuronhub.workbench.notebook import Notebook
from neuronhub.workbench.panel import make_panel_handlers
from neuronhub.workbench.terminals import make_terminal_command
from neuronhub.workbench.tools import Tools, make_tools

with deferred_imports():
    load_lab()
    from jupyterhub.singleuser.extension import JupyterHubSingleUser

KERNEL_GRACE_S = 1.0
"""How long a kernel may take to end by itself once the job is told to end."""
STOP_LIMIT_S = 2.5
"""After this the process ends, whatever still hangs; Slurm kills after its KillWait."""


class ProofHandler(APIHandler):  # type: ignore[misc]
    """Shows the hub that this server holds the token of its start, without sending it."""

    def initialize(self, port: int) -> None:
        """``port`` is the one that this server listens on."""
        self.port = port

    @allow_unauthenticated  # type: ignore[untyped-decorator]
    def get(self) -> None:
        """Answer the proof for ``?nonce=``, 16 to 128 hexadecimal digits."""
        nonce = self.get_query_argument("nonce", "")
        if not (16 <= len(nonce) <= 128 and all(digit in "0123456789abcdefABCDEF" for digit in nonce)):
            raise HTTPError(400, "nonce must be 16 to 128 hexadecimal digits")
        self.finish({"proof": make_proof(os.environ["JUPYTERHUB_API_TOKEN"], nonce, self.port)})


class WorkbenchServer(ServerApp):  # type: ignore[misc]
    """A ServerApp that ends in time: Slurm gives a job only seconds between the word and the kill."""

    notebook = Instance(Notebook, allow_none=True)

    def _signal_stop(self, sig: Any, frame: Any) -> None:
        deadline = threading.Timer(STOP_LIMIT_S, os._exit, (0,))
        deadline.daemon = True
        deadline.start()
        super()._signal_stop(sig, frame)

    async def cleanup_kernels(self) -> None:
        """Shut the kernels down; one that is busy is killed."""
        # One that could not start is pending for ever in Jupyter's book, and would keep the others from ending.
        pending = self.kernel_manager._pending_kernels
        for kernel_id in [known for known, task in pending.items() if task.done() and known not in self.kernel_manager]:
            del pending[kernel_id]
        for kernel_id in self.kernel_manager.list_kernel_ids():
            self.kernel_manager.get_kernel(kernel_id).shutdown_wait_time = KERNEL_GRACE_S
        await super().cleanup_kernels()


class Workbench(JupyterHubSingleUser):  # type: ignore[misc]
    """JupyterHub's extension, with the proof, and with nothing asked of the hub before the server is announced."""

    serverapp_class = WorkbenchServer
    announced: asyncio.Event
    tools: Tools | None = None

    def initialize_handlers(self) -> None:
        """Add the proof, and what has to do with the notebook environment, the tools that run in it among them."""
        # Not the ServerApp's port: a configuration file could set that one, and the socket is bound already.
        port = urlsplit(os.environ["JUPYTERHUB_SERVICE_URL"]).port
        self.handlers.append((f"/{PROOF_PATH}", ProofHandler, {"port": port}))
        self.handlers.append((FILE_PATTERN, ConversionHandler))
        if notebook := self.serverapp.notebook:
            self.handlers.append((RESTART_PATTERN, KernelRestartHandler))
            self.handlers.extend(make_panel_handlers(notebook))
            self.tools = make_tools(notebook, self.serverapp.root_dir, self.serverapp.base_url)
            self.handlers.extend(self.tools.make_handlers())

    async def stop_extension(self) -> None:
        """End TensorBoards and clusters too."""
        if self.tools is not None:
            await self.tools.close()
        await super().stop_extension()

    async def check_hub_version(self) -> None:
        """Leave it to the announcement, whose answer tells the version: a hub that is away kills no start."""
        self.announced = asyncio.Event()

    async def keep_activity_updated(self) -> None:
        """Report activity once the hub knows this server."""
        await self.announced.wait()
        await super().keep_activity_updated()


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    return [{"module": "neuronhub.workbench.server", "app": Workbench}]


@dataclass(frozen=True, slots=True)
class Opening:
    """From listening to announced: what happens once the server's loop runs."""

    app: ServerApp
    address: str
    port: int
    say: Callable[[str], None]

    async def open(self) -> None:
        """Look whether the server answers, then tell the hub. Raises StartFailed."""
        await self._ask_ourselves()
        gc.freeze()
        gc.enable()
        answer = await announce(
            self.port,
            api_url=os.environ["JUPYTERHUB_API_URL"],
            token=os.environ["JUPYTERHUB_API_TOKEN"],
            source=self.address,
            say=self.say,
        )
        self.say("announced to the hub")
        _check_version(answer.headers.get("x-jupyterhub-version"), jupyterhub_version, self.app.log)
        await asyncio.to_thread(load_http_client)
        self.app.starter_app.announced.set()

    async def _ask_ourselves(self) -> None:
        url = os.environ["JUPYTERHUB_SERVICE_URL"]
        try:
            async with asyncio.timeout(ANSWER_LIMIT_S):
                answer = await ask("GET", f"{url}api", headers={}, body=b"", source=self.address)
            trouble = f"answers with HTTP {answer.status}" if answer.status != 200 else ""
        except (OSError, ValueError) as error:
            trouble = f"does not answer ({type(error).__name__} {error})"
        if trouble:
            raise StartFailed(
                EXIT_SERVER_SILENT, f"The Jupyter server {trouble}. Start again, on another node if need be."
            )
        self.say(f"the server answers at {url}")


def make_config(notebook: Notebook | None, say: Callable[[str], None]) -> Config:
    """Jupyter's settings for this server; files of the site and of the user may add to them."""
    config = make_conversion_config()
    config.LabServerApp.labextensions_path = show_extensions(make_showcase(say))
    if notebook:
        config.ServerApp.kernel_spec_manager_class = NotebookKernelSpecs
        manager = f"{NotebookKernelManager.__module__}.{NotebookKernelManager.__name__}"
        config.MappingKernelManager.kernel_manager_class = manager
        terminal = make_terminal_command(notebook, os.environ["SHELL"], os.environ["HOME"])
        config.ServerApp.terminado_settings = {"shell_command": terminal}
    return config


def run_server(
    listener: socket.socket, notebook: Notebook | None, args: tuple[str, ...], say: Callable[[str], None]
) -> None:
    """Run the server on ``listener`` until it is told to stop; the environment says all the rest.

    Raises StartFailed when the server could not be announced.
    """
    app = Workbench.make_serverapp(
        jpserver_extensions={__name__: True},
        no_browser_open_file=True,
        notebook=notebook,
        config=make_config(notebook, say),
    )
    app.initialize(
        argv=list(args),
        starter_extension=Workbench.name,
        find_extensions=Workbench.load_other_extensions,
        new_httpserver=False,
    )
    # JupyterHub logs every request that went well; in a job's log that is a line a second for each open page.
    app.web_app.settings["log_function"] = log_request
    http_server = HTTPServer(
        app.web_app, xheaders=app.trust_xheaders, max_body_size=app.max_body_size, max_buffer_size=app.max_buffer_size
    )
    failures: list[StartFailed] = []
    address, port = listener.getsockname()[:2]
    opening = Opening(app, address, port, say)

    async def open_up() -> None:
        http_server.add_socket(listener)
        try:
            await opening.open()
        except StartFailed as failure:
            failures.append(failure)
            app.stop()

    app.io_loop.add_callback(open_up)
    app.start()
    if failures:
        raise failures[0]
