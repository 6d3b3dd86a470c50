"""The jobs that billing is measured with, and its page."""

from __future__ import annotations

from dataclasses import replace

from bench.billing.jobs import BEGIN, MONTH, make_jobs, make_site
from bench.billing.report import BILLING, SECTIONS
from bench.billing.scenarios import NAMES, add_ratios
from bench.figures import Figures, Machine, Run

from neuronhub.billing.period import parse_month
from neuronhub.billing.prices import make_charge
from neuronhub.slurm.accounting import parse_usage

SEPARATOR = "\x1f"
SITE = make_site()


def test_jobs_are_the_same_every_time_and_of_one_month() -> None:
    assert SITE.billing is not None
    month, zone = parse_month(MONTH), SITE.billing.zone
    jobs = list(make_jobs(500))
    assert jobs == list(make_jobs(500))
    assert all(month.since(zone) <= job.ended_at < month.until(zone) for job in jobs)
    assert all(job.submitted_at <= job.started_at < job.ended_at for job in jobs)
    assert month.since(zone) <= BEGIN


def test_accounting_tells_of_each_job_what_can_be_charged() -> None:
    jobs = list(make_jobs(500))
    text = "".join(job.render_record(SEPARATOR) + "\n" for job in jobs)
    usages = {usage.job_id: usage for usage in parse_usage(text, SEPARATOR)}
    charges = [make_charge(job.start, usages[job.start.job_id or 0], (), SITE) for job in jobs]
    assert len({charge.user for charge in charges}) > 100
    assert {charge.queue for charge in charges} == {queue.name for queue in SITE.queues}
    assert all((charge.amount_minor == 0) == (charge.why_free != "") for charge in charges)


def test_ratios_are_those_of_what_both_have() -> None:
    ours = {"seconds": 6.0, "records_per_s": 2.0, "memory_mib": 9.0}
    assert add_ratios(ours, {"seconds": 2.0, "records_per_s": 6.0}) == ours | {"seconds_ratio": 3.0}


def test_a_page_has_every_scenario_with_its_command() -> None:
    figures = Figures("collector-sqlite", "neuronhub", {"seconds": 12.34, "seconds_ratio": 4.2})
    run = Run("2026-11-23T12:00:00+00:00", Machine("CPU", 2, 8, "6.1"), {"SQLite": "3.40"}, (figures,))
    assert {row.scenario for section in SECTIONS for row in section.rows} == set(NAMES)
    for language, column in (("en", "plain SQL"), ("ko", "순수 SQL")):
        page = BILLING.render(run, language)
        assert f"| | NeuronHub | {column} |" in page
        assert "| 12.3 s | — |" in page
        assert "| 4.2 × | — |" in page
        for name in NAMES:
            assert f"`.venv/bin/python -m bench.billing --only {name}`" in page
    assert "—" in BILLING.render(replace(run, figures=()), "en")
