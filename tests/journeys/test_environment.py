"""Rows P1, P4, E2, E4, E5, N6 and X1 in the browser: the notebook environment from the first start on."""

from __future__ import annotations

import base64
import contextlib
import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from tests.embedded import RunningSite
from tests.journeys.jupyter import EnvironmentTab, open_file, open_new, open_terminal, run_cell, see_kernel
from tests.journeys.looks import find_violations
from tests.journeys.people import Researcher
from tests.journeys.servers import wait_until
from tests.journeys.shells import PageShell
from tests.journeys.test_notebook import LAB_LIMIT_MS
from tests.unit.environments.wheels import make_wheel

from neuronhub.demo.cli import render_entry

PACKAGES = "pytensor keras graphviz numpy scipy scikit-learn matplotlib pandas pydot"
"""Row E4; pytensor is theano's successor."""
MODULES = "pytensor, graphviz, numpy, scipy, sklearn, matplotlib, pandas, pydot"
"""Without keras, which takes long to begin."""
PANEL = "#neuronhub-environment"
EXAMPLES = "/apps/jupyter/examples"
FORMATS = {
    "HTML": ("html", "<html"),
    "LaTeX": ("tex", r"\documentclass"),
    "스크립트 실행": ("py", "print(6 * 7)"),
    "Reveal.js": ("slides.html", "reveal"),
}
"""As the menu names them -> how the file's name ends, and what it has."""


@pytest.fixture
def new_person(meet: Callable[..., Researcher], tmp_path: Path) -> Callable[..., Researcher]:
    """Meet somebody whose folders are as an operator makes them, but for a folder of wheels and pip's settings."""

    def meet_one(language: str) -> Researcher:
        person = meet(language)
        folders = [f"/scratch/{person.id}", f"/home/{person.id}"]
        person.site.run_inside(["/usr/bin/find", *folders, "-mindepth", "1", "-delete"])
        person.site.run_inside(["/bin/sh", "-c", f"cp /etc/skel/.[a-z]* . && chown {person.id}: .[a-z]*"], None)
        wheels = (
            make_wheel(tmp_path, "flowers"),
            make_wheel(tmp_path, "elsewhere"),
            make_wheel(tmp_path, "tornado", "2.0", files={"tornado/__init__.py": "raise ImportError('too old')\n"}),
        )
        for wheel in wheels:
            put(person, f"wheels/{wheel.name}", wheel.read_bytes())
        put(
            person, ".config/pip/pip.conf", f"[global]\nno-index = true\nfind-links = /home/{person.id}/wheels".encode()
        )
        return person

    return meet_one


def put(person: Researcher, path: str, data: bytes) -> None:
    """A file below the person's home folder."""
    words = ["/bin/sh", "-c", 'mkdir -p "$(dirname "$1")" && base64 -d >"$1"', "sh", path]
    person.site.run_inside(words, user=person.id, stdin=base64.b64encode(data).decode())


@contextlib.contextmanager
def working_on_the_environment(person: Researcher) -> Iterator[None]:
    """Something of the person's holds the lock."""
    folder = f"/scratch/{person.id}/.conda"
    person.site.run_inside(["/bin/mkdir", folder], user=person.id)
    argv, environment = render_entry(person.site.pid, person.id, ["/usr/bin/flock", f"{folder}/.neuronhub.lock", "cat"])
    with subprocess.Popen(argv, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holding:
        assert holding.stdin is not None
        assert holding.stdout is not None
        holding.stdin.write(b"held\n")
        holding.stdin.flush()
        assert holding.stdout.readline() == b"held\n"
        yield
        holding.stdin.close()


def test_P1_P4_E2_E4_E5_from_the_first_start_on(new_person: Callable[..., Researcher]) -> None:
    """No login node: the start makes it; packages at once; broken by pip, mended; reset and made again from a file."""
    person = new_person("en")
    person.sign_in()
    see_it_being_made(person)
    notebook = open_new(person, "Python 3")
    see_kernel(person, notebook)
    shell = open_terminal(person)
    leave_and_enter(person, shell)
    install(person, shell, notebook)
    break_and_repair(person, shell)
    exported = reset_in_lab(person)
    make_it_again(person, exported)


def see_it_being_made(person: Researcher) -> None:
    """P1: the wait page says so while it is made, and Notebook opens."""
    with working_on_the_environment(person):
        person.pick("jupyter", "30")
        person.submit()
        expect(person.page.locator("#headline")).to_contain_text("It makes your notebook environment first.")
        person.shoot("first-start")
    person.see_notebook()
    prefix = f"/scratch/{person.id}/.conda/envs/notebook"
    assert person.site.run_inside([f"{prefix}/bin/python", "-c", "print(6 * 7)"], user=person.id).stdout == "42\n"


def leave_and_enter(person: Researcher, shell: PageShell) -> None:
    """E2."""
    assert shell.prompt.startswith("(notebook) ")
    python = f"/scratch/{person.id}/.conda/envs/notebook/bin/python"
    assert shell.run("command -v python") == python
    shell.run("conda deactivate")
    assert shell.prompt.startswith(f"{person.id}@")
    assert shell.run("command -v python") != python
    shell.run("conda activate notebook")
    assert shell.prompt.startswith("(notebook) ")


def install(person: Researcher, shell: PageShell, notebook: Page) -> None:
    """E4: conda and pip in a terminal; a kernel that runs already has the packages, and none from elsewhere."""
    missing = "import importlib.util as found; print(*map(found.find_spec, ('flowers', 'pytensor', 'elsewhere')))"
    assert run_cell(notebook, missing) == "None None None"
    shell.page.bring_to_front()
    seen = shell.run(f"conda install {PACKAGES} -y")
    assert "100%" in seen, seen
    shell.run("pip install flowers")
    assert shell.code() == 0
    person.shoot("terminal-install", shell.page)
    outside = ["/apps/jupyter/bases/current/bin/python", "-m", "pip", "install", "--user", "elsewhere"]
    assert "Successfully installed" in person.site.run_inside(outside, user=person.id).stdout
    assert run_cell(notebook, f"import flowers, {MODULES}; print(flowers.__version__)").endswith("1.0")
    assert run_cell(notebook, "print(found.find_spec('elsewhere'))") == "None"
    person.shoot("packages-at-once", notebook)


def break_and_repair(person: Researcher, shell: PageShell) -> None:
    """E5 without a login node: the kernel says why it fails; the panel mends it; the same page goes on."""
    shell.page.bring_to_front()
    shell.run("pip install tornado==2.0")
    notebook = open_new(person, "Python 3")
    dialog = notebook.locator(".jp-Dialog")
    expect(dialog).to_contain_text("The kernel Python 3 could not start: ImportError: too old.")
    expect(dialog).to_contain_text("open Environment and press Repair")
    person.shoot("kernel-failed", notebook)
    dialog.locator("button.jp-mod-accept").click()
    panel = EnvironmentTab(person)
    panel.open()
    panel.see("broken")
    expect(panel.root.locator(".nh-env-problems")).to_contain_text("tornado 2.0")
    look_at_panel(person, "panel-broken")
    panel.press("repair")
    panel.see("ready")
    packages = panel.root.locator(".nh-env-packages tbody")
    expect(packages).to_contain_text("flowers")
    expect(packages).to_contain_text("pytensor")
    expect(packages).not_to_contain_text("tornado")
    look_at_panel(person, "panel-repaired")
    notebook.bring_to_front()
    dialog.locator("button.jp-mod-accept").click()
    see_kernel(person, notebook)
    assert run_cell(notebook, "import flowers; print(flowers.__version__)") == "1.0"


def reset_in_lab(person: Researcher) -> bytes:
    """P4, E5: Export downloads a file; Reset asks first. Returns the file."""
    page = person.page
    page.bring_to_front()
    page.goto(page.url.partition("/tree")[0] + "/lab")
    expect(page.locator("#jp-main-dock-panel")).to_be_visible(timeout=LAB_LIMIT_MS)
    expect(page.locator("#jupyterlab-splash")).to_have_count(0)
    page.locator(".jp-LauncherCard", has_text="Environment").click()
    panel = EnvironmentTab(person)
    panel.see("ready")
    with page.expect_download() as download:
        panel.press("export")
    assert download.value.suggested_filename == "environment.yml"
    panel.press("reset")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Your own packages: 13")
    person.shoot("lab-reset")
    dialog.get_by_role("button", name=panel.word("confirm"), exact=True).click()
    expect(panel.root).to_contain_text("You have installed no packages of your own")
    panel.see("ready")
    look_at_panel(person, "lab-panel")
    return download.value.path().read_bytes()


def make_it_again(person: Researcher, exported: bytes) -> None:
    """P4: from the file, in a terminal."""
    put(person, "environment.yml", exported)
    person.open(f"/user/{person.id}/tree")
    person.see_notebook()
    shell = open_terminal(person)
    assert "is made anew" in shell.run("neuronhub env import ~/environment.yml")
    assert shell.run("python -c 'import flowers, pytensor; print(flowers.__version__)'") == "1.0"


@pytest.fixture
def examples(site: RunningSite) -> Iterator[Path]:
    """The site's examples for the time of a test: iris_ex.ipynb and own_ex.ipynb."""
    folder = site.state_dir / "examples"
    folder.mkdir(mode=0o755)
    publish(folder, "first")
    site.run_inside(["/bin/mount", "--bind", str(folder), EXAMPLES])
    yield folder
    site.run_inside(["/bin/umount", EXAMPLES])
    shutil.rmtree(folder)


def publish(examples: Path, edition: str) -> None:
    """Both examples, as an operator renews them."""
    cell: Any = {"cell_type": "code", "id": "a", "execution_count": None, "metadata": {}, "outputs": [], "source": ""}
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    metadata = {"kernelspec": kernel, "edition": edition}
    notebook: dict[str, Any] = {"cells": [cell], "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    for name in ("iris_ex.ipynb", "own_ex.ipynb"):
        (examples / name).write_text(json.dumps(notebook))
        (examples / name).chmod(0o644)


def test_E5_N6_X1_broken_before_the_start(new_person: Callable[..., Researcher], examples: Path) -> None:
    """In Korean: Jupyter starts whatever is broken; R, other formats; examples are renewed but for changed ones."""
    person = new_person("ko")
    prefix = f"/scratch/{person.id}/.conda/envs/notebook"
    person.site.run_inside(["neuronhub", "env", "create"], user=person.id)
    person.site.run_inside([f"{prefix}/bin/pip", "install", "tornado==2.0"], user=person.id)
    person.sign_in()
    person.start()
    notebook = repair_in_notebook(person)
    assert run_cell(notebook, "print(6 * 7)") == "42"
    run_another_language(person)
    export_in_other_formats(person, notebook)
    keep_a_changed_example(person, examples)


def repair_in_notebook(person: Researcher) -> Page:
    """E5. Returns a new notebook, whose kernel works."""
    notebook = open_new(person, "Python 3")
    dialog = notebook.locator(".jp-Dialog")
    expect(dialog).to_contain_text("Python 3 커널을 시작하지 못했습니다: ImportError: too old.")
    person.shoot("kernel-failed", notebook)
    dialog.locator("button.jp-mod-accept").click()
    panel = EnvironmentTab(person)
    panel.open()
    panel.see("broken")
    look_at_panel(person, "panel-broken")
    panel.press("repair")
    panel.see("ready")
    look_at_panel(person, "panel-repaired")
    notebook.bring_to_front()
    dialog.locator("button.jp-mod-accept").click()
    see_kernel(person, notebook)
    return notebook


def run_another_language(person: Researcher) -> None:
    """N6: a kernel that is put into the environment is in New without a reload."""
    shell = open_terminal(person)
    shell.run("""R --no-save --quiet -e 'IRkernel::installspec(prefix = Sys.getenv("CONDA_PREFIX"))'""")
    assert shell.code() == 0
    notebook = open_new(person, "R (notebook)")
    see_kernel(person, notebook)
    assert run_cell(notebook, "cat(sum(1:10), R.version$language)") == "55 R"
    person.shoot("r-kernel", notebook)


def export_in_other_formats(person: Researcher, notebook: Page) -> None:
    """N6: File -> Save and Export Notebook As."""
    for entry, (ending, content) in FORMATS.items():
        with notebook.expect_download() as download:
            choose_format(person, notebook, entry)
            if entry == "HTML":
                notebook.locator(".jp-Dialog button.jp-mod-accept").click()
        assert download.value.suggested_filename.endswith(f".{ending}")
        assert content in download.value.path().read_text()
    with notebook.expect_popup() as opening:
        choose_format(person, notebook, "PDF")
    told = opening.value.locator("body")
    expect(told).to_contain_text("xelatex")
    expect(told).to_contain_text("이 노드에 필요한 프로그램이 없습니다")
    person.shoot("pdf-lacks", opening.value)


def choose_format(person: Researcher, notebook: Page, entry: str) -> None:
    """An entry of the menu for other formats."""
    notebook.bring_to_front()
    notebook.locator(".lm-MenuBar-item", has_text=person.words.file_menu).click()
    notebook.locator(".lm-Menu-item", has_text=person.words.export_menu).hover()
    notebook.locator(".lm-Menu").last.locator(".lm-Menu-item", has_text=entry).first.click()


def keep_a_changed_example(person: Researcher, examples: Path) -> None:
    """X1."""
    notebook = open_file(person, "own_ex.ipynb")
    see_kernel(person, notebook)
    assert run_cell(notebook, "print('mine')") == "mine"
    notebook.keyboard.press("Control+s")
    wait_until(lambda: "print('mine')" in read_example(person, "own_ex.ipynb"), 10, "it is not saved")
    person.open("/hub/home")
    person.stop_my_server()
    publish(examples, "second")
    person.open("/hub/spawn")
    person.start()
    assert json.loads(read_example(person, "iris_ex.ipynb"))["metadata"]["edition"] == "second"
    own = json.loads(read_example(person, "own_ex.ipynb"))
    assert own["metadata"]["edition"] == "first"
    assert own["cells"][0]["source"] == ["print('mine')"]


def read_example(person: Researcher, name: str) -> str:
    """As it lies in the workspace."""
    return person.site.run_inside(["/bin/cat", f"/scratch/{person.id}/workspace/{name}"], user=person.id).stdout


def look_at_panel(person: Researcher, name: str) -> None:
    """Keep a picture; the rules of a screen reader hold."""
    person.shoot(name)
    problems = find_violations(person.page, PANEL)
    assert not problems, f"{name} ({person.language}):\n" + "\n".join(problems)
