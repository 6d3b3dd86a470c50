"""What the wait page is told."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from neuronhub.slurm.types import Job, JobState
from neuronhub.spawn.progress import describe_progress
from neuronhub.spawn.reasons import explain_reason
from neuronhub.spawn.record import StartRecord

RECORD = StartRecord("alice", "hub-server-0123456789abcdef", "gpu", timedelta(minutes=5), datetime.now(UTC), "sealed")
JOB = Job(7, RECORD.job_name, "alice", "gpu", JobState.PENDING, reason="Resources")


def test_a_start_goes_forward_and_never_back() -> None:
    steps = [
        describe_progress(None, None, None),
        describe_progress(RECORD, None, None),
        describe_progress(RECORD.with_job(7), None, None),
        describe_progress(RECORD.with_job(7), JOB, None),
        describe_progress(RECORD.with_job(7), replace(JOB, state=JobState.CONFIGURING), None),
        describe_progress(RECORD.with_job(7), replace(JOB, state=JobState.RUNNING, batch_host="gn01"), None),
        describe_progress(RECORD.with_job(7).with_url("http://x:1"), JOB, None),
    ]
    figures = [step["progress"] for step in steps]
    assert figures == sorted(figures)
    assert [step["state"] for step in steps] == [
        "CHECKING",
        "SUBMITTING",
        "PENDING",
        "PENDING",
        "CONFIGURING",
        "RUNNING",
        "READY",
    ]
    assert "gn01" in steps[5]["message"]


def test_a_waiting_job_shows_reason_and_estimate() -> None:
    estimate = datetime(2030, 1, 1, tzinfo=UTC)
    event = describe_progress(RECORD.with_job(7), replace(JOB, started_at=estimate), None)
    assert event["estimated_start"] == estimate.isoformat()
    assert event["reason"] == explain_reason("Resources")
    assert event["reason"] in event["message"]
    assert event["job_id"] == 7


def test_silence_is_said_and_is_no_end() -> None:
    event = describe_progress(RECORD.with_job(7), replace(JOB, state=JobState.UNKNOWN), "Slurm is silent.")
    assert event["state"] == "UNKNOWN"
    assert event["reason"] == "Slurm is silent."
    assert event["progress"] < 100


@pytest.mark.parametrize("word", ["Resources", "Priority", "AssocGrpBillingMinutes", "QOSMaxWallDurationPerJobLimit"])
def test_reasons_are_sentences(word: str) -> None:
    assert explain_reason(word).endswith(".")
    assert explain_reason(f"({word})") == explain_reason(word)


def test_no_reason_is_no_sentence_and_an_unknown_one_is_shown() -> None:
    assert explain_reason("None") == explain_reason("") == ""
    assert "SomethingNew" in explain_reason("SomethingNew")


def test_a_start_that_makes_the_environment_says_so_and_goes_forward() -> None:
    record, running = RECORD.with_job(7), replace(JOB, state=JobState.RUNNING, batch_host="gn01")
    steps = [describe_progress(record, running, None, done) for done in (None, 0.0, 0.5, 0.999, 1)]
    steps.append(describe_progress(record.with_url("http://x:1"), running, None, 1))
    assert [step["preparing"] for step in steps] == [None, 0.0, 0.5, 0.999, None, None]
    assert [step["progress"] for step in steps] == [60, 60, 75, 89, 90, 95]
    assert ["environment" in step["message"] for step in steps] == [False, True, True, True, False, False]
    assert {step["state"] for step in steps[:5]} == {"RUNNING"}


@pytest.mark.parametrize("state", [JobState.PENDING, JobState.CONFIGURING, JobState.UNKNOWN])
def test_a_job_that_speaks_runs_whatever_slurm_has_told_so_far(state: JobState) -> None:
    estimate = datetime(2030, 1, 1, tzinfo=UTC)
    event = describe_progress(RECORD.with_job(7), replace(JOB, state=state, started_at=estimate), None, 0.25)
    assert (event["state"], event["preparing"], event["estimated_start"]) == ("RUNNING", 0.25, None)
    assert event["reason"] == ""


def test_a_job_that_has_ended_prepares_nothing() -> None:
    event = describe_progress(RECORD.with_job(7), replace(JOB, state=JobState.FAILED), None, 0.25)
    assert (event["state"], event["preparing"]) == ("FAILED", None)
