from __future__ import annotations

import json
import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from tests.contract.environments.breakages import find_packages, install_by_hand
from tests.unit.environments.handmade import make_base, make_layout

from neuronhub.environments.bases import Base
from neuronhub.environments.layout import Layout
from neuronhub.environments.operations import ensure_environment, reset_environment
from neuronhub.environments.types import Progress


def ignore(_progress: Progress) -> None:
    pass


def run(*argv: str | Path) -> str:
    environment = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent"}
    return subprocess.run(argv, env=environment, check=True, capture_output=True, text=True).stdout.strip()


def run_python(layout: Layout, code: str) -> str:
    return run(layout.prefix / "bin" / "python", "-c", code)


@pytest.fixture
def rich_base(base: Base) -> Base:
    """A base with all that an environment takes over."""
    give_commands(base)
    kernels = base.path / "share/jupyter/kernels"
    for name, argv in (("python3", ["python", "-m", "ipykernel"]), ("ir", ["R", "--slave"]), ("odd", "no list")):
        (kernels / name).mkdir(parents=True)
        (kernels / name / "kernel.json").write_text(json.dumps({"argv": argv, "display_name": name, "env": {"A": "1"}}))
    (kernels / "python3" / "logo.svg").write_text("<svg/>")
    (kernels / "broken").mkdir()
    (kernels / "broken" / "kernel.json").write_text("{")
    for folder in (
        "share/jupyter/labextensions/@own/one",
        "share/jupyter/nbconvert/templates/lab",
        "share/jupyter/lab",
    ):
        (base.path / folder).mkdir(parents=True)
        (base.path / folder / "file").touch()
    settings = base.path / "etc/jupyter"
    (settings / "jupyter_server_config.d").mkdir(parents=True)
    (settings / "jupyter_server_config.d" / "one.json").write_text("{}")
    (settings / "jupyter_lab_config.json").write_text('{"LabApp": {}, "Other": {"kept": true}}')
    return base


def give_commands(base: Base) -> None:
    info = base.site_packages / "tools-1.dist-info"
    info.mkdir()
    (info / "entry_points.txt").write_text(
        "[console_scripts]\nTool = tools.main:run\nextra=tools:Class.method [x, y]\nconda = tools:no\nneuronhub = t:n\n"
        "../escape = tools:no\nbad = not a target\n[gui_scripts]\nwindow = tools.main:run\n[other]\nno-command = a:b\n"
    )
    (base.site_packages / "tools").mkdir()
    (base.site_packages / "tools" / "__init__.py").write_text("class Class:\n    def method(): print('extra')\n")
    (base.site_packages / "tools" / "main.py").write_text("import sys\ndef run(): print(sys.prefix, sys.argv[1:])\n")
    broken = base.site_packages / "broken-1.dist-info"
    broken.mkdir()
    (broken / "entry_points.txt").write_bytes(b"\xff no sections")
    for name, text in (
        ("tool-of-c", "#!/bin/sh\necho c\n"),
        ("old-script", f"#!{base.path}/bin/python\n# coding: latin-1\nimport sys; print(sys.prefix) # \udcff\n"),
        ("activate", "#!/bin/sh\n"),
        ("conda-build", "#!/bin/sh\n"),
        ("python3.11-config", "#!/bin/sh\n"),
    ):
        (base.path / "bin" / name).write_text(text, errors="surrogateescape")
        (base.path / "bin" / name).chmod(0o755)
    (base.path / "bin" / "no-program").write_text("data")


def test_own_packages_come_before_those_of_the_base(made: Layout, base: Base) -> None:
    folders = json.loads(run_python(made, "import sys, json; print(json.dumps(sys.path))"))
    own = find_packages(made, base)
    assert folders.index(str(own)) < folders.index(str(base.site_packages))
    install_by_hand(own, "traitlets", "2.0", "traitlets", "where = 'own'\n")
    assert run_python(made, "import traitlets, IPython; print(traitlets.where, IPython.__file__)").startswith("own ")
    assert run_python(made, "import site, sys; print(site.ENABLE_USER_SITE, sys.prefix)") == f"False {made.prefix}"


def test_it_stands_on_the_version_and_not_on_the_active_one(made: Layout, base: Base) -> None:
    assert "current" not in (made.prefix / "pyvenv.cfg").read_text()
    make_base(made.bases, "2")
    assert run_python(made, "import sys; print(sys.base_prefix)") == str(base.path)


def test_commands_run_in_the_environment(layout: Layout, rich_base: Base) -> None:
    ensure_environment(layout, ignore)
    folder = layout.prefix / "bin"
    assert run(folder / "Tool", "a b", "c") == f"{layout.prefix} ['a b', 'c']"
    assert run(folder / "window") == f"{layout.prefix} []"
    assert run(folder / "extra") == "extra"
    assert run(folder / "tool-of-c") == "c"
    assert run(folder / "old-script") == str(layout.prefix)
    programs = {"Tool", "conda", "extra", "ipython", "neuronhub", "old-script", "tool-of-c", "window"}
    minor = rich_base.site_packages.parent.name
    assert set(os.listdir(folder)) == programs | {"python", "python3", minor}


@pytest.mark.parametrize("name", ["with space", "x" * 200, "quote'd and spaced", "한글"])
def test_commands_run_from_any_place(tmp_path: Path, name: str) -> None:
    site = tmp_path / name
    site.mkdir()
    layout = make_layout(site)
    give_commands(make_base(layout.bases, "1"))
    ensure_environment(layout, ignore)
    assert run(layout.prefix / "bin" / "Tool", "a b") == f"{layout.prefix} ['a b']"


def test_doors_lead_to_the_active_base(made: Layout) -> None:
    new = make_base(made.bases, "2")
    for name, program in (("neuronhub", "neuronhub"), ("conda", "neuronhub-conda")):
        (new.path / "bin" / program).write_text('#!/bin/sh\necho "$0" "$@"\n')
        (new.path / "bin" / program).chmod(0o755)
        assert run(made.prefix / "bin" / name, "a b") == f"{made.base}/bin/{program} a b"


def test_where_the_site_has_conda_there_is_no_other(layout: Layout, base: Base) -> None:
    ensure_environment(replace(layout, program=Path("/opt/conda/bin/conda")), ignore)
    assert not os.path.lexists(layout.prefix / "bin" / "conda")
    assert (layout.prefix / "bin" / "neuronhub").exists()


def test_kernels_of_python_run_in_the_environment(layout: Layout, rich_base: Base) -> None:
    ensure_environment(layout, ignore)
    kernels = layout.prefix / "share/jupyter/kernels"
    spec = json.loads((kernels / "python3" / "kernel.json").read_text())
    assert spec["argv"] == [f"{layout.prefix}/bin/python", "-m", "ipykernel"]
    assert spec["env"] == {"A": "1"}
    assert (kernels / "python3" / "logo.svg").readlink() == rich_base.path / "share/jupyter/kernels/python3/logo.svg"
    for name in ("ir", "odd", "broken"):
        assert (kernels / name / "kernel.json").is_symlink()


def test_settings_lead_to_what_the_base_has(layout: Layout, rich_base: Base) -> None:
    ensure_environment(layout, ignore)
    settings = layout.prefix / "etc/jupyter"
    extensions = [f"{rich_base.path}/share/jupyter/labextensions"]
    lab = json.loads((settings / "jupyter_lab_config.json").read_text())
    assert lab == {"LabApp": {"extra_labextensions_path": extensions}, "Other": {"kept": True}}
    templates = f"{rich_base.path}/share/jupyter/nbconvert/templates"
    converter = json.loads((settings / "jupyter_nbconvert_config.json").read_text())["TemplateExporter"]
    assert converter == {"extra_template_basedirs": [".", templates], "extra_template_paths": [templates]}
    assert (settings / "jupyter_server_config.d" / "one.json").read_text() == "{}"


def test_nothing_can_be_written_through_it_into_the_base(layout: Layout, rich_base: Base) -> None:
    ensure_environment(layout, ignore)
    links = [path for path in layout.prefix.rglob("*") if path.is_symlink()]
    assert links
    assert [path for path in links if path.is_dir()] == []


def test_conda_takes_nothing_in_it_for_a_record(made: Layout) -> None:
    assert sorted(os.listdir(made.prefix / "conda-meta")) == ["history", "neuronhub"]


def test_reset_follows_what_the_site_decides_now(layout: Layout, rich_base: Base) -> None:
    ensure_environment(layout, ignore)
    reset_environment(replace(layout, program=Path("/opt/conda/bin/conda")), ignore)
    assert not os.path.lexists(layout.prefix / "bin" / "conda")
