"""Record anew what the real daemons print: ``python tests/contract/slurm/record.py``. Review the difference."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

FILES = [Path(__file__).parent / name for name in ("test_slurm.py", "test_accounting.py")]

if __name__ == "__main__":
    os.environ["NEURONHUB_RECORD"] = "1"
    sys.exit(pytest.main([*map(str, FILES), "-k", "real", *sys.argv[1:]]))
