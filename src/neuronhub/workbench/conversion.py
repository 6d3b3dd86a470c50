"""Conversion of notebooks from the File menu (row N6): what a format needs is looked for before nbconvert fails on it.

In the user's Jupyter server.
"""

from __future__ import annotations

import importlib.util
import shutil
import sys
from http import HTTPStatus
from pathlib import Path

from jupyter_server.nbconvert.handlers import NbconvertFileHandler
from traitlets.config import Config

from neuronhub.language import translate as _
from neuronhub.workbench.sentences import wrap

FILE_PATTERN = r"/nbconvert/(?P<format>\w+)(?P<path>(?:(?:/[^/]+)+|/?))"
"""As Jupyter Server routes it."""
_PANDOC = ("asciidoc", "latex", "pdf", "rst")


def find_lack(wanted: str) -> str | None:
    """Return what this node lacks for the format ``wanted`` and what to do instead: a sentence; None: nothing."""
    if wanted == "pdf" and not all(shutil.which(program) for program in ("xelatex", "bibtex")):
        return _(
            "PDF is made by LaTeX (the programs xelatex and bibtex), which is not on this node. "
            "Use File > Save and Export Notebook As > HTML and print that page as PDF, "
            "or install LaTeX in the notebook environment."
        )
    if wanted in _PANDOC and not shutil.which("pandoc"):
        return _(
            "This format is made by the program pandoc, and there is none on this node. "
            "Install it in the notebook environment, in a terminal: conda install pandoc"
        )
    if wanted == "webpdf" and not importlib.util.find_spec("playwright"):
        return _(
            "This format needs the package playwright and a browser beside the Jupyter server; there are none here. "
            "Use File > Save and Export Notebook As > HTML and print that page as PDF."
        )
    return None


class ConversionHandler(NbconvertFileHandler):  # type: ignore[misc]
    """Converts a notebook, or says what is needed for it."""

    async def get(self, format: str, path: str) -> None:
        """The answers are Jupyter Server's."""
        if self.current_user and (lack := find_lack(format)):
            self.set_status(HTTPStatus.NOT_IMPLEMENTED)
            title = _("A program is missing on this node")
            self.finish(self.render_template("error.html", status_code=501, status_message=title, message=wrap(lack)))
            return
        await super().get(format, path)


def make_conversion_config() -> Config:
    """nbconvert's own templates are the base's, to which its programs belong; others may lie in the environment."""
    templates = Path(sys.prefix, "share", "jupyter", "nbconvert", "templates")
    return Config({"TemplateExporter": {"extra_template_basedirs": [".", str(templates)]}})
