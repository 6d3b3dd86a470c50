"""Record anew what the real daemons print: ``python tests/contract/slurm/record.py``. Review the difference."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

if __name__ == "__main__":
    os.environ["NEURONHUB_RECORD"] = "1"
    sys.exit(pytest.main([str(Path(__file__).parent / "test_slurm.py"), "-k", "real", *sys.argv[1:]]))
