"""The command ``neuronhub billing``: operators keep budgets and look into the ledger. Runs on the hub's host."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import click

from neuronhub import language
from neuronhub.billing import records, terminal
from neuronhub.billing.clerk import find_operator, parse_correction, parse_written, refuse_unknown
from neuronhub.billing.csv import render_charges, render_head
from neuronhub.billing.ledger import Ledger
from neuronhub.billing.office import GetSite, open_office
from neuronhub.billing.period import month_of, parse_month
from neuronhub.billing.reconcile import reconcile as compare
from neuronhub.billing.statement import fetch_statement
from neuronhub.billing.types import Charge, Filter
from neuronhub.billing.window import parse_window
from neuronhub.errors import EntryRefused, QuestionRefused
from neuronhub.language import translate as _

DIFFERENT = 1
"""Exit code of ``reconcile`` when there are differences."""
PAGE = 2000
"""Charges are read in portions, so that any number of them fits into memory."""

json_option = click.option("--json", "as_json", is_flag=True, help="For programs.")
note_option = click.option("--note", required=True, metavar="WHY", help="Why; it is kept with the entry.")
month_option = click.option("--month", metavar="YYYY-MM", help="Only what ended in this month.")


@click.group()
def billing() -> None:
    """What jobs cost: budgets of Slurm's accounts, charges, statements.

    Run it as the hub's user or as root, on the host of the hub. Nothing in the ledger is ever changed or
    deleted: a wrong charge is answered by a correction. Each entry keeps who made it, when and why.

    \b
      neuronhub billing grant lab-a 5000000 --note "Contract 2026-114"
      neuronhub billing balance
      neuronhub billing charges --account lab-a --month 2026-11
      neuronhub billing correct 4711 12000 --note "Node with a broken fan"
      neuronhub billing statement lab-a --month 2026-11
      neuronhub billing charges --csv --month 2026-11 > november.csv
      neuronhub billing reconcile --month 2026-11

    \b
    Exit codes: 0 done, 1 something is in the way (the text says what) or reconcile found differences,
    2 wrong use, 3 Slurm or the ledger does not answer: nothing was written.
    """
    language.current.set(language.find_locale_language())


@billing.command(context_settings={"ignore_unknown_options": True})
@click.argument("account")
@click.argument("amount")
@note_option
@json_option
@click.pass_obj
def grant(get_site: GetSite, account: str, amount: str, note: str, as_json: bool) -> None:
    """Add to an account's budget.

    ACCOUNT is one of Slurm's, with members; AMOUNT a plain number in the site's currency, such as 5000000 or 12.50.

    \b
      neuronhub billing grant lab-a 5000000 --note "Contract 2026-114"
    """
    with open_office(get_site) as office:
        minor = parse_written(amount, office.site.currency)
        known = asyncio.run(office.commands.fetch_associations())
        refuse_unknown(account, {member.account for member in known.members})
        credit = office.ledger.grant(account, minor, by=find_operator(), note=note, at=datetime.now(UTC))
        if as_json:
            _print_json(records.render_credit(credit, office.shown))
            return
        balance = office.ledger.balances([account])[account]
        click.echo(
            _("{account}: {amount} granted. {available} are available now.").format(
                account=account,
                amount=office.shown.money(credit.amount_minor),
                available=office.shown.money(balance.available_minor),
            )
        )


@billing.command(context_settings={"ignore_unknown_options": True})
@click.argument("charge")
@click.argument("amount")
@note_option
@json_option
@click.pass_obj
def correct(get_site: GetSite, charge: str, amount: str, note: str, as_json: bool) -> None:
    """Give a charge back, in whole or in part.

    It is a counter-entry: the charge stays as it is. CHARGE is its number, the first column of: neuronhub billing
    charges. All corrections of a charge together give back between nothing and the whole of it; a negative AMOUNT
    takes back what was given so.

    \b
      neuronhub billing correct 4711 12000 --note "Node with a broken fan"
      neuronhub billing correct 4711 -12000 --note "It was another node"
    """
    with open_office(get_site) as office:
        if not re.fullmatch("[0-9]{1,18}", charge):
            raise EntryRefused(
                _("“{charge}” is no number of a charge. Look it up: neuronhub billing charges").format(
                    charge=charge[:40]
                )
            )
        minor = parse_correction(amount, office.site.currency)
        credit = office.ledger.correct(int(charge), minor, by=find_operator(), note=note, at=datetime.now(UTC))
        if as_json:
            _print_json(records.render_credit(credit, office.shown))
            return
        click.echo(
            _("Charge {charge}: {amount} given back to {account}.").format(
                charge=charge, amount=office.shown.money(credit.amount_minor), account=credit.account
            )
        )


@billing.command()
@click.argument("accounts", metavar="[ACCOUNT]...", nargs=-1)
@json_option
@click.pass_obj
def balance(get_site: GetSite, accounts: tuple[str, ...], as_json: bool) -> None:
    """What is left of budgets.

    Of each ACCOUNT, or of all that the ledger knows. Held back is the most that starts can cost which have not ended;
    what is left less that is available.
    """
    with open_office(get_site) as office:
        found = office.ledger.balances(None)
        for account in accounts:
            _refuse_unheard(account, account in found)
        chosen = [found[account] for account in accounts or sorted(found)]
        if as_json:
            _print_json([records.render_balance(one, office.shown) for one in chosen])
        elif not chosen:
            click.echo(_("The ledger is empty. Give accounts their budgets: neuronhub billing grant"))
        else:
            terminal.print_balances(chosen, office.shown)


@billing.command()
@click.argument("account")
@click.option("--month", metavar="YYYY-MM", help="Default: the present one.")
@json_option
@click.pass_obj
def statement(get_site: GetSite, account: str, month: str | None, as_json: bool) -> None:
    """What came and went in a month.

    A job belongs to the month in which it ended, by the clocks of the site file's billing.time_zone.
    """
    with open_office(get_site) as office:
        zone = office.shown.zone
        asked = parse_month(month) if month is not None else month_of(datetime.now(UTC), zone)
        _refuse_unheard(account, account in office.ledger.balances(None))
        found = fetch_statement(office.ledger, account, asked, zone)
        if as_json:
            _print_json(records.render_statement(found, office.shown))
        else:
            terminal.print_statement(found, office.shown)


@billing.command()
@click.option("--csv", "as_csv", is_flag=True, help="CSV, for spreadsheets.")
@json_option
@click.option("--account", help="Only of this Slurm account.")
@click.option("--user", help="Only of this user.")
@click.option("--queue", help="Only of this queue.")
@month_option
@click.pass_obj
def charges(
    get_site: GetSite,
    as_csv: bool,
    as_json: bool,
    account: str | None,
    user: str | None,
    queue: str | None,
    month: str | None,
) -> None:
    """What was charged, and its numbers.

    In the order in which the jobs ended, free ones too. The number in front is the one that a correction names.
    """
    with open_office(get_site) as office:
        window = parse_window(office.shown.zone, month=month)
        where = Filter(
            since=window.since,
            until=window.until,
            users=None if user is None else frozenset({user}),
            accounts=None if account is None else frozenset({account}),
            queue=queue,
        )
        if as_csv:
            click.echo(render_head(office.site.currency), nl=False)
            for portion in _read_charges(office.ledger, where):
                click.echo(render_charges(portion, office.site.currency, office.shown.zone), nl=False)
            return
        found = [charge for portion in _read_charges(office.ledger, where) for charge in portion]
        if as_json:
            _print_json([records.render_charge(charge, office.shown) for charge in found])
        elif not found:
            click.echo(_("There are no such charges."))
        else:
            terminal.print_charges(found, office.shown)


@billing.command()
@click.option("--since", metavar="MOMENT", help="From then on, such as 2026-11-23 or 2026-11-23T09:00.")
@click.option("--until", metavar="MOMENT", help="Until before then.")
@click.option("--month", metavar="YYYY-MM", help="A whole month. Default: the present one.")
@click.option("--day", metavar="YYYY-MM-DD", help="A whole day.")
@json_option
@click.pass_context
def reconcile(
    context: click.Context, since: str | None, until: str | None, month: str | None, day: str | None, as_json: bool
) -> None:
    """Compare the ledger with Slurm.

    Names every difference between the ledger, Slurm's accounting and Slurm's own counters. Exit code 0: none, 1: there
    are some, 3: Slurm or the ledger does not answer. Days and months are those of the site file's billing.time_zone.

    \b
      neuronhub billing reconcile --day 2026-11-23
      neuronhub billing reconcile --since 2026-11-01 --until 2026-11-15T12:00
    """
    with open_office(context.obj) as office:
        window = parse_window(office.shown.zone, since=since, until=until, month=month, day=day)
        begin, end = window.since, window.until or datetime.now(UTC)
        if begin is None and until is not None:
            raise QuestionRefused(_("Say since when as well: --since."))
        begin = begin or month_of(end, office.shown.zone).since(office.shown.zone)
        differences = asyncio.run(compare(office.site, office.commands, office.ledger, begin, end))
        if as_json:
            _print_json([records.render_difference(difference) for difference in differences])
        else:
            for difference in differences:
                click.echo(difference.sentence)
            click.echo(_("Differences: {number}").format(number=len(differences)), err=True)
        if differences:
            context.exit(DIFFERENT)


def _read_charges(ledger: Ledger, where: Filter) -> Iterator[list[Charge]]:
    after: int | None = None
    while portion := ledger.fetch_charges(where, limit=PAGE, after=after):
        yield portion
        after = portion[-1].id


def _refuse_unheard(account: str, known: bool) -> None:
    if not known:
        raise QuestionRefused(
            _("The ledger has no entry of the account “{account}”. See all: neuronhub billing balance").format(
                account=account[:64]
            )
        )


def _print_json(value: Any) -> None:
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))
