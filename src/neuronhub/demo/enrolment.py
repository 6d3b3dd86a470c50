"""Gives the embedded site's accounts their second factors. Runs inside, as the hub's user, once for a state folder.

Standard input: ``{"site": path of the site file, "secrets": {id: base32}}``.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from neuronhub.demo.errors import DemoError
from neuronhub.login.database import Database
from neuronhub.login.totp_store import TotpStore, read_key
from neuronhub.site import Site, read_site


def enrol_all(site: Site, secrets: dict[str, str]) -> None:
    """Enrol every account with its secret, replacing older ones."""
    if site.login is None or site.login.second_factor.key_file is None:
        raise DemoError("The site file of the embedded site has no local second factor.")
    factor = site.login.second_factor
    database = Database(site.login.database)
    try:
        store = TotpStore(database, read_key(site.login.second_factor.key_file))
        for user, secret in secrets.items():
            store.enrol(user, factor.issuer, secret, replace=True)
    finally:
        database.close()


if __name__ == "__main__":
    request = json.load(sys.stdin)
    enrol_all(read_site(Path(request["site"])), request["secrets"])
