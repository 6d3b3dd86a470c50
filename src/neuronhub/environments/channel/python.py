"""The package ``python`` of a channel: the distribution's own CPython as a tree that runs wherever it is put.

It takes the shared libraries (OpenSSL, SQLite, ...) from the system that it runs on.
Runs in ``neuronhub base channel``.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from neuronhub.environments.channel.archive import Record, open_archive
from neuronhub.environments.channel.target import PLATFORM, Target
from neuronhub.errors import ConflictingState
from neuronhub.language import translate as _

_LEFT_OUT = frozenset(
    (
        *("dist-packages", "site-packages"),  # not Python's own
        *("EXTERNALLY-MANAGED", "_distutils_system_mod.py", "sitecustomize.py"),  # the distribution's word on packages
        *("__pycache__", "test"),
    )
)
_LEFT_OUT_SUFFIXES = (".a", ".o", ".pyc")

_DEBIAN_SITE = """\
            if is_virtual_environment:
                sitepackages.append(os.path.join(prefix, "lib",
                                                 "python%d.%d" % sys.version_info[:2],
                                                 "site-packages"))
            sitepackages.append(os.path.join(prefix, "local/lib",
                                             "python%d.%d" % sys.version_info[:2],
                                             "dist-packages"))
            sitepackages.append(os.path.join(prefix, "lib",
                                             "python3",
                                             "dist-packages"))
            # this one is deprecated for Debian
            for libdir in libdirs:
                path = os.path.join(prefix, libdir,
                                    "python%d.%d" % sys.version_info[:2],
                                    "dist-packages")
                sitepackages.append(path)
"""
_SITE = """\
            for libdir in libdirs:
                path = os.path.join(prefix, libdir,
                                    "python%d.%d" % sys.version_info[:2],
                                    "site-packages")
                sitepackages.append(path)
"""
_DEBIAN_SYSCONFIG = """\
        # default to /usr for package builds, /usr/local otherwise
        deb_build = os.environ.get('DEB_PYTHON_INSTALL_LAYOUT', 'posix_local')
        if deb_build in ('deb', 'deb_system'):
            prefix_scheme = 'deb_system'
        else:
            prefix_scheme = 'posix_local'
"""
_SYSCONFIG = """\
        prefix_scheme = 'posix_prefix'
"""
# Debian's program carries its site.py within it (a frozen module): the copied one beside it is not what runs. But that
# still looks into this old folder, where the following sets it right, before anything else of the environment is read.
_FROZEN_FIX_PTH = "import ordinary_site\n"
_FROZEN_FIX = """\
\"\"\"Has this Python look for packages in site-packages, as its own site.py says, whatever Debian built into it.\"\"\"

import os
import site
import sys

_HERE = os.path.dirname(os.path.abspath(__file__))


def getsitepackages(prefixes=None):
    \"\"\"site.getsitepackages() of CPython.\"\"\"
    name = "python%d.%d" % sys.version_info[:2]
    return [os.path.join(prefix, "lib", name, "site-packages") for prefix in dict.fromkeys(prefixes or site.PREFIXES)]


site.getsitepackages = getsitepackages
sys.path[:] = [path for path in sys.path if path != _HERE]
site.addsitedir(os.path.join(os.path.dirname(_HERE), "site-packages"))
"""
_PATCHES = {"site.py": (_DEBIAN_SITE, _SITE), "sysconfig.py": (_DEBIAN_SYSCONFIG, _SYSCONFIG)}
"""File of the standard library -> (what Debian made of it, what it was)."""


@dataclass(frozen=True, slots=True)
class Part:
    """One file of the package."""

    path: str
    source: Path | str
    """The file that it is a copy of, or its text."""
    program: bool = False

    @property
    def data(self) -> bytes:
        """What the file of the package holds."""
        return self.source.encode("utf-8") if isinstance(self.source, str) else self.source.read_bytes()


def list_parts(target: Target) -> list[Part]:
    """All files of the package; raises ConflictingState where Debian's changes are not those that we know."""
    name = f"python{target.minor}"
    library = target.prefix / "lib" / name
    parts = [Part(f"bin/{name}", target.program, program=True)]
    parts += [Part(f"lib/{name}/{path.relative_to(library)}", path) for path in _walk(library)]
    headers = target.prefix / "include"
    # Debian keeps pyconfig.h in a folder of the machine's kind, which the ordinary one includes.
    for folder in (headers / name, headers / "x86_64-linux-gnu" / name):
        parts += [Part(f"include/{path.relative_to(headers)}", path) for path in _walk(folder)]
    if any(Path(folder).name == "dist-packages" for folder in target.site_packages):
        parts = [_restore(part, library) for part in parts]
        fix = f"lib/{name}/dist-packages/ordinary_site"
        parts += [Part(f"{fix}.pth", _FROZEN_FIX_PTH), Part(f"{fix}.py", _FROZEN_FIX)]
    # rattler makes folders for files only, and Python does not look into a folder that is not there.
    return [*parts, Part(f"lib/{name}/site-packages/README.txt", "Packages go here.\n")]


def _walk(folder: Path) -> Iterator[Path]:
    """The files below ``folder`` that go into the package, links among them as what they point at."""
    if not folder.is_dir():
        return
    for path in sorted(folder.iterdir()):
        if path.name in _LEFT_OUT or path.suffix in _LEFT_OUT_SUFFIXES or not path.exists():
            continue
        if path.is_dir():
            yield from _walk(path)
        elif not (path.is_symlink() and path.name.startswith("libpython")):
            yield path


def _restore(part: Part, library: Path) -> Part:
    """``part`` without Debian's own idea of where packages go."""
    if isinstance(part.source, str) or part.source.parent != library or part.source.name not in _PATCHES:
        return part
    theirs, ours = _PATCHES[part.source.name]
    text = part.source.read_text(encoding="utf-8")
    if text.count(theirs) != 1:
        sentence = _("{path} is not as Debian 12 has it. Name a Python that is not Debian's with --python.")
        raise ConflictingState(sentence.format(path=part.source))
    return Part(part.path, text.replace(theirs, ours))


def describe_python(target: Target, parts: list[Part]) -> Record:
    """The record of the package; its build string tells other contents apart."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(f"{part.path}\0{hashlib.sha256(part.data).hexdigest()}\n".encode())
    return Record(
        name="python",
        version=target.version,
        build=f"h{digest.hexdigest()[:8]}",
        build_number=0,
        subdir=PLATFORM,
        noarch=None,
        depends=(),
        summary="CPython of the distribution; takes shared libraries such as OpenSSL's from the system",
        license="PSF-2.0",
    )


def write_python(target: Target, record: Record, parts: list[Part], folder: Path) -> None:
    """Write the package into ``folder``."""
    name = f"python{target.minor}"
    with open_archive(record, folder) as package:
        for part in parts:
            data = part.data
            package.add(part.path, len(data), io.BytesIO(data), program=part.program)
        for link in ("python", "python3"):
            package.add_link(f"bin/{link}", name)
