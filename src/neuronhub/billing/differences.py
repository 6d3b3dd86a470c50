"""How a ledger and Slurm's accounting can differ; every difference is a sentence for a person and a word for programs.

Pure. What still runs, or has ended so lately that the collector may not have read it yet, is no difference.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from neuronhub.billing.money import round_amount
from neuronhub.billing.prices import compute_amount, count_away, explain_free, find_rate, find_startup, units_of
from neuronhub.billing.segments import has_ended
from neuronhub.billing.types import Charge, Interval, Rate, Start, WhyFree
from neuronhub.errors import StartRefused
from neuronhub.language import translate as _
from neuronhub.site import Site
from neuronhub.slurm.usage import Usage

Key = tuple[str, int, datetime, int]

CLOSED_AFTER = timedelta(minutes=15)
"""A start that was never submitted is closed by the collector before that."""


class Kind(StrEnum):
    """What a difference is about; part of the output for programs."""

    NOT_NOTED = "not-noted"
    NOT_CHARGED = "not-charged"
    NOT_SETTLED = "not-settled"
    LOST = "lost"
    UNKNOWN_TO_SLURM = "unknown-to-slurm"
    WHOSE = "whose"
    STATE = "state"
    TIMES = "times"
    UNITS = "units"
    AWAY = "away"
    FREE = "free"
    PRICE = "price"
    AMOUNT = "amount"
    COUNTERS = "counters"


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing in which the ledger and Slurm do not agree."""

    kind: Kind
    sentence: str
    job_id: int | None = None
    charge_id: int | None = None
    account: str = ""


def key_of(segment: Usage | Charge) -> Key:
    """What a segment is charged by, once."""
    return segment.cluster, segment.job_id, segment.submitted_at, segment.restart


class OurNames:
    """Names that the hub gives its jobs (spawn.record.JobNames, spawn.engine_jobs.EngineNames)."""

    def __init__(self, hub_name: str) -> None:
        own = re.escape(hub_name)
        self._pattern = re.compile(rf"{own}-(server-[0-9a-f]{{16}}|engines-[0-9a-f]{{16}}-[0-9a-f]{{8}}-[0-9]{{1,5}})")

    def match(self, name: str) -> bool:
        """True when ``name`` is one that the hub could have given."""
        return self._pattern.fullmatch(name) is not None


def compare_start(
    start: Start, segments: Sequence[Usage], charged: Mapping[Key, Charge], before: datetime
) -> Iterator[Difference]:
    """What the ledger lacks of one start; ``segments`` that ended after ``before`` are passed over."""
    for usage in segments:
        if usage.over and _is_before(usage, before) and key_of(usage) not in charged:
            yield Difference(
                Kind.NOT_CHARGED,
                _("Job {job} of {user} ({name}) ended at {ended} in {queue} and is not charged.").format(
                    job=usage.job_id,
                    user=usage.user,
                    name=start.job_name,
                    ended=_show(usage.ended_at),
                    queue=usage.partition,
                ),
                job_id=usage.job_id,
                account=start.account,
            )
    if segments and not start.settled and has_ended(segments) and _is_before(segments[-1], before):
        yield Difference(
            Kind.NOT_SETTLED,
            _("Job {job} of {user} ({name}) has ended, and the budget still holds back for it.").format(
                job=segments[-1].job_id, user=start.user, name=start.job_name
            ),
            job_id=segments[-1].job_id,
            account=start.account,
        )
    unheard = start.noted_at < before - (CLOSED_AFTER if start.job_id is None else timedelta(0))
    if not segments and unheard and (start.job_id is not None or not start.settled):
        yield Difference(
            Kind.LOST,
            _("The hub noted {name} of {user} at {noted}, and Slurm does not know such a job.").format(
                name=start.job_name, user=start.user, noted=_show(start.noted_at)
            ),
            job_id=start.job_id,
            account=start.account,
        )


def find_never_noted(found: Iterable[Usage], starts: Iterable[Start], names: OurNames) -> Iterator[Difference]:
    """Jobs that are called like the hub's own and that the ledger does not have. They are never charged."""
    known = {start.job_name for start in starts}
    seen = set()
    for usage in found:
        if names.match(usage.name) and usage.name not in known and (usage.job_id, usage.name) not in seen:
            seen.add((usage.job_id, usage.name))
            yield Difference(
                Kind.NOT_NOTED,
                _("Job {job} of {user} is called {name} like the hub's own, and the hub has not noted it.").format(
                    job=usage.job_id, user=usage.user, name=usage.name
                ),
                job_id=usage.job_id,
                account=usage.account,
            )


def compare_charge(
    charge: Charge, start: Start, usage: Usage | None, away: Iterable[Interval], site: Site
) -> Iterator[Difference]:
    """Whether a charge says what Slurm says, and costs what the site file and its own figures say."""
    about = _("Charge {charge} for job {job}").format(charge=charge.id, job=charge.job_id)

    def differ(kind: Kind, sentence: str) -> Difference:
        return Difference(kind, f"{about}: {sentence}", charge.job_id, charge.id, charge.account)

    if usage is None:
        yield differ(
            Kind.UNKNOWN_TO_SLURM,
            _("Slurm does not know such a job of {user}, submitted at {submitted}.").format(
                user=charge.user, submitted=_show(charge.submitted_at)
            ),
        )
    else:
        for kind, what, here, there in _list_figures(charge, usage):
            if here != there:
                sentence = _("{what} is {here} in the ledger and {there} in Slurm.")
                yield differ(kind, sentence.format(what=what, here=_show(here), there=_show(there)))
        if sentence := _compare_freedom(charge, start, usage, site):
            yield differ(Kind.FREE, sentence)
    most_away_s = count_away(away, charge.started_at or charge.ended_at, charge.ended_at, timedelta(0))
    if charge.away_s > most_away_s:
        sentence = _("{here} s away are taken off, and the ledger has {there} s.")
        yield differ(Kind.AWAY, sentence.format(here=charge.away_s, there=most_away_s))
    expected = _find_price(charge, start, site)
    if expected != charge.rate:
        sentence = _("its price is {here}, and the site file says {there} for the moment of its submit.")
        yield differ(Kind.PRICE, sentence.format(here=_show(charge.rate), there=_show(expected)))
    if sentence := _compare_amount(charge, site):
        yield differ(Kind.AMOUNT, sentence)


def _list_figures(charge: Charge, usage: Usage) -> Iterator[tuple[Kind, str, object, object]]:
    yield Kind.WHOSE, _("the user"), charge.user, usage.user
    yield Kind.WHOSE, _("the account"), charge.account, usage.account
    if charge.elapsed_s:  # what never ran may have waited for several queues
        yield Kind.WHOSE, _("the queue"), charge.queue, usage.partition
    yield Kind.STATE, _("the state"), charge.state, usage.state.value
    yield Kind.TIMES, _("the begin"), charge.started_at, usage.started_at
    yield Kind.TIMES, _("the end"), charge.ended_at, usage.ended_at
    yield Kind.TIMES, _("the time in seconds"), charge.elapsed_s, usage.elapsed_s
    yield Kind.UNITS, charge.rate.unit.value, charge.units, units_of(charge.rate, usage)


def _compare_freedom(charge: Charge, start: Start, usage: Usage, site: Site) -> str:
    assert site.billing is not None, "there are no charges without billing in the site file"
    expected = explain_free(start, charge.rate, usage, site.billing.uncharged_states, find_startup(site))
    if expected is charge.why_free:
        return ""
    return _("it is free because of “{here}”, and by the rules that is “{there}”.").format(
        here=charge.why_free.value, there=expected.value
    )


def _find_price(charge: Charge, start: Start, site: Site) -> Rate | None:
    """By the site file as it is now; None: it has no such queue, or no price then."""
    moved = charge.queue != start.queue and charge.elapsed_s > 0
    moment = charge.submitted_at if moved else start.noted_at
    account = charge.account if moved else start.account
    queue = site.queue(charge.queue if moved else start.queue)
    try:
        return find_rate(site, queue, account, moment) if queue is not None else None
    except StartRefused:
        return None


def _compare_amount(charge: Charge, site: Site) -> str:
    costs = charge.why_free in (WhyFree.NOTHING, WhyFree.FREE_QUEUE)
    seconds = charge.elapsed_s - charge.away_s if costs else 0
    minor = round_amount(compute_amount(charge.rate, charge.units, seconds), site.currency)
    if (seconds, minor) == (charge.charged_s, charge.amount_minor):
        return ""
    return _("it charges {here} s and {amount}, and its own figures come to {there} s and {expected}.").format(
        here=charge.charged_s, amount=charge.amount_minor, there=seconds, expected=minor
    )


def _is_before(usage: Usage, moment: datetime) -> bool:
    return usage.ended_at is not None and usage.ended_at < moment


def _show(value: object) -> str:
    match value:
        case None:
            return _("nothing")
        case datetime():
            return value.isoformat()
        case Rate():
            discount = f" - {value.discount_percent} %" if value.discount_percent else ""
            return f"{value.amount} / {value.unit.value}{discount}"
        case _:
            return str(value)
