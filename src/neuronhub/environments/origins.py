"""Where pip had a package from, by the metadata of the installed package (PEP 610). The standard library only."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from neuronhub.environments.packages import Installed
from neuronhub.environments.user_files import read_json, show

_LIMIT = 65536
_URL = re.compile(r"(?:https?|ssh|git|svn|hg)(?:\+[a-z]+)?://[!$-~]{1,2000}")
_VCS = re.compile(r"git|hg|svn|bzr")
_COMMIT = re.compile(r"[A-Za-z0-9._:-]{1,200}")
_HASH = re.compile(r"[0-9a-f]{64}")
_FOLDER = re.compile(r"[A-Za-z0-9._/-]{1,500}")


@dataclass(frozen=True, slots=True)
class Origin:
    """How to have a package again."""

    requirement: str
    """A line for pip; '': pip cannot have it again."""
    place: str
    """Where it came from in that case."""


def read_origin(installed: Installed) -> Origin:
    """Return how pip can have ``installed``, a package of its own, again."""
    package = installed.package
    place = installed.record / "direct_url.json"
    try:
        data = read_json(place, _LIMIT)
    except (FileNotFoundError, NotADirectoryError):
        return Origin(f"{package.name}=={package.version}", "")  # from an index
    except (OSError, ValueError):
        return Origin("", show(str(place)))
    url = _render_url(data)
    return Origin(f"{package.name} @ {url}", "") if url else Origin("", show(str(data.get("url") or place)))


def _render_url(data: dict[str, Any]) -> str:
    """The URL that gives the same package again; '' for a folder or file of this machine, or what is no PEP 610."""
    url = data.get("url")
    if not isinstance(url, str) or not _URL.fullmatch(url):
        return ""
    fragments = []
    version_control, archive = data.get("vcs_info"), data.get("archive_info")
    if isinstance(version_control, dict):
        kind, commit = str(version_control.get("vcs")), str(version_control.get("commit_id"))
        if not _VCS.fullmatch(kind) or not _COMMIT.fullmatch(commit):
            return ""
        url = f"{kind}+{url}@{commit}"
    elif isinstance(archive, dict):
        hashes = archive.get("hashes")
        digest = str(hashes.get("sha256")) if isinstance(hashes, dict) else ""
        if _HASH.fullmatch(digest):
            fragments.append(f"sha256={digest}")
    else:
        return ""
    folder = str(data.get("subdirectory") or "")
    if _FOLDER.fullmatch(folder):
        fragments.append(f"subdirectory={folder}")
    return f"{url}#{'&'.join(fragments)}" if fragments else url
