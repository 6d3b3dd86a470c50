"""The IPython profile ``slurm`` of a user, for groups of parallel engines (rows E3, X4). The standard library only."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

from neuronhub.errors import EnvironmentFailed
from neuronhub.language import translate as _

PLACE = Path(".ipython", "profile_slurm")
SETTINGS = "ipcluster_config.py"
_TEXT = """\
# Parallel engines as jobs of Slurm. Made once by NeuronHub and never changed again: it is yours.
c = get_config()  # noqa

c.Cluster.engine_launcher_class = "slurm"
# Engines run on other nodes than the controller; whoever has no key of this cluster is not let in.
c.Cluster.controller_ip = "*"
c.Cluster.controller_args = ["--IPController.enable_curve=True"]
"""


def ensure_profile(home: Path) -> bool:
    """Make the profile unless it is there; True when it was made now. Raises EnvironmentFailed."""
    folder = home / PLACE
    settings = folder / SETTINGS
    if os.path.lexists(settings):
        return False
    beside = folder / f".{SETTINGS}.{secrets.token_hex(4)}"
    try:
        folder.parent.mkdir(mode=0o700, exist_ok=True)
        folder.mkdir(exist_ok=True)
        beside.write_text(_TEXT, encoding="utf-8")
        os.replace(beside, settings)
    except OSError as error:
        text = _("The IPython profile {path} cannot be made ({reason}). Mend that, then try again.")
        raise EnvironmentFailed(text.format(path=folder, reason=error.strerror)) from error
    finally:
        with suppress(OSError):
            beside.unlink()
    return True
