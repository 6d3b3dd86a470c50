"""A program of its own, run by the Python of the user's environment: one TensorBoard on a unix socket.

Called as ``serve.py FOLDER SOCKET PATH_PREFIX``. It needs nothing but TensorBoard, and ends with the Jupyter server
that started it.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from types import ModuleType
from typing import Any

EXIT_MISSING = 3
"""The environment has no (working) TensorBoard; the last line on standard error says why."""
_PR_SET_PDEATHSIG = 1


def end_with_parent() -> None:
    """Have the kernel end this process when the Jupyter server is gone, however that ended."""
    parent = os.getppid()
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit(0)


def leave_tensorflow_out() -> None:
    """Have TensorBoard read its files by itself, as it does where there is no TensorFlow.

    Importing that takes ten seconds from a cold disk and hundreds of MB; only files on other sites' storage need it.
    """
    sys.modules["tensorboard.compat.notf"] = ModuleType("tensorboard.compat.notf")


def make_server_class(path: str) -> Any:
    """A TensorBoardServer that listens at ``path``, for nobody but its owner."""
    from tensorboard.program import TensorBoardServer
    from werkzeug import serving

    class UnixServer(serving.ThreadedWSGIServer, TensorBoardServer):  # type: ignore[misc]
        daemon_threads = True

        def __init__(self, application: Any, flags: Any) -> None:
            os.umask(0o177)
            super().__init__(f"unix://{path}", 0, application)
            os.umask(0o077)

        def get_url(self) -> str:
            return "http://localhost:0/"  # TensorBoard notes it in its list of running ones, which is ours alone

        def print_serving_message(self) -> None:
            """Say nothing: the address is the Jupyter server's."""

    return UnixServer


def main(folder: str, path: str, prefix: str) -> int:
    """Serve ``folder`` until told to end."""
    end_with_parent()
    # Where TensorBoard lists what runs; in /tmp itself everybody could read which folders somebody looks at.
    os.environ["TMPDIR"] = os.path.dirname(path)
    leave_tensorflow_out()
    try:
        from tensorboard import default, program
        from tensorboard.util import tensor_util  # noqa: F401 - breaks first when protobuf does not fit

        server_class = make_server_class(path)
    except Exception as error:  # noqa: BLE001 - whatever a user's packages raise at import is the answer
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return EXIT_MISSING
    board = program.TensorBoard(plugins=default.get_plugins(), server_class=server_class)
    # The quick loader would listen on a TCP port, for everybody on the node.
    board.configure(argv=["tensorboard", f"--logdir={folder}", f"--path_prefix={prefix}", "--load_fast=false"])
    return int(board.main())


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
