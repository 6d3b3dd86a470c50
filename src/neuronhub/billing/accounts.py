"""Which Slurm account pays for a start, and what people are told of accounts and budgets. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from neuronhub.billing.money import render_amount, render_minor
from neuronhub.billing.types import Balance
from neuronhub.errors import StartRefused
from neuronhub.language import translate as _
from neuronhub.site import Site
from neuronhub.slurm.usage import Associations


def choose_account(associations: Associations, user: str, queue: str, chosen: str) -> str:
    """The account that pays for a job of ``user`` in ``queue``: the chosen one, else the user's default.

    Raises StartRefused when it is not the user's, or when there is none to take.
    """
    usable = associations.accounts_of(user, queue)
    if not usable:
        if list_accounts(associations, user):
            words = _("None of your accounts may be charged for the queue “{queue}”. Choose another queue.")
        else:
            words = _(
                "You belong to no account that could be charged for the queue “{queue}”. Choose a free queue, or ask"
                " the operators to make you a member of your project's account."
            )
        raise StartRefused(words.format(queue=queue))
    default = associations.defaults.get(user)
    if not chosen and default in usable:
        return str(default)
    if not chosen and len(usable) == 1:
        return usable[0]
    if chosen not in usable:
        words = (
            _("Your account “{account}” cannot be charged for the queue “{queue}”. Choose one of: {usable}.")
            if chosen in list_accounts(associations, user)
            else _("You are not a member of the account “{account}”. Choose one of: {usable}.")
            if chosen
            else _("Choose the account that pays for the queue “{queue}”: {usable}.")
        )
        raise StartRefused(words.format(account=chosen, queue=queue, usable=", ".join(usable)))
    return chosen


def list_accounts(associations: Associations, user: str) -> tuple[str, ...]:
    """Accounts of ``user`` in whatever queue, the default first."""
    found = {member.account for member in associations.members if member.user == user}
    default = associations.defaults.get(user)
    return tuple(sorted(found, key=lambda account: (account != default, account)))


def explain_shortage(
    associations: Associations, account: str, most_minor: int, available_minor: int, site: Site
) -> str:
    """A sentence for a start that can cost more than there is, and what to do about it."""
    words = _(
        "This start can cost up to {most}, and the account “{account}” has {available} left for new starts. Choose a"
        " shorter time or another queue, or ask {coordinators} for more."
    )
    coordinators = ", ".join(sorted(associations.coordinators.get(account, ())))
    return words.format(
        most=render_amount(most_minor, site.currency),
        account=account,
        available=render_amount(available_minor, site.currency),
        coordinators=_("the account's coordinator ({names})").format(names=coordinators)
        if coordinators
        else _("the operators"),
    )


def describe_accounts(
    associations: Associations, balances: Mapping[str, Balance] | None, user: str, site: Site, moment: datetime
) -> list[dict[str, Any]]:
    """Accounts of ``user`` as the pages show them (see payment.Till.describe); no ``balances``: not known yet."""
    coordinated = associations.coordinated_by(user)
    described = []
    for account in list_accounts(associations, user):
        queues = [queue.name for queue in site.queues if account in associations.accounts_of(user, queue.name)]
        balance = None if balances is None else balances.get(account, Balance(account, 0, 0, 0))
        described.append(
            {
                "name": account,
                "left": render_minor(balance.left_minor, site.currency) if balance else None,
                "available": render_minor(balance.available_minor, site.currency) if balance else None,
                "discount_percent": f"{_discount(site, account, moment):f}",
                "queues": None if len(queues) == len(site.queues) else queues,
                "coordinated": account in coordinated,
            }
        )
    return described


def _discount(site: Site, account: str, moment: datetime) -> Decimal:
    return site.billing.discount_at(account, moment) if site.billing else Decimal(0)
