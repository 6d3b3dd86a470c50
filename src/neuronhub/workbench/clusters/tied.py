"""``python -I -m neuronhub.workbench.clusters.tied PID PROGRAM ...``: run a program that ends with the process PID.

A Jupyter server that is killed cannot end its controllers, and where Slurm does not keep jobs in cgroups, nobody would.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Become the program, which the kernel ends with its parent."""
    parent, program = int(sys.argv[1]), sys.argv[2:]
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() == parent:  # else it has ended already
        os.execv(program[0], program)  # noqa: S606 - no shell is what is wanted


if __name__ == "__main__":
    main()
