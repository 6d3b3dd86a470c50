from __future__ import annotations

import pytest
import yaml

from neuronhub.environments.environment_file import (
    EnvironmentFile,
    conda_name,
    parse_environment_file,
    render_environment_file,
)
from neuronhub.errors import ConflictingState

OF_CONDA = """\
name: somewhere
channels:
  - conda-forge
  - defaults
dependencies:
  - _libgcc_mutex=0.1=conda_forge
  - python=3.11.5=hab00c5b_0_cpython
  - conda-forge::pandas=2.*
  - numpy >=1.20,<2
  - pip
  - pip:
      - requests==2.31.0
      - tool @ git+https://example.org/tool.git@abc123#subdirectory=python
      - torch[cuda]>=2; python_version > "3.8"
      - --extra-index-url https://example.org/simple
      - -e /home/alice/project
      - ./wheels/own-1.0-py3-none-any.whl
prefix: /home/alice/miniconda3/envs/somewhere
"""


def test_file_that_conda_has_exported() -> None:
    assert parse_environment_file(OF_CONDA) == EnvironmentFile(
        channels=("conda-forge", "defaults"),
        conda=("_libgcc_mutex==0.1", "python==3.11.5", "pandas=2.*", "numpy>=1.20,<2", "pip"),
        pip=(
            "requests==2.31.0",
            "tool @ git+https://example.org/tool.git@abc123#subdirectory=python",
            'torch[cuda]>=2; python_version > "3.8"',
            "--extra-index-url https://example.org/simple",
            "-e /home/alice/project",
            "./wheels/own-1.0-py3-none-any.whl",
        ),
    )


def test_what_is_rendered_is_parsed_again() -> None:
    wanted = parse_environment_file(OF_CONDA)
    text = render_environment_file("notebook", wanted, ["two\nlines: ?"])
    assert parse_environment_file(text) == wanted
    document = yaml.safe_load(text)
    assert document["name"] == "notebook"
    assert document["dependencies"][-1] == {"pip": list(wanted.pip)}
    assert text.startswith("# two?lines: ?\n")


@pytest.mark.parametrize("text", ["dependencies:", "dependencies: []", "channels:\ndependencies: [ ]\nname: x\n"])
def test_file_that_asks_for_nothing(text: str) -> None:
    assert parse_environment_file(text) == EnvironmentFile((), (), ())


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", 1),
        ("- numpy", 1),
        ("name: x\nchannels: [a]\n", 1),
        ("dependencies: 3", 1),
        ("dependencies:\n- numpy\nvariables: {A: b}", 3),
        ("dependencies:\n- numpy\n- numpy;rm\n", 3),
        ("dependencies:\n- numpy\n- [scipy]\n", 3),
        ("dependencies:\n- $(id)\n", 2),
        ("dependencies:\n- ''\n", 2),
        ('dependencies:\n- "a\\nb"\n', 2),
        ("dependencies:\n- pip: numpy\n", 2),
        ("dependencies:\n- pip:\n  - numpy\n  - what is this\n", 4),
        ('dependencies:\n- pip:\n  - "a\\n--target=/"\n', 3),
        ("dependencies:\n- npm:\n  - left-pad\n", 2),
        ("dependencies:\n- numpy\n scipy: 3: 4", 3),
        ("dependencies:\n- *unknown\n", 2),
        ("dependencies: &all [*all]", 1),
        ("dependencies:\n- a\n---\ndependencies:\n- b\n", 3),
    ],
)
def test_wrong_line_is_named(text: str, line: int) -> None:
    with pytest.raises(ConflictingState, match=rf"^Line {line} of the file is wrong: .+\. Correct it"):
        parse_environment_file(text)


@pytest.mark.parametrize("text", ["[" * 50_000, "x: \0", "dependencies:\n" + "- numpy\n" * 200_000])
def test_what_is_no_such_file(text: str) -> None:
    with pytest.raises(ConflictingState, match="Export the environment again"):
        parse_environment_file(text)


def test_nothing_is_made_of_tags() -> None:
    assert parse_environment_file("dependencies:\n- !!python/name:os.system numpy\n").conda == ("numpy",)


@pytest.mark.parametrize("spec", ["numpy", "numpy=1.26", "numpy==1", "numpy>=1,<2", "Numpy 1.26", "numpy=1.*"])
def test_name_of_a_spec(spec: str) -> None:
    assert conda_name(spec) == "numpy"
