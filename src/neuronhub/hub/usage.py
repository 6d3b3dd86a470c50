"""The usage page, its CSV, the printable statement and their REST body: what jobs cost, for those who may see it.

Every question goes to the ledger with what its reader may see (billing.question). In the hub process.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any, NoReturn, TypeVar
from zoneinfo import ZoneInfo

from jupyterhub.apihandlers.base import APIHandler
from jupyterhub.handlers.base import BaseHandler
from jupyterhub.scopes import Scope
from tornado import web
from tornado.iostream import StreamClosedError

from neuronhub.billing.csv import render_charges, render_head
from neuronhub.billing.ledger import Ledger
from neuronhub.billing.period import Month, month_of
from neuronhub.billing.question import (
    ALL,
    OWN,
    Question,
    Reader,
    make_filter,
    narrow_to_list,
    parse_question,
    widen_question,
)
from neuronhub.billing.shown import Shown
from neuronhub.billing.statement import Statement, fetch_own_statement, fetch_statement
from neuronhub.billing.types import Filter
from neuronhub.billing.usage import Usage, fetch_usage, find_balance
from neuronhub.billing.usage_records import render_usage
from neuronhub.errors import LedgerUnavailable, NotYours, QuestionRefused
from neuronhub.hub.reading import Reading
from neuronhub.hub.usage_words import UsageWords
from neuronhub.language import translate as _
from neuronhub.protocol import USAGE_PATH
from neuronhub.spawn.refusal import refuse
from neuronhub.tariff import ACCOUNT

Answer = TypeVar("Answer")

SCOPE = "read:servers"
"""JupyterHub's scope that a token needs: for its user's rights, or of all users for an operator's."""
PORTION = 1000
"""Lines of CSV that are read and written at a time."""
MONTHS = 36
RETRY_AFTER_S = 30


class _LedgerHandler(BaseHandler):  # type: ignore[misc]  # JupyterHub has no types
    """What the handlers below share: who asks, what, and how they are told that it cannot be."""

    @property
    def reading(self) -> Reading:
        """The door to the ledger; raises 404 where the site has none."""
        found: Reading | None = self.settings.get(Reading.SETTING)
        if found is None:
            refuse(404, QuestionRefused(_("This site charges nothing, and keeps no record of what jobs cost.")))
        return found

    async def find_reader(self) -> Reader:
        """Who asks; raises 403 for a token or a service without the scope.

        An operator is an admin, or a service, whose scope is not narrowed to some users.
        """
        user = self.current_user
        everything = self.parsed_scopes.get(SCOPE) is Scope.ALL
        if user is None:
            raise web.HTTPError(403, "sign in to see what jobs cost")
        if not hasattr(user, "spawners"):
            if not everything:
                raise web.HTTPError(403, "this service lacks the scope %s", SCOPE)
            return await self.reading.find_reader("", operator=True)
        if not self.get_scope_filter(SCOPE)(user.orm_user, "user"):
            raise web.HTTPError(403, "this token lacks the scope %s", SCOPE)
        return await self.reading.find_reader(user.name, operator=bool(user.admin) and everything)

    def parse_question(self) -> Question:
        """What the URL asks for; raises QuestionRefused."""
        values = {name: self.get_query_argument(name) for name in self.request.query_arguments}
        return parse_question(values, datetime.now(UTC), self.reading.billing.zone)

    def set_default_headers(self) -> None:
        """Nobody's browser or proxy keeps what somebody has used."""
        super().set_default_headers()
        self.set_header("Cache-Control", "no-store")

    async def show(self, page: str, **values: Any) -> None:
        """Finish with a page, drawn in a thread."""
        namespace = self.template_namespace | {"xsrf_token": self.xsrf_token.decode("ascii")} | values
        template = self.get_template(page, sync=True)
        self.finish(await self.reading.work(partial(template.render, namespace)))

    async def read(self, ask: Callable[[Reading, Reader, Question, Ledger], Answer]) -> tuple[Question, Answer]:
        """The URL's question, and what ``ask`` finds for it; raises 400 and 403 with the reason, LedgerUnavailable."""
        try:
            question = self.parse_question()
            reader = await self.find_reader()
            return question, await self.reading.ask(partial(ask, self.reading, reader, question))
        except (QuestionRefused, NotYours) as error:
            refuse_for(error)

    def explain_silence(self, error: LedgerUnavailable) -> LedgerUnavailable:
        """Log why the ledger does not answer; returns what people are told."""
        self.log.error("what jobs cost cannot be shown: %s", error)
        return LedgerUnavailable(
            _("The record of what jobs cost cannot be read at the moment. Nothing is lost; try again in a minute.")
        )

    async def show_silence(self, error: LedgerUnavailable) -> None:
        """503: the page without its numbers, and a link to try again."""
        problem = str(self.explain_silence(error))
        self.set_status(503)
        self.set_header("Retry-After", str(RETRY_AFTER_S))
        await self.show("usage_away.html", problem=problem, again=self.request.uri)


def refuse_for(error: QuestionRefused | NotYours) -> NoReturn:
    """Raise ``error`` as an HTTP error whose sentence the page shows."""
    refuse(403 if isinstance(error, NotYours) else 400, error)


class UsagePageHandler(_LedgerHandler):
    """/hub/usage: a month, by queue and by day, and every job in it."""

    @web.authenticated
    async def get(self) -> None:
        """The page. 400 for what is no month, 403 for what is not the reader's, 503 while the ledger is away."""
        reading = self.reading
        try:
            _question, usage = await self.read(read_usage)
        except LedgerUnavailable as error:
            await self.show_silence(error)
            return
        words = UsageWords(reading.currency, reading.billing.zone, usage.question)
        present = month_of(datetime.now(UTC), reading.billing.zone)
        months = list_months(usage.question.month, present)
        await self.show("usage.html", usage=usage, words=words, months=months, present=present)


class UsageHandler(_LedgerHandler, APIHandler):  # type: ignore[misc]
    """/hub/api/neuronhub/usage: the same as JSON, with the same rights."""

    async def get(self) -> None:
        """200 with the page's numbers; its errors as the page has them."""
        reading = self.reading
        try:
            _question, usage = await self.read(read_usage)
        except LedgerUnavailable as error:
            refuse(503, self.explain_silence(error))
        self.write(render_usage(usage, Shown(reading.currency, reading.billing.zone)))


class UsageCsvHandler(_LedgerHandler):
    """/hub/usage.csv: all jobs of the page's list."""

    @web.authenticated
    async def get(self) -> None:
        """Sent as it is read: no list is too long. One that breaks off has no end, and is not taken for whole."""
        reading = self.reading
        zone = reading.billing.zone
        try:
            reader = await self.find_reader()
            question = widen_question(reader, self.parse_question())
            where = narrow_to_list(make_filter(reader, question, zone), question, zone)
            text, after = await reading.ask(partial(read_portion, zone, where, None))
        except (QuestionRefused, NotYours) as error:
            refuse_for(error)
        except LedgerUnavailable as error:
            await self.show_silence(error)
            return
        self.set_header("Content-Type", "text/csv; charset=utf-8")
        self.set_header("Content-Disposition", f'attachment; filename="{name_file(question)}.csv"')
        self.set_header("X-Content-Type-Options", "nosniff")
        self.write(render_head(reading.currency) + text)
        try:
            while after is not None:
                await self.flush()
                text, after = await reading.ask(partial(read_portion, zone, where, after))
                self.write(text)
        except LedgerUnavailable as error:
            self.log.error("a list of charges broke off: %s", error)
            self.request.connection.stream.close()
        except StreamClosedError:
            self.log.info("nobody waits for the list of charges any more")


class StatementHandler(_LedgerHandler):
    """/hub/statement: an account's month for paper; without an account the reader's own jobs."""

    @web.authenticated
    async def get(self) -> None:
        """The page, with the same errors as the usage page."""
        reading = self.reading
        try:
            question, statement = await self.read(read_statement)
        except LedgerUnavailable as error:
            await self.show_silence(error)
            return
        words = UsageWords(reading.currency, reading.billing.zone, question)
        made_at = datetime.now(UTC)
        over = made_at >= question.month.until(reading.billing.zone)
        await self.show("statement.html", statement=statement, words=words, made_at=made_at, over=over)


def read_usage(reading: Reading, reader: Reader, question: Question, ledger: Ledger) -> Usage:
    """See fetch_usage."""
    return fetch_usage(ledger, reading.billing, reader, question)


def read_statement(reading: Reading, reader: Reader, question: Question, ledger: Ledger) -> Statement:
    """The statement that ``question`` asks for; raises NotYours, QuestionRefused, LedgerUnavailable."""
    zone = reading.billing.zone
    make_filter(reader, question, zone)
    if question.account == ALL:
        raise QuestionRefused(_("A statement is of one account. Choose one."))
    if question.account == OWN:
        return fetch_own_statement(ledger, reader.name, question.month, zone)
    find_balance(ledger, reader, question.account)
    return fetch_statement(ledger, question.account, question.month, zone)


def read_portion(zone: ZoneInfo, where: Filter, after: int | None, ledger: Ledger) -> tuple[str, int | None]:
    """Some lines of CSV after the charge of id ``after``, and the id to go on after; None: there are no more."""
    charges = ledger.fetch_charges(where, limit=PORTION, after=after)
    last = charges[-1].id if len(charges) == PORTION else None
    return render_charges(charges, ledger.currency, zone), last


def list_months(chosen: Month, present: Month) -> list[Month]:
    """Months to choose from, the latest first: the present one, those before it, and the chosen one."""
    return sorted({chosen, *(present.shift(-back) for back in range(MONTHS))}, reverse=True)


def name_file(question: Question) -> str:
    """What a browser is to call the CSV."""
    account = f"-{question.account}" if re.fullmatch(ACCOUNT, question.account) else ""
    return f"usage{account}-{question.month}"


HANDLERS: list[Any] = [
    (r"/usage", UsagePageHandler),
    (r"/usage\.csv", UsageCsvHandler),
    (r"/statement", StatementHandler),
    (rf"/api/{USAGE_PATH}", UsageHandler),
]
