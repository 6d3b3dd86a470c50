"""What may be asked of the usage page, and who may ask it. Pure.

Every question becomes a Filter that also says what its reader may see: the ledger leaves out the rest by itself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from neuronhub.billing.chart import Measure
from neuronhub.billing.period import Month, begin_day, month_of, parse_day, parse_month
from neuronhub.billing.types import Filter
from neuronhub.errors import NotYours, QuestionRefused
from neuronhub.language import translate as _

OWN = ""
"""Instead of an account: the reader's own jobs, whatever they were charged to."""
ALL = "*"
"""Instead of an account: all of them."""
LONGEST_NAME = 255
LAST_PAGE = 10**6
_NAMES = ("month", "account", "queue", "user", "day", "page", "measure")


@dataclass(frozen=True, slots=True)
class Reader:
    """Who looks."""

    name: str
    """The user's name; '' for a service, which has no jobs of its own."""
    operator: bool = False
    """May see everything (JupyterHub's admins)."""
    accounts: tuple[str, ...] = ()
    """Slurm accounts that the reader belongs to, the default first."""
    coordinated: frozenset[str] = frozenset()
    """Slurm accounts that the reader coordinates, and whose jobs all of them the reader may see."""
    choices: tuple[str, ...] = ()
    """Slurm accounts whose jobs all of them are offered: those that the reader coordinates, or (an operator) all."""
    problem: str | None = None
    """Why the accounts are not known; a sentence."""


@dataclass(frozen=True, slots=True)
class Question:
    """One view of the ledger."""

    month: Month
    account: str = OWN
    queue: str = ""
    """Only jobs of this queue in the list; '': of all. The sums are not narrowed, nor by the next two."""
    user: str = ""
    day: date | None = None
    page: int = 1
    measure: Measure | None = None
    """None: whatever there is."""

    def turn_to(self, page: int) -> Question:
        """The same question, another page of its list."""
        return replace(self, page=page)

    def render_query(self, **changes: Any) -> str:
        """The same question as a URL's query, with ``changes``; a change of what is listed begins at page 1."""
        asked = replace(self, **{"page": 1, **changes})
        values = {
            "month": str(asked.month),
            "account": asked.account,
            "queue": asked.queue,
            "user": asked.user,
            "day": asked.day.isoformat() if asked.day else "",
            "page": str(asked.page) if asked.page > 1 else "",
            "measure": asked.measure.value if asked.measure else "",
        }
        return urlencode({name: value for name, value in values.items() if value})


def parse_question(values: Mapping[str, str], now: datetime, zone: ZoneInfo) -> Question:
    """What a URL asks for; raises QuestionRefused with what is wrong in it. Unknown names are passed over."""
    given = {name: values[name].strip() for name in _NAMES if values.get(name, "").strip()}
    for name in ("account", "queue", "user"):
        _refuse_no_name(given.get(name, ""))
    month = parse_month(given["month"]) if "month" in given else month_of(now, zone)
    return Question(
        month=month,
        account=given.get("account", OWN),
        queue=given.get("queue", ""),
        user=given.get("user", ""),
        day=parse_day(given["day"], month) if "day" in given else None,
        page=_parse_page(given.get("page", "1")),
        measure=_parse_measure(given["measure"]) if "measure" in given else None,
    )


def widen_question(reader: Reader, question: Question) -> Question:
    """What an operator means who names a user and no account, and a service, which has no jobs of its own."""
    others = question.user not in ("", reader.name) or not reader.name
    return replace(question, account=ALL) if reader.operator and question.account == OWN and others else question


def make_filter(reader: Reader, question: Question, zone: ZoneInfo) -> Filter:
    """Which charges the sums of ``question`` are made of; raises NotYours, in one form of words for all."""
    if question.account == ALL:
        if not reader.operator:
            raise NotYours(_("All accounts together are for operators. Choose your own jobs or one account."))
    elif question.account != OWN and not reader.operator and question.account not in reader.coordinated:
        _refuse(question.account)
    if question.account == OWN and question.user not in ("", reader.name):
        _refuse(question.user)
    return Filter(
        since=question.month.since(zone),
        until=question.month.until(zone),
        users=frozenset({reader.name}) if question.account == OWN else None,
        accounts=None if question.account in (OWN, ALL) else frozenset({question.account}),
        visible_users=None if reader.operator else frozenset({reader.name}),
        visible_accounts=None if reader.operator else reader.coordinated,
    )


def narrow_to_list(where: Filter, question: Question, zone: ZoneInfo) -> Filter:
    """Which charges the list of jobs holds: those of the sums, of one queue, user and day if that is asked for."""
    if question.day is not None:
        next_day = begin_day(question.day + timedelta(days=1), zone)
        where = replace(where, since=begin_day(question.day, zone), until=next_day)
    if question.user:
        where = replace(where, users=frozenset({question.user}))
    return replace(where, queue=question.queue or None)


def _refuse(name: str) -> None:
    raise NotYours(
        _("You may see your own jobs, and accounts that you coordinate. “{name}” is not among them.").format(
            name=name[:80]
        )
    )


def _refuse_no_name(text: str) -> None:
    if len(text) > LONGEST_NAME or not text.isprintable():
        raise QuestionRefused(_("That is no name of an account, a queue or a user."))


def _parse_page(text: str) -> int:
    if re.fullmatch(r"[0-9]{1,30}", text) is None or int(text) < 1:
        raise QuestionRefused(_("“{text}” is not a page. Write a whole number from 1 on.").format(text=text[:40]))
    return min(int(text), LAST_PAGE)


def _parse_measure(text: str) -> Measure:
    try:
        return Measure(text)
    except ValueError:
        raise QuestionRefused(
            _("“{text}” is not a measure. Choose one of: {choices}.").format(text=text[:40], choices=", ".join(Measure))
        ) from None
