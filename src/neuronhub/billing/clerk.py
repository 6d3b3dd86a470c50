"""Who keeps the ledger by ``neuronhub billing``, and what may be written by hand. Runs on the hub's host."""

from __future__ import annotations

import difflib
import os
import pwd
from collections.abc import Collection
from pathlib import Path

from sqlalchemy.engine import make_url

from neuronhub.billing.money import parse_amount
from neuronhub.errors import EntryRefused, OperatorsOnly, SiteFileError
from neuronhub.language import translate as _
from neuronhub.site import Site
from neuronhub.tariff import Billing

SHOWN_ACCOUNTS = 10


def find_billing(site: Site) -> Billing:
    """The site file's table; raises SiteFileError where the site charges nothing."""
    if site.billing is None:
        raise SiteFileError(
            _("{file} has no table [billing]: this site charges nothing, and has no ledger.").format(file=site.path)
        )
    return site.billing


def refuse_strangers(site: Site) -> None:
    """Raise OperatorsOnly unless this user may write the ledger: root, the hub's user, or who else may open it."""
    if os.geteuid() == 0 or _find_name(os.geteuid()) == site.hub.user:
        return
    url = make_url(site.ledger_url)
    if url.get_backend_name() == "sqlite":
        file = Path(url.database or "")
        opens = os.access(file, os.R_OK | os.W_OK)
    else:
        password_file = find_billing(site).password_file
        opens = password_file is None or os.access(password_file, os.R_OK)  # without one the database decides
    if not opens:
        raise OperatorsOnly(
            _(
                "The ledger is closed to the user {user}. Run the command as the user {hub_user} or as root:"
                " sudo -u {hub_user} neuronhub billing ..."
            ).format(user=_find_name(os.geteuid()), hub_user=site.hub.user)
        )


def find_operator() -> str:
    """Who runs this command: the login name; where sudo changed it, both (``kim as neuronhub``)."""
    acting = _find_name(os.geteuid())
    caller = os.environ.get("SUDO_USER", acting)
    try:
        pwd.getpwnam(caller)
    except (KeyError, ValueError):
        return acting  # nobody whom this machine knows: the variable was made up
    return acting if caller == acting else f"{caller} as {acting}"


def parse_written(text: str, currency: str) -> int:
    """An amount as an operator types it, in the smallest unit; raises EntryRefused."""
    if "," in text:
        raise EntryRefused(
            _("Write the amount without commas: {amount}, not {text}.").format(
                amount=text.replace(",", "")[:40], text=text[:40]
            )
        )
    return parse_amount(text, currency)


def parse_correction(text: str, currency: str) -> int:
    """The same with either sign: above zero gives money back."""
    return -parse_written(text[1:], currency) if text.startswith("-") else parse_written(text, currency)


def refuse_unknown(account: str, known: Collection[str]) -> None:
    """Raise EntryRefused unless ``account`` is one of ``known``; the text names those that are meant perhaps."""
    if account in known:
        return
    alike = difflib.get_close_matches(account, known) or sorted(known)[:SHOWN_ACCOUNTS]
    raise EntryRefused(
        _("Slurm has no account “{account}” with members. Did you mean: {alike}?").format(
            account=account[:64], alike=", ".join(alike)
        )
        if alike
        else _("Slurm has no accounts with members. Make them first: sacctmgr add account.")
    )


def _find_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"
