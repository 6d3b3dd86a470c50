"""Which kernels there are: "Python 3" is always the notebook environment's, others in it are shown with its name.

In the user's Jupyter server. Read anew whenever a page asks, so that what was installed is there at once.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

from jupyter_client.kernelspec import NATIVE_KERNEL_NAME, KernelSpec, KernelSpecManager
from jupyter_core.paths import jupyter_path
from traitlets import Instance

from neuronhub.environments.layout import NAME
from neuronhub.environments.user_files import list_names, read_json
from neuronhub.workbench.notebook import Notebook

_PYTHON = re.compile(r"python(3(\.\d+)?)?")
_OWN = Path(sys.prefix, "share", "jupyter", "kernels")
"""Kernels of the base: the server runs from there, notebooks do not."""
_RUN = Path(__file__).parent / "shell" / "run"
_METADATA = {"debugger": True, "supported_encryption": ["curve"]}


class NotebookKernelSpecs(KernelSpecManager):  # type: ignore[misc]
    """The kernels of the notebook environment, then those that the user or the site has added by hand."""

    notebook = Instance(Notebook)

    def _notebook_default(self) -> Notebook:
        notebook: Notebook = self.parent.notebook
        return notebook

    def _ensure_native_kernel_default(self) -> bool:
        return False

    def _kernel_dirs_default(self) -> list[str]:
        return [folder for folder in jupyter_path("kernels") if Path(folder) != _OWN]

    def find_kernel_specs(self) -> dict[str, str]:
        """Name -> folder. There is one "Python 3", whatever ipykernel has left in any of the folders."""
        found: dict[str, str] = super().find_kernel_specs()
        return {NATIVE_KERNEL_NAME: str(_OWN / NATIVE_KERNEL_NAME)} | {
            name: folder for name, folder in found.items() if name != NATIVE_KERNEL_NAME
        }

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        """Raise NoSuchKernel when there is none of that name."""
        if kernel_name.lower() == NATIVE_KERNEL_NAME:
            return self._make_python()
        spec = super().get_kernel_spec(kernel_name)
        return self._adopt(spec) if Path(spec.resource_dir).is_relative_to(self.notebook.prefix) else spec

    def _make_python(self) -> KernelSpec:
        return KernelSpec(
            resource_dir=str(_OWN / NATIVE_KERNEL_NAME),
            argv=self._enter([str(self.notebook.python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]),
            display_name="Python 3",
            language="python",
            kernel_protocol_version="5.5",
            metadata=self._read_metadata(),
            env=self._variables,
        )

    def _read_metadata(self) -> dict[str, Any]:
        """What the installed ipykernel says that it can do: an older one does not know encrypted connections."""
        there = self.notebook.prefix / "share" / "jupyter" / "kernels" / NATIVE_KERNEL_NAME / "kernel.json"
        try:
            metadata = read_json(there).get("metadata", {})
        except (OSError, ValueError):
            return dict(_METADATA)
        if not isinstance(metadata, dict):
            return {}
        return {name: value for name, value in metadata.items() if name in _METADATA}

    def _adopt(self, spec: KernelSpec) -> KernelSpec:
        """A kernel of the environment: run by the environment's own programs, and called so."""
        python = str(self.notebook.python)
        argv = [word.replace("{prefix}", str(self.notebook.prefix)) for word in spec.argv]
        spec.argv = self._enter([python if _PYTHON.fullmatch(argv[0]) else argv[0], *argv[1:]]) if argv else []
        if not spec.display_name.endswith(f"({NAME})"):
            spec.display_name = f"{spec.display_name} ({NAME})"
        spec.env = {**self._variables, **spec.env}
        return spec

    def _enter(self, argv: list[str]) -> list[str]:
        """``argv``, by way of the scripts with which conda packages of the environment set variables of theirs."""
        scripts = self.notebook.prefix / "etc" / "conda" / "activate.d"
        if not any(name.endswith(".sh") for name in list_names(scripts)):
            return argv
        return ["/bin/bash", str(_RUN), *argv]

    @property
    def _variables(self) -> dict[str, str]:
        """PATH has the environment's programs first already, like the server's own."""
        return {
            "CONDA_PREFIX": str(self.notebook.prefix),
            "CONDA_DEFAULT_ENV": NAME,
            "PYTHONNOUSERSITE": "1",
        }
