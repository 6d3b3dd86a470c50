"""Prebuilt Lab extensions from outside the base: those that can be shown, as links in a folder of their own.

In the user's Jupyter server. Lab reads all folders that it is given whenever a page is opened, and shows no page at all
when one file in them is half written. So it is given the base's folder and this one, which is renewed before it looks.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jupyter_core.paths import jupyter_path, jupyter_runtime_dir

from neuronhub.environments.removal import remove_tree
from neuronhub.environments.user_files import list_names, read_json

OWN = Path(sys.prefix, "share", "jupyter", "labextensions")
"""The base's, which belong to the server: another one of the same name is not shown."""
MOST_SCHEMAS = 200
"""Settings of one extension; the largest known has about thirty."""
MOST_FOLDERS = 2000
"""Folders of one extension; Lab goes through all of them."""


@dataclass(slots=True)
class Showcase:
    """The folder with the links, the same for all servers of a user."""

    place: Path
    say: Callable[[str], None]
    _said: set[str] = field(default_factory=set)

    def renew(self) -> bool:
        """Have it hold exactly the extensions that can be shown now; False when it cannot be had so."""
        try:
            self._renew()
        except OSError as error:
            self.say_once(f"no extensions but the base's are shown: {error}")
            return False
        return True

    def _renew(self) -> None:
        wanted = {name: folder for name, folder in self._find() if not (OWN / name).exists()}
        for name in _list_extensions(self.place):
            link = self.place / name
            there = os.readlink(link) if link.is_symlink() else None
            if (name not in wanted or there != str(wanted[name])) and (failure := remove_tree(link)):
                raise failure
        for name, folder in wanted.items():
            link = self.place / name
            if not link.is_symlink():
                link.parent.mkdir(parents=True, exist_ok=True)
                _link(link, folder)

    def _find(self) -> Iterator[tuple[str, Path]]:
        """Names and folders; where one name is there twice, the first in Jupyter's order is the last of these."""
        for root in reversed(jupyter_path("labextensions")):
            for name in _list_extensions(Path(root)):
                try:
                    _check(Path(root, name), name)
                except (OSError, ValueError) as error:
                    self.say_once(f"the extension {name} in {root} is not shown: {error}")
                else:
                    yield name, Path(root, name)

    def say_once(self, text: str) -> None:
        """Say it, unless it has been said: pages are opened often."""
        if text not in self._said:
            self._said.add(text)
            self.say(text)


def make_showcase(say: Callable[[str], None]) -> Showcase:
    """The showcase of the present user."""
    return Showcase(Path(jupyter_runtime_dir(), "neuronhub-labextensions"), say)


def show_extensions(showcase: Showcase) -> list[str]:
    """Have the showcase renewed whenever Lab looks for extensions; return the folders in which it shall look."""
    import jupyterlab_server.config as lab

    find, read = lab.get_federated_extensions, lab.get_static_page_config

    def find_readable(folders: list[str]) -> Any:
        return find(folders if showcase.renew() else [str(OWN)])

    def read_readable(**options: Any) -> Any:
        try:
            return read(**options)
        except (OSError, ValueError, TypeError, AttributeError) as error:  # as a full disk has left it, or anybody
            showcase.say_once(f"labconfig/page_config.json in your Jupyter settings cannot be read: {error}")
            return read(**{**options, "level": "sys_prefix"})

    lab.get_federated_extensions, lab.get_static_page_config = find_readable, read_readable
    return [str(OWN), str(showcase.place)]


def _list_extensions(root: Path) -> Iterator[str]:
    """What may be an extension: folders, and those in folders whose name begins with @."""
    for name in list_names(root):
        if name.startswith("@"):
            yield from (f"{name}/{part}" for part in list_names(root / name))
        else:
            yield name


def _check(folder: Path, name: str) -> None:
    """Raise OSError or ValueError unless Lab can read all that it will read of the extension in ``folder``."""
    from jsonschema.exceptions import SchemaError
    from jupyterlab_server.settings_utils import Validator

    package = read_json(folder / "package.json")
    build = _get(_get(package, "jupyterlab"), "_build")
    if package.get("name") != name or not isinstance(package.get("version"), str) or "load" not in build:
        raise ValueError("package.json does not describe it")
    _get(package, "repository")
    words = [build.get(key) or "" for key in ("load", "extension", "mimeExtension", "style")]
    disabled = package["jupyterlab"].get("disabledExtensions") or []
    if not isinstance(disabled, list | dict) or not all(isinstance(word, str) for word in [*words, *disabled]):
        raise ValueError("package.json has something else where names should be")
    if (folder / "install.json").exists():
        read_json(folder / "install.json")
    for count, file in enumerate(_list_schemas(folder, name)):
        if count == MOST_SCHEMAS:
            raise ValueError("it has too many settings")
        try:
            Validator.check_schema(read_json(file))
        except SchemaError as error:
            raise ValueError(f"{file.name}: {error.message}") from error


def _list_schemas(folder: Path, name: str) -> Iterator[Path]:
    """The files that Lab takes for descriptions of settings; raises ValueError where it would lose its way."""
    for count, (parent, folders, files) in enumerate(os.walk(folder)):
        if count == MOST_FOLDERS:
            raise ValueError("it has too many folders")
        if any(os.path.islink(os.path.join(parent, one)) for one in folders):
            raise ValueError("there is a link to a folder in it")
        place = f"{name}/{os.path.relpath(parent, folder)}/"
        schemas = [Path(parent, one) for one in files if one.endswith(".json")] if "schemas/" in place else []
        if schemas and place.count("schemas/") > 1:
            raise ValueError("there are folders called schemas in others")
        yield from schemas


def _get(package: dict[str, Any], key: str) -> dict[str, Any]:
    value = package.get(key, {})
    if not isinstance(value, dict):
        raise ValueError(f"package.json has a {key} that cannot be read")  # noqa: TRY004 - the content is wrong
    return value


def _link(link: Path, folder: Path) -> None:
    try:
        link.symlink_to(folder)
    except FileExistsError:  # another server of the same user was quicker
        return
