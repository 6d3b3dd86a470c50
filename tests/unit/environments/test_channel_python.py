from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.environments.test_channel_plan import HERE

from neuronhub.environments.channel.python import describe_python, list_parts
from neuronhub.environments.channel.target import Target, read_target
from neuronhub.errors import ConflictingState


@pytest.fixture
def debian(tmp_path: Path) -> Target:
    """A tree laid out as Debian's, with Debian's own two files."""
    library = tmp_path / "lib" / "python3.11"
    for folder in ("lib-dynload", "dist-packages/pip", "__pycache__", "config", "json/__pycache__", "test"):
        (library / folder).mkdir(parents=True)
    for name in (
        *("os.py", "EXTERNALLY-MANAGED", "_distutils_system_mod.py", "lib-dynload/_ssl.so", "dist-packages/pip/x.py"),
        *(
            "__pycache__/os.pyc",
            "json/__init__.py",
            "json/__pycache__/x.pyc",
            "config/libpython3.11.a",
            "config/Makefile",
        ),
        *("test/test_os.py", "_sysconfigdata__x86_64-linux-gnu.py"),
    ):
        (library / name).write_text(name)
    (library / "_sysconfigdata__linux_x86_64-linux-gnu.py").symlink_to("_sysconfigdata__x86_64-linux-gnu.py")
    (library / "sitecustomize.py").symlink_to("/etc/python3.11/sitecustomize.py")
    (library / "config" / "libpython3.11.so").symlink_to(library / "os.py")
    (library / "gone.py").symlink_to("nowhere")
    for name in ("site.py", "sysconfig.py"):
        (library / name).write_text((Path("/usr/lib/python3.11") / name).read_text())
    headers = tmp_path / "include" / "python3.11"
    headers.mkdir(parents=True)
    (headers / "Python.h").touch()
    (tmp_path / "python3.11").write_text("program")
    return replace(HERE, program=tmp_path / "python3.11", prefix=tmp_path)


def test_what_is_copied(debian: Target) -> None:
    assert {part.path for part in list_parts(debian)} == {
        "bin/python3.11",
        "include/python3.11/Python.h",
        *(f"lib/python3.11/{name}" for name in ("os.py", "site.py", "sysconfig.py", "lib-dynload/_ssl.so")),
        *(f"lib/python3.11/{name}" for name in ("json/__init__.py", "config/Makefile", "site-packages/README.txt")),
        *(f"lib/python3.11/_sysconfigdata__{name}.py" for name in ("x86_64-linux-gnu", "linux_x86_64-linux-gnu")),
        *(f"lib/python3.11/dist-packages/ordinary_site.{suffix}" for suffix in ("pth", "py")),
    }


def test_debians_changes_are_taken_back(debian: Target) -> None:
    texts = {
        part.path: part.data.decode() for part in list_parts(debian) if part.path.endswith(("site.py", "config.py"))
    }
    site, sysconfig = texts["lib/python3.11/site.py"], texts["lib/python3.11/sysconfig.py"]
    assert '"dist-packages")' not in site
    assert '"site-packages")' in site
    assert "prefix_scheme = 'posix_local'" not in sysconfig
    compile(site, "site.py", "exec")
    compile(sysconfig, "sysconfig.py", "exec")


@pytest.mark.parametrize("name", ["site.py", "sysconfig.py"])
def test_another_debian_is_not_guessed_at(debian: Target, name: str) -> None:
    path = debian.prefix / "lib" / "python3.11" / name
    path.write_text(path.read_text().replace("dist-packages", "other").replace("posix_local", "other"))
    with pytest.raises(ConflictingState, match=name):
        list_parts(debian)


def test_ordinary_python_is_copied_as_it_is(debian: Target) -> None:
    ordinary = replace(debian, site_packages=("/opt/lib/python3.11/site-packages",))
    parts = {part.path: part.data for part in list_parts(ordinary)}
    assert parts["lib/python3.11/site.py"] == Path("/usr/lib/python3.11/site.py").read_bytes()
    assert "lib/python3.11/dist-packages/ordinary_site.py" not in parts


def test_record_tells_contents_apart(debian: Target) -> None:
    record = describe_python(debian, list_parts(debian))
    assert (record.name, record.version, record.subdir, record.depends) == ("python", "3.11.2", "linux-64", ())
    assert describe_python(debian, list_parts(debian)) == record
    (debian.prefix / "lib" / "python3.11" / "os.py").write_text("security update")
    assert describe_python(debian, list_parts(debian)).build != record.build


def test_an_interpreter_is_asked() -> None:
    target = read_target(Path("/usr/bin/python3"))
    assert target.prefix == Path("/usr")
    assert target.program.name == f"python{target.minor}"
    assert target.version.startswith(target.minor)


@pytest.mark.parametrize("program", ["/bin/true", "/bin/false", "/none"])
def test_what_is_no_python_is_refused(program: str) -> None:
    with pytest.raises(ConflictingState, match="is no Python that runs here"):
        read_target(Path(program))
