"""Money and jobs as a terminal shows them: tables, plain when they are piped. See records for programs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import click
from rich.console import Console
from rich.table import Table

from neuronhub.billing.shown import Shown
from neuronhub.billing.statement import Line, Statement
from neuronhub.billing.types import Balance, Charge, Credit
from neuronhub.language import translate as _

PIPED_WIDTH = 1000
"""A program that reads a table wants each row on one line."""


def print_table(columns: Sequence[tuple[str, bool]], rows: Iterable[Sequence[str]]) -> None:
    """Each column is its head and whether numbers stand in it; no heads: none are shown."""
    table = Table(box=None, pad_edge=False, show_header=any(head for head, is_number in columns))
    for head, is_number in columns:
        table.add_column(head, justify="right" if is_number else "left", overflow="fold")
    for row in rows:
        table.add_row(*row)
    console = Console(highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console = Console(highlight=False, markup=False, emoji=False, width=PIPED_WIDTH)
    console.print(table)


def print_balances(balances: Iterable[Balance], shown: Shown) -> None:
    """Budgets, an account a line."""
    heads = (_("Granted"), _("Charged"), _("Left"), _("Held back"), _("Available"))
    print_table(
        [(_("Account"), False), *((head, True) for head in heads)],
        [
            (
                one.account,
                *(
                    shown.money(minor)
                    for minor in (
                        one.granted_minor,
                        one.charged_minor,
                        one.left_minor,
                        one.held_minor,
                        one.available_minor,
                    )
                ),
            )
            for one in balances
        ],
    )


def print_charges(charges: Iterable[Charge], shown: Shown) -> None:
    """Charges, one a line; the number in front is what a correction names."""
    texts = (_("Charge"), _("Job"), _("User"), _("Account"), _("Queue"), _("State"), _("Ended"))
    numbers = (_("Time"), _("Away"), _("Amount"))
    print_table(
        [(head, False) for head in texts] + [(head, True) for head in numbers],
        (
            (
                str(one.id),
                str(one.job_id),
                one.user,
                one.account,
                one.queue,
                one.state,
                shown.moment(one.ended_at),
                render_time(one.elapsed_s),
                render_time(one.away_s),
                shown.money(one.amount_minor),
            )
            for one in charges
        ),
    )


def print_credits(credits: Iterable[Credit], shown: Shown) -> None:
    """Grants and corrections, one a line."""
    heads = ((_("When"), False), (_("What"), False), (_("By"), False), (_("Amount"), True), (_("Note"), False))
    rows = []
    for one in credits:
        correction = _("Correction of charge {charge}").format(charge=one.charge_id)
        what = _("Grant") if one.kind == "grant" else correction
        rows.append((shown.moment(one.at), what, one.by, shown.money(one.amount_minor), one.note))
    print_table(heads, rows)


def print_lines(head: str, lines: Iterable[Line], shown: Shown) -> None:
    """Sums of a statement, by what ``head`` says."""
    numbers = (_("Jobs"), _("Time"), _("Away"), _("Charged time"), _("Amount"))
    print_table(
        [(head, False), *((number, True) for number in numbers)],
        [
            (
                one.key,
                str(one.jobs),
                render_time(one.elapsed_s),
                render_time(one.away_s),
                render_time(one.charged_s),
                shown.money(one.amount_minor),
            )
            for one in lines
        ],
    )


def print_statement(found: Statement, shown: Shown) -> None:
    """An account's month."""
    click.echo(_("Account {account}, {month}").format(account=found.account, month=found.month))
    click.echo()
    print_table(
        [("", False), ("", True)],
        [
            (_("Left before"), shown.money(found.opening_minor)),
            (_("Granted and corrected"), shown.money(found.credited_minor)),
            (_("Charged"), shown.money(-found.total.amount_minor)),
            (_("Left"), shown.money(found.closing_minor)),
        ],
    )
    if found.credits:
        click.echo()
        print_credits(found.credits, shown)
    for head, lines in ((_("Queue"), found.by_queue), (_("User"), found.by_user)):
        if lines:
            click.echo()
            print_lines(head, lines, shown)
    if found.charges:
        click.echo()
        print_charges(found.charges, shown)


def render_time(seconds: int) -> str:
    """Hours, minutes and seconds; hours go on beyond a day, as they are what is paid for."""
    minutes, rest = divmod(seconds, 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"
