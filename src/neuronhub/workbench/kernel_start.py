"""The start of a kernel: over when it listens or when it has failed, and then it says why.

In the user's Jupyter server. Jupyter itself takes a kernel for started once it has a process, and starts one that dies
five more times before it says "dead", without a reason.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from typing import Any

from jupyter_client.ioloop.restarter import AsyncIOLoopKernelRestarter
from jupyter_server.services.kernels.handlers import KernelActionHandler
from jupyter_server.services.kernels.kernelmanager import ServerKernelManager
from tornado.web import HTTPError
from traitlets import Type

from neuronhub.environments.kernel_probe import find_last_line
from neuronhub.language import translate as _
from neuronhub.workbench.notebook import Notebook
from neuronhub.workbench.sentences import wrap

PATIENCE_S = 30.0
"""A kernel that still has not opened its ports may do so later: the page waits for it by itself."""
LOOK_S = 0.02
TAIL_BYTES = 8192


class KernelFailed(HTTPError):
    """A kernel could not start; ``str`` is a sentence that says why and what to do."""

    def __init__(self, sentence: str) -> None:
        # Pages show a plain % twice, and a line as long as it is.
        super().__init__(500, wrap(sentence.replace("%", "\uff05")))

    def __str__(self) -> str:
        return str(self.log_message)


class LastWords:
    """Standard error of a kernel: handed on to the job's log as it comes, and the end of it kept."""

    def __init__(self) -> None:
        self._tail = b""
        self._read, self.write = os.pipe()
        os.set_blocking(self._read, False)
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._read, self._hand_on)

    def release(self) -> None:
        """Leave the writing end to the kernel alone."""
        os.close(self.write)

    def find_reason(self) -> str:
        """The last line that was printed, or ''."""
        self._hand_on()
        return find_last_line(self._tail.decode(errors="replace"))

    def _hand_on(self) -> None:
        if self._read < 0:
            return
        try:
            data = os.read(self._read, 65536)
        except BlockingIOError:
            return
        if not data:
            self._loop.remove_reader(self._read)
            os.close(self._read)
            self._read = -1
            return
        self._tail = (self._tail + data)[-TAIL_BYTES:]
        sys.stderr.buffer.write(data)
        sys.stderr.flush()


class NotebookKernelRestarter(AsyncIOLoopKernelRestarter):  # type: ignore[misc]
    """Gives up at once when a kernel that has died cannot be started again."""

    async def poll(self) -> None:
        """Look after the kernel, every few seconds."""
        try:
            await super().poll()
        except KernelFailed as failure:
            self.log.warning("the kernel cannot be started again: %s", failure)
            self.stop()


class NotebookKernelManager(ServerKernelManager):  # type: ignore[misc]
    """One kernel, started so that a broken environment is told in the page's own dialog."""

    restarter_class = Type(
        default_value=NotebookKernelRestarter, klass="jupyter_client.ioloop.restarter.KernelRestarter"
    )

    async def restart_kernel(self, *args: Any, **kwargs: Any) -> None:
        """Restart it, or have all pages know that it is dead: the next start there says why again."""
        try:
            await super().restart_kernel(*args, **kwargs)
        except KernelFailed:
            self._restarter._fire_callbacks("dead")
            raise

    async def _async_launch_kernel(self, kernel_cmd: list[str], **kw: Any) -> None:
        notebook: Notebook = self.kernel_spec_manager.notebook
        belongs = self.kernel_spec.env.get("CONDA_PREFIX") == str(notebook.prefix)
        if belongs and (obstacle := notebook.find_obstacle()):
            raise KernelFailed(obstacle)
        words = LastWords()
        try:
            await super()._async_launch_kernel(kernel_cmd, **{**kw, "stderr": words.write})
        except OSError as error:
            raise self._make_failure(f"{error.filename or kernel_cmd[0]}: {error.strerror}", belongs) from error
        finally:
            words.release()
        if self.transport == "tcp" and not await self._opens():
            code = await self.provisioner.wait()
            raise self._make_failure(words.find_reason() or _("it ended with code {code}").format(code=code), belongs)

    async def _opens(self) -> bool:
        """Wait until the kernel listens; False when it has ended instead."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_S):
                while not await self._listens():
                    if not await self._async_is_alive():
                        return False
                    await asyncio.sleep(LOOK_S)
        return True

    async def _listens(self) -> bool:
        try:
            _reader, writer = await asyncio.open_connection(self.ip, self.hb_port)
        except OSError:
            return False
        writer.close()
        return True

    def _make_failure(self, reason: str, belongs: bool) -> KernelFailed:
        name = self.kernel_spec.display_name
        if not belongs:
            return KernelFailed(_("The kernel {name} could not start: {reason}").format(name=name, reason=reason))
        text = _(
            "The kernel {name} could not start: {reason}. "
            "Something in the notebook environment is broken: open Environment and press Repair."
        )
        return KernelFailed(text.format(name=name, reason=reason.rstrip(".")))


class KernelRestartHandler(KernelActionHandler):  # type: ignore[misc]
    """Restart and interrupt, where a restart that fails says why."""

    async def post(self, kernel_id: str, action: str) -> None:
        """The answers are Jupyter Server's."""
        try:
            await super().post(kernel_id, action)
        except HTTPError as error:
            if isinstance(error.__cause__, KernelFailed):
                raise error.__cause__ from None
            raise


RESTART_PATTERN = r"/api/kernels/(?P<kernel_id>\w+-\w+-\w+-\w+-\w+)/(?P<action>restart|interrupt)"
"""As Jupyter Server routes it."""
