"""The example notebooks: run from top to bottom in the base without a warning, and kept clean in the repository."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

NOTEBOOKS = Path(__file__).parents[3] / "notebooks"
EXAMPLES = sorted(NOTEBOOKS.glob("*.ipynb"))

RUN = """
import sys, nbformat
from nbclient import NotebookClient
notebook = nbformat.read(sys.argv[1], 4)
NotebookClient(notebook, timeout=60, kernel_name="python3").execute(cwd=sys.argv[2])
nbformat.write(notebook, sys.argv[2] + "/ran.ipynb")
"""


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def test_there_are_examples() -> None:
    assert [path.name for path in EXAMPLES] == ["iris_ex.ipynb"]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_lies_clean_in_the_repository(path: Path) -> None:
    cells = read(path)["cells"]
    assert all(cell.get("outputs", []) == [] and cell.get("execution_count") is None for cell in cells)
    ids = [cell["id"] for cell in cells]
    assert len(set(ids)) == len(ids)
    assert all(name.replace("-", "").isalpha() for name in ids), "an id says what its cell does"


def test_iris_runs_and_draws_without_a_word_on_stderr(base: Path, tmp_path: Path) -> None:
    subprocess.run(
        [base / "bin" / "python", "-I", "-c", RUN, NOTEBOOKS / "iris_ex.ipynb", tmp_path],
        check=True,
        timeout=120,
        env=dict(os.environ, HOME=str(tmp_path), IPYTHONDIR=str(tmp_path / "ipython")),
    )
    outputs = [output for cell in read(tmp_path / "ran.ipynb")["cells"] for output in cell.get("outputs", [])]
    assert [output for output in outputs if output.get("name") == "stderr"] == []
    images = [output["data"]["image/png"] for output in outputs if "image/png" in output.get("data", {})]
    assert len(images) == 3
    assert all(base64.b64decode(image).startswith(b"\x89PNG") for image in images)
    printed = "".join("".join(output.get("text", "")) for output in outputs)
    assert "accuracy" in printed
