"""What is kept of a start, and the names of jobs."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.fernet import Fernet

from neuronhub.slurm.types import Job, JobState
from neuronhub.spawn.endings import LOG_LINES, REFUSED, SLOW, Ending, describe_ending
from neuronhub.spawn.record import JobNames, Seal, SealBroken, StartRecord

RECORD = StartRecord("alice", "hub-server-0123456789abcdef", "gpu", timedelta(minutes=5), datetime.now(UTC), "sealed")


def test_a_record_survives_the_database() -> None:
    accepted = RECORD.with_job(7).with_acceptance(datetime.now(UTC))
    for record in (RECORD, RECORD.with_job(7), accepted, accepted.with_url("http://127.0.2.1:1234")):
        assert StartRecord.from_state(json.loads(json.dumps(record.to_state()))) == record


def test_a_record_of_a_hub_before_accounts_is_read() -> None:
    state = RECORD.to_state()
    del state["account"]
    assert StartRecord.from_state(state) == RECORD
    charged = replace(RECORD, account="lab-a")
    assert StartRecord.from_state(charged.to_state()) == charged


def test_names_are_unique_and_never_taken_for_those_of_another_hub() -> None:
    names = JobNames("hub")
    drawn = {names.draw() for _ in range(1000)}
    assert len(drawn) == 1000
    assert all(names.match(name) for name in drawn)
    assert not names.match(JobNames("hub-server").draw())
    assert not names.match("hub-server-0123456789abcdef\n")
    assert not names.match("hub-server-0123456789abcdefx")
    assert not JobNames("h.b").match("hub-server-0123456789abcdef")


def test_a_seal_opens_only_with_its_own_key() -> None:
    seal = Seal(Fernet.generate_key())
    sealed = seal.close("token")
    assert "token" not in sealed
    assert seal.open(sealed) == "token"
    with pytest.raises(SealBroken):
        Seal(Fernet.generate_key()).open(sealed)


def make_ending(state: JobState, **fields: object) -> Ending:
    job = Job(7, "n", "alice", "gpu", state, batch_host="gn01", ended_at=datetime.now(UTC), **fields)  # type: ignore[arg-type]
    return Ending.from_job(job, queue="gpu", ready=False, log_file="/scratch/alice/log/7.log", log_lines=("a", "b"))


@pytest.mark.parametrize("state", [state for state in JobState if state.ended])
def test_every_end_has_a_cause_and_a_next_step_and_survives_the_database(state: JobState) -> None:
    ending = make_ending(state, exit_code=1)
    assert Ending.from_state(json.loads(json.dumps(ending.to_state()))) == ending
    words = describe_ending(ending)
    assert words["cause"]
    assert words["next_step"]
    assert words["log_lines"] == ["a", "b"]


def test_exit_codes_of_our_own_name_their_cause() -> None:
    causes = {
        describe_ending(make_ending(JobState.FAILED, exit_code=code))["cause"]
        for code in (65, 68, 70, 71, 72, 73, 74, 77)
    }
    assert len(causes) == 8
    assert not any("exit code" in cause for cause in causes)


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("OSError: [Errno 122] Disk quota exceeded", "disk"),
        ("MemoryError", "memory"),
        ("PermissionError: [Errno 13] Permission denied: '/scratch/alice/x'", "permission"),
        ("ModuleNotFoundError: No module named 'x'", "package"),
        ("something else", "exit code 3"),
    ],
)
def test_the_log_tells_the_likely_cause(line: str, word: str) -> None:
    job = Job(7, "n", "alice", "gpu", JobState.FAILED, exit_code=3)
    ending = Ending.from_job(job, queue="gpu", ready=False, log_file="", log_lines=("x", line))
    assert word in describe_ending(ending)["cause"]


def test_a_refusal_shows_slurms_own_words_and_slow_says_so() -> None:
    refused = Ending(state=REFUSED, queue="gpu", ready=False, detail="Invalid account")
    assert "Invalid account" in describe_ending(refused)["cause"]
    assert "in time" in describe_ending(make_ending(JobState.RUNNING).with_state(SLOW))["cause"]


def test_a_shutdown_that_the_user_asked_for_is_not_told() -> None:
    ready = Ending(state="COMPLETED", queue="gpu", ready=True)
    assert not ready.worth_telling
    assert Ending(state="TIMEOUT", queue="gpu", ready=True).worth_telling
    assert Ending(state="COMPLETED", queue="gpu", ready=False).worth_telling
    assert LOG_LINES >= 10
