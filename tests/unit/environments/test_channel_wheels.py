from __future__ import annotations

import base64
import hashlib
import io
import json
import tarfile
import zipfile
from pathlib import Path
from typing import Any, Literal

import pytest
from backports import zstd
from tests.unit.environments.wheels import make_wheel

from neuronhub.environments.channel.archive import PREFIX, Record, open_archive
from neuronhub.environments.channel.wheels import Places, Wheel, add_wheel, read_wheel
from neuronhub.errors import ConflictingState

ENTRY_POINTS = "[console_scripts]\ntool = tool:main\ntool-more = tool.deep:Class.run [extra]\n[other]\nx = y:z\n"
FILES = {
    "tool/data,with comma.txt": "data",
    "tool-1.0.data/scripts/old-tool": "#!python -E\nprint('old')\n",
    "tool-1.0.data/scripts/shell-tool": "#!/bin/sh\ntrue\n",
    "tool-1.0.data/data/share/tool/help.txt": "help",
    "tool-1.0.data/platlib/tool/fast.py": "fast = True\n",
    "tool-1.0.dist-info/INSTALLER": "pip\n",
    "tool-1.0.dist-info/direct_url.json": "{}",
}


def convert(wheel: Path, places: Places) -> tuple[dict[str, bytes], dict[str, Any]]:
    """(the files of the package that comes of a wheel, the files of info/)."""
    noarch: Literal["python"] | None = "python" if places.of_any else None
    record = Record("tool", "1.0", "0", 0, "noarch" if noarch else "linux-64", noarch, ("python",))
    with zipfile.ZipFile(wheel) as archive, open_archive(record, wheel.parent) as package:
        add_wheel(archive, package, places)
    package_file = wheel.parent / "tool-1.0-0.conda"
    information = {path: json.loads(data) for path, data in unpack(package_file, "info").items()}
    return unpack(package_file, "pkg"), information


def unpack(package: Path, part: str) -> dict[str, bytes]:
    with zipfile.ZipFile(package) as archive:
        data = zstd.decompress(archive.read(f"{part}-{package.stem}.tar.zst"))
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        return {member.name: file.read() for member in tar if (file := tar.extractfile(member))}


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    return make_wheel(tmp_path, "tool", files=FILES, entry_points=ENTRY_POINTS)


def test_files_of_a_package_for_any_python(wheel: Path) -> None:
    files, information = convert(wheel, Places.of_any_python())
    assert set(files) == {
        "site-packages/tool.py",
        "site-packages/tool/data,with comma.txt",
        "site-packages/tool/fast.py",
        "python-scripts/old-tool",
        "python-scripts/shell-tool",
        "share/tool/help.txt",
        *(f"site-packages/tool-1.0.dist-info/{name}" for name in ("METADATA", "WHEEL", "entry_points.txt")),
        *(f"site-packages/tool-1.0.dist-info/{name}" for name in ("INSTALLER", "RECORD")),
    }
    assert information["info/link.json"]["noarch"] == {
        "type": "python",
        "entry_points": ["tool = tool:main", "tool-more = tool.deep:Class.run"],
    }
    assert files["python-scripts/old-tool"].decode() == f"#!{PREFIX}/bin/python\nprint('old')\n"
    assert files["python-scripts/shell-tool"] == b"#!/bin/sh\ntrue\n"
    assert files["site-packages/tool-1.0.dist-info/INSTALLER"] == b"conda\n"


def test_files_of_a_package_for_one_python(tmp_path: Path) -> None:
    headers = {"tool-1.0.data/headers/tool.h": "int tool;\n"}
    wheel = make_wheel(tmp_path, "tool", files=FILES | headers, entry_points=ENTRY_POINTS)
    files, information = convert(wheel, Places.of_one_python("3.11", "tool"))
    assert "lib/python3.11/site-packages/tool/fast.py" in files
    assert "include/python3.11/tool/tool.h" in files
    assert "info/link.json" not in information
    script = files["bin/tool-more"].decode()
    assert script.startswith(f"#!{PREFIX}/bin/python\n")
    assert "from tool.deep import Class\n" in script
    assert "sys.exit(Class.run())" in script


def test_pip_finds_each_file_by_record(wheel: Path) -> None:
    files, _information = convert(wheel, Places.of_any_python())
    rows = files["site-packages/tool-1.0.dist-info/RECORD"].decode().splitlines()
    digest = base64.urlsafe_b64encode(hashlib.sha256(b"fast = True\n").digest()).decode().rstrip("=")
    assert f"tool/fast.py,sha256={digest},12" in rows
    assert next(row for row in rows if "comma" in row).startswith('"tool/data,with comma.txt",sha256=')
    assert {"../../../bin/tool,,", "../../../bin/tool-more,,", "../../../bin/old-tool,,"} < set(rows)
    assert "tool-1.0.dist-info/RECORD,," in rows
    assert any(row.startswith("../../../share/tool/help.txt,sha256=") for row in rows)
    assert len(rows) == len(files) + 2  # the two commands that are made when it is installed


def test_paths_say_what_is_replaced_at_installation(wheel: Path) -> None:
    files, information = convert(wheel, Places.of_any_python())
    paths = {fact["_path"]: fact for fact in information["info/paths.json"]["paths"]}
    assert set(paths) == set(files)
    assert [path for path, fact in paths.items() if "prefix_placeholder" in fact] == ["python-scripts/old-tool"]
    assert paths["share/tool/help.txt"]["sha256"] == hashlib.sha256(b"help").hexdigest()


def test_the_same_wheel_gives_the_same_bytes(wheel: Path) -> None:
    package = wheel.parent / "tool-1.0-0.conda"
    convert(wheel, Places.of_any_python())
    first = package.read_bytes()
    package.unlink()
    convert(wheel, Places.of_any_python())
    assert package.read_bytes() == first


def test_wheel_says_what_it_is(tmp_path: Path) -> None:
    metadata = (
        "Requires-Python: >=3.9\nRequires-Dist: six\nRequires-Dist: attrs\nSummary: A tool\nLicense-Expression: MIT"
    )
    path = make_wheel(tmp_path, "Some.Tool", "1.0.post1", metadata=metadata)
    wheel = read_wheel(path)
    assert (wheel.name, str(wheel.version), wheel.is_pure) == ("some-tool", "1.0.post1", True)
    assert (wheel.requires, wheel.requires_python) == (("six", "attrs"), ">=3.9")
    assert (wheel.summary, wheel.license) == ("A tool", "MIT")
    assert wheel.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert Wheel.from_json(json.loads(json.dumps(wheel.to_json()))) == wheel


def test_headers_make_a_wheel_one_pythons(tmp_path: Path) -> None:
    path = make_wheel(tmp_path, "greenlet", files={"greenlet-1.0.data/headers/greenlet.h": "int x;\n"})
    assert not read_wheel(path).is_pure


@pytest.mark.parametrize(
    "files",
    [
        {"broken-1.0.data/elsewhere/x": ""},
        {"../../evil.py": ""},
        {"/evil.py": ""},
        {"broken-1.0.data/data//tmp/evil.py": ""},
        {"broken-1.0.data/data/./../evil.py": ""},
        {"broken-1.0.data/data/conda-meta/python-9-0.json": ""},
        {"other-1.0.dist-info/METADATA": ""},
    ],
)
def test_broken_wheel_is_named(tmp_path: Path, files: dict[str, str]) -> None:
    with pytest.raises(ConflictingState, match=r"broken-1\.0-py3-none-any\.whl is no sound wheel"):
        read_wheel(make_wheel(tmp_path, "broken", files=files))


def test_cut_off_wheel_is_named(tmp_path: Path) -> None:
    path = make_wheel(tmp_path, "cut")
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(ConflictingState, match=r"cut-1\.0-py3-none-any\.whl is no sound wheel"):
        read_wheel(path)


@pytest.mark.parametrize(
    "entry_points", ["[console_scripts]\nx = nothing\n", "[console_scripts]\n../x = a:b\n", "x = 1\n"]
)
def test_commands_that_make_no_sense_are_refused(tmp_path: Path, entry_points: str) -> None:
    with pytest.raises(ValueError, match=r"entry_points\.txt"):
        convert(make_wheel(tmp_path, "tool", entry_points=entry_points), Places.of_any_python())
