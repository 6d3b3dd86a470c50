"""What every table of the site file is. Pure."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Table(BaseModel):
    """A table of the site file: frozen, and an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)
