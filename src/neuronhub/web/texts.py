"""Sentences of JupyterHub's own that people meet on our pages, named here so that the catalogues hold them.

The filter ``translated`` finds them by their text. Runs in the hub.
"""

from __future__ import annotations


def mark(text: str) -> str:
    """Return ``text`` as it is: the name tells scripts/translations to put it into the catalogues."""
    return text


JUPYTERHUB_SENTENCES = (
    mark("Invalid username or password"),
    mark("Login form invalid or expired. Try again."),
    mark("'_xsrf' argument missing from POST"),
    mark("XSRF cookie does not match POST argument"),
)
