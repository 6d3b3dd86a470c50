"""The example notebooks: run from top to bottom in the base without a warning, and kept clean in the repository."""

from __future__ import annotations

import base64
import json
import math
import os
import subprocess
from pathlib import Path
from textwrap import indent
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

RUN_WITH_ENGINES = """
import ipyparallel as ipp
with ipp.Cluster(profile="slurm", n=2, cluster_id="", log_level=40):
""" + indent(RUN, "    ")

READ_EVENTS = """
import json, sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
events = EventAccumulator(sys.argv[1], size_guidance={"tensors": 0}).Reload()
tensors = {tag: len(events.Tensors(tag)) for tag in events.Tags()["tensors"]}
plugins = {tag: events.SummaryMetadata(tag).plugin_data.plugin_name for tag in tensors}
nodes = [node.name for node in events.Graph().node] if events.Tags()["graph"] else []
print(json.dumps([tensors, plugins, nodes]))
"""


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def test_there_are_examples() -> None:
    assert [path.name for path in EXAMPLES] == ["ipy_ex.ipynb", "iris_ex.ipynb", "tfboard_ex.ipynb"]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_lies_clean_in_the_repository(path: Path) -> None:
    cells = read(path)["cells"]
    assert all(cell.get("outputs", []) == [] and cell.get("execution_count") is None for cell in cells)
    ids = [cell["id"] for cell in cells]
    assert len(set(ids)) == len(ids)
    assert all(name.replace("-", "").isalpha() for name in ids), "an id says what its cell does"


def run(base: Path, name: str, folder: Path, program: str = RUN) -> list[Any]:
    """The outputs of all cells of the example; there is none on stderr."""
    subprocess.run(
        [base / "bin" / "python", "-I", "-c", program, NOTEBOOKS / name, folder],
        check=True,
        timeout=120,
        env=dict(os.environ, HOME=str(folder), IPYTHONDIR=str(folder / "ipython")),
    )
    outputs = [output for cell in read(folder / "ran.ipynb")["cells"] for output in cell.get("outputs", [])]
    assert [output for output in outputs if output.get("name") == "stderr"] == []
    return outputs


def test_iris_runs_and_draws_without_a_word_on_stderr(base: Path, tmp_path: Path) -> None:
    outputs = run(base, "iris_ex.ipynb", tmp_path)
    images = [output["data"]["image/png"] for output in outputs if "image/png" in output.get("data", {})]
    assert len(images) == 3
    assert all(base64.b64decode(image).startswith(b"\x89PNG") for image in images)
    printed = "".join("".join(output.get("text", "")) for output in outputs)
    assert "accuracy" in printed


def test_X5_engines_estimate_pi_without_a_word_on_stderr(base: Path, tmp_path: Path) -> None:
    outputs = run(base, "ipy_ex.ipynb", tmp_path, RUN_WITH_ENGINES)
    printed = "".join("".join(output.get("text", "")) for output in outputs)
    assert "2 engines answer" in printed
    (estimate,) = (line.split()[-1] for line in printed.splitlines() if line.startswith("π ≈"))
    assert abs(float(estimate) - math.pi) < 0.01
    assert sum("image/png" in output.get("data", {}) for output in outputs) == 1


def read_events(base: Path, folder: Path) -> Any:
    """How many values each tag of a run has, which of TensorBoard's pages shows it, and the nodes of the graph."""
    argv = [str(base / "bin" / "python"), "-I", "-c", READ_EVENTS, str(folder)]
    return json.loads(subprocess.run(argv, check=True, capture_output=True, timeout=60).stdout)


def test_X3_a_training_logs_scalars_a_graph_and_histograms(base: Path, tmp_path: Path) -> None:
    outputs = run(base, "tfboard_ex.ipynb", tmp_path)
    printed = "".join("".join(output.get("text", "")) for output in outputs)
    assert "written to logs/" in printed
    (training,) = (tmp_path / "logs").iterdir()
    counts, plugins, nodes = read_events(base, training / "train")
    assert counts["epoch_loss"] == counts["epoch_accuracy"] == 12
    assert plugins["epoch_loss"] == "scalars"
    histograms = [tag for tag, plugin in plugins.items() if plugin == "histograms"]
    assert len(histograms) == 8, "weights and biases of four layers"
    assert all(counts[tag] == 12 for tag in histograms)
    assert any("edges" in node for node in nodes), "the layers are found in the graph"
    counts, plugins, _nodes = read_events(base, training / "validation")
    assert counts["epoch_accuracy"] == 12
