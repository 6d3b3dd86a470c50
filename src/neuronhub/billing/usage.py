"""What the usage page shows, read from the ledger. Synchronous: the hub calls it in a thread."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from neuronhub.billing.chart import Chart, choose_measure, draw_chart
from neuronhub.billing.ledger import Ledger
from neuronhub.billing.money import round_amount
from neuronhub.billing.prices import compute_amount, count_away
from neuronhub.billing.question import ALL, OWN, Question, Reader, make_filter, narrow_to_list, widen_question
from neuronhub.billing.types import Balance, Charge, Filter, Running, Total, Waits
from neuronhub.errors import QuestionRefused
from neuronhub.language import translate as _
from neuronhub.tariff import Billing

PAGE = 25
"""Jobs on one page."""
MOST_USERS = 20
"""The list of those who used most ends there."""
NEARLY_SPENT_PERCENT = 10
"""An account with less of its grants left than this is near its end."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A job that still runs, and what it would cost if it had ended when Slurm was last asked."""

    running: Running
    away_s: int
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Day:
    """One line of the table that says the same as the chart."""

    day: date
    queues: Mapping[str, Total]
    total: Total


@dataclass(frozen=True, slots=True)
class Usage:
    """One page."""

    question: Question
    """As it was answered: a page that exists."""
    reader: Reader
    balances: tuple[Balance, ...]
    """Of the reader's accounts, of the account asked for, or of all."""
    total: Total
    chart: Chart
    days: tuple[Day, ...]
    """Those on which jobs ended."""
    queues: tuple[Total, ...]
    """The most money first, then the most time, as are the next two."""
    users: tuple[Total, ...]
    """At most MOST_USERS; empty where the reader sees own jobs."""
    accounts: tuple[Total, ...]
    """Empty unless all accounts were asked for, as is the next one."""
    waits: tuple[Waits, ...]
    running: tuple[Estimate, ...]
    charges: tuple[Charge, ...]
    """PAGE of them at most, the newest first."""
    listed: int
    """How many there are on all pages."""
    pages: int


def fetch_usage(ledger: Ledger, billing: Billing, reader: Reader, asked: Question) -> Usage:
    """What ``reader`` sees who asks ``asked``; a page after the last one is the last one.

    Raises NotYours, QuestionRefused, LedgerUnavailable.
    """
    question = widen_question(reader, asked)
    where = make_filter(reader, question, billing.zone)
    balances = fetch_balances(ledger, reader, question)
    days = ledger.sum_by_day(where, billing.zone)
    members = [] if question.account == OWN else ledger.sum_by_member(where)
    narrowed = narrow_to_list(where, question, billing.zone)
    listed = add_totals(days if narrowed == where else ledger.sum_by_queue(narrowed)).segments
    pages = max(1, -(-listed // PAGE))
    page = min(question.page, pages)
    charges = ledger.fetch_charges(narrowed, limit=PAGE, skip=(page - 1) * PAGE, newest_first=True)
    everything = question.account == ALL
    return Usage(
        question=question.turn_to(page),
        reader=reader,
        balances=balances,
        total=add_totals(days),
        chart=draw_chart(question.month.list_days(), days, question.measure or choose_measure(days), ledger.currency),
        days=_group_by_day(days),
        queues=_rank(_add_up(days, lambda total: total.queue)),
        users=_rank(_add_up(members, lambda total: total.key))[:MOST_USERS],
        accounts=_rank(_add_up(members, lambda total: total.account)) if everything else (),
        waits=tuple(ledger.fetch_waits(where)) if everything else (),
        running=fetch_estimates(ledger, billing, where),
        charges=tuple(charges),
        listed=listed,
        pages=pages,
    )


def fetch_balances(ledger: Ledger, reader: Reader, question: Question) -> tuple[Balance, ...]:
    """The budgets that belong to ``question``: the reader's, the default account first; of all, the emptiest first.

    Raises QuestionRefused for an account that does not exist.
    """
    if question.account == ALL:
        everybodys = ledger.balances(None).values()
        return tuple(sorted(everybodys, key=lambda balance: (balance.available_minor, balance.account)))
    if question.account == OWN:
        names = (*reader.accounts, *sorted(reader.coordinated - set(reader.accounts)))
        found = ledger.balances(names)
        return tuple(found[name] for name in names)
    return (find_balance(ledger, reader, question.account),)


def find_balance(ledger: Ledger, reader: Reader, account: str) -> Balance:
    """The budget of one account; raises QuestionRefused when neither Slurm nor the ledger has it."""
    balance = ledger.balances([account])[account]
    if account not in reader.choices and balance == Balance(account, 0, 0, 0):
        raise QuestionRefused(
            _("Neither Slurm nor the ledger knows an account “{account}”.").format(account=account[:80])
        )
    return balance


def fetch_estimates(ledger: Ledger, billing: Billing, where: Filter) -> tuple[Estimate, ...]:
    """Jobs that run now, whatever the month, the oldest first."""
    running = ledger.fetch_running(where)
    away = ledger.fetch_away({one.start.server for one in running})
    found = []
    for one in sorted(running, key=lambda one: (one.started_at, one.job_id)):
        intervals = away.get(one.start.server, [])
        away_s = min(one.elapsed_s, count_away(intervals, one.started_at, one.seen_at, billing.away.after))
        amount = compute_amount(one.start.rate, one.units, one.elapsed_s - away_s)
        found.append(Estimate(one, away_s, round_amount(amount, ledger.currency)))
    return tuple(found)


def add_totals(totals: Collection[Total], key: str = "") -> Total:
    """One sum of several."""
    return Total(key, "", **{name: sum(getattr(total, name) for total in totals) for name in _NUMBERS})


_NUMBERS = "segments waited_s elapsed_s away_s charged_s node_s gpu_s cpu_s amount_minor corrected_minor".split()


def _group_by_day(days: Iterable[Total]) -> tuple[Day, ...]:
    groups: dict[str, dict[str, Total]] = defaultdict(dict)
    for total in days:
        groups[total.key][total.queue] = total
    return tuple(Day(date.fromisoformat(day), groups[day], add_totals(groups[day].values(), day)) for day in groups)


def _add_up(totals: Iterable[Total], key_of: Callable[[Total], str]) -> list[Total]:
    groups: dict[str, list[Total]] = defaultdict(list)
    for total in totals:
        groups[key_of(total)].append(total)
    return [add_totals(group, key) for key, group in groups.items()]


def _rank(totals: Iterable[Total]) -> tuple[Total, ...]:
    return tuple(sorted(totals, key=lambda total: (-total.amount_minor, -total.elapsed_s, total.key)))
