from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.unit.slurm.scripted import NOON, OTHERS, make_job, make_ref

from neuronhub.slurm.sightings import Followed, Pace, Sightings
from neuronhub.slurm.types import Configuration, Job, JobState

ACCOUNTING = Configuration(accounting=True)
PRIVATE = Configuration(accounting=True, private_data=frozenset({"jobs"}))


def follow(*, known: bool = True, since: float = 0.0) -> tuple[Sightings, Followed]:
    sightings = Sightings("neuronhub", {"nh-1": Followed(make_ref(1, known=known), Pace.RUNNING, since)})
    return sightings, sightings.followed["nh-1"]


def state(entry: Followed) -> JobState | None:
    job = entry.describe(silent=False)
    return None if job is None else job.state


def ask_accounting(sightings: Sightings, *records: Job, configuration: Configuration = ACCOUNTING) -> None:
    sightings.take_records(records, sightings.absent, configuration)


def test_nothing_is_known_before_an_answer() -> None:
    sightings, entry = follow(since=5.0)
    sightings.take_answer([OTHERS], asked_at=4.9)
    assert entry.describe(silent=False) is None
    assert entry.describe(silent=True) is None


def test_state_of_squeue_is_the_state() -> None:
    sightings, entry = follow()
    for shown in (JobState.PENDING, JobState.CONFIGURING, JobState.RUNNING, JobState.COMPLETING, JobState.TIMEOUT):
        sightings.take_answer([make_job(1, shown)], asked_at=1.0)
        assert state(entry) is shown
    sightings.take_answer([OTHERS], asked_at=2.0)
    sightings.take_answer([OTHERS], asked_at=20.0)
    assert state(entry) is JobState.TIMEOUT
    assert entry.describe(silent=True) == entry.job
    assert sightings.pace_s is None


def test_job_that_slurm_put_back_into_the_queue_lives_again() -> None:
    sightings, entry = follow()
    sightings.take_answer([make_job(1, JobState.NODE_FAIL)], asked_at=1.0)
    sightings.take_answer([make_job(1, JobState.PENDING)], asked_at=2.0)
    assert state(entry) is JobState.PENDING


def test_one_answer_without_it_is_not_enough() -> None:
    sightings, entry = follow()
    sightings.take_answer([make_job(1)], asked_at=1.0)
    sightings.take_answer([OTHERS], asked_at=3.0)
    assert state(entry) is JobState.UNKNOWN
    assert sightings.pace_s == Pace.URGENT.value
    sightings.take_answer([OTHERS], asked_at=4.9)
    ask_accounting(sightings)
    assert state(entry) is JobState.UNKNOWN
    sightings.take_answer([OTHERS], asked_at=5.0)
    assert state(entry) is JobState.UNKNOWN
    ask_accounting(sightings)
    assert state(entry) is JobState.LOST


def test_seen_again_between_two_answers_without_it() -> None:
    sightings, entry = follow()
    for moment in range(0, 60, 3):
        sightings.take_answer([OTHERS] if moment % 2 else [OTHERS, make_job(1)], asked_at=float(moment))
        ask_accounting(sightings)
        assert state(entry) in (JobState.RUNNING, JobState.UNKNOWN)


def test_same_id_with_another_name_or_user_is_another_job() -> None:
    for stranger in (make_job(1, name="nh-other"), make_job(1, name="nh-1", user="bob")):
        sightings, entry = follow()
        sightings.take_answer([stranger], asked_at=1.0)
        sightings.take_answer([stranger], asked_at=3.0)
        ask_accounting(sightings, replace(stranger, state=JobState.COMPLETED))
        assert state(entry) is JobState.LOST


def test_job_that_its_owner_has_renamed_is_the_same_job() -> None:
    sightings, entry = follow()
    sightings.take_answer([make_job(1)], asked_at=1.0)
    renamed = make_job(1, name="mine")
    sightings.take_answer([renamed], asked_at=3.0)
    sightings.take_answer([renamed], asked_at=6.0)
    assert state(entry) is JobState.RUNNING
    sightings.take_answer([make_job(9)], asked_at=9.0)
    sightings.take_answer([make_job(9)], asked_at=12.0)
    ask_accounting(sightings, replace(renamed, state=JobState.CANCELLED))
    assert state(entry) is JobState.CANCELLED


@pytest.mark.parametrize(("later", "known"), [(timedelta(0), True), (timedelta(hours=1), False)])
def test_job_renamed_while_no_hub_ran_is_known_by_its_submit(later: timedelta, known: bool) -> None:
    """The hub before has kept Slurm's time of it; the same id with another time is somebody else's job."""
    sightings, entry = follow()
    entry.ref = replace(entry.ref, submitted_at=NOON)
    found = replace(make_job(1, name="mine"), submitted_at=NOON + later)
    sightings.take_answer([found], asked_at=1.0)
    sightings.take_answer([found], asked_at=4.0)
    assert state(entry) is (JobState.RUNNING if known else JobState.UNKNOWN)


def test_id_given_out_again_is_not_a_renamed_job() -> None:
    sightings, entry = follow()
    sightings.take_answer([make_job(1)], asked_at=1.0)
    stranger = replace(make_job(1, name="other"), submitted_at=NOON + timedelta(hours=1))
    sightings.take_answer([stranger], asked_at=3.0)
    sightings.take_answer([stranger], asked_at=6.0)
    ask_accounting(sightings, stranger)
    assert state(entry) is JobState.LOST


def test_same_name_with_another_id_is_another_job() -> None:
    sightings, entry = follow()
    sightings.take_answer([make_job(2, name="nh-1")], asked_at=1.0)
    assert state(entry) is JobState.UNKNOWN


def test_ref_without_id_learns_it_and_keeps_it() -> None:
    sightings, entry = follow(known=False)
    sightings.take_answer([make_job(5, name="nh-1"), make_job(4, name="nh-1")], asked_at=1.0)
    assert entry.ref.id == 4
    sightings.take_answer([make_job(5, name="nh-1", state=JobState.FAILED), make_job(4, name="nh-1")], asked_at=2.0)
    assert state(entry) is JobState.RUNNING


def test_answers_without_any_job_need_a_minute() -> None:
    sightings, entry = follow()
    for moment in range(0, 60, 4):
        sightings.take_answer([], asked_at=float(moment))
        ask_accounting(sightings)
        assert state(entry) is JobState.UNKNOWN
    sightings.take_answer([], asked_at=60.0)
    ask_accounting(sightings)
    assert state(entry) is JobState.LOST


def test_answer_with_jobs_after_empty_ones_starts_the_count_anew() -> None:
    sightings, entry = follow()
    for moment in (0.0, 10.0, 20.0):
        sightings.take_answer([], asked_at=moment)
    sightings.take_answer([OTHERS], asked_at=21.0)
    ask_accounting(sightings)
    assert state(entry) is JobState.UNKNOWN
    sightings.take_answer([OTHERS], asked_at=23.0)
    ask_accounting(sightings)
    assert state(entry) is JobState.LOST


def test_end_in_accounting_counts_even_after_empty_answers() -> None:
    sightings, entry = follow(known=False)
    sightings.take_answer([], asked_at=0.0)
    sightings.take_answer([], asked_at=2.0)
    ask_accounting(sightings, make_job(8, JobState.OUT_OF_MEMORY, name="nh-1"))
    assert state(entry) is JobState.OUT_OF_MEMORY
    assert entry.ref.id == 8


def test_record_without_an_end_is_waited_for_a_minute() -> None:
    sightings, entry = follow()
    for moment in range(0, 60, 5):
        sightings.take_answer([OTHERS], asked_at=float(moment))
        ask_accounting(sightings, make_job(1, JobState.RUNNING))
        assert state(entry) is JobState.UNKNOWN
    sightings.take_answer([OTHERS], asked_at=60.0)
    ask_accounting(sightings, make_job(1, JobState.RUNNING))
    assert state(entry) is JobState.LOST


def test_end_of_an_earlier_run_is_not_the_end() -> None:
    sightings, entry = follow()
    sightings.take_answer([OTHERS], asked_at=0.0)
    sightings.take_answer([OTHERS], asked_at=2.0)
    earlier = replace(make_job(1, JobState.NODE_FAIL), submitted_at=NOON - timedelta(hours=1))
    ask_accounting(sightings, make_job(1, JobState.RUNNING), earlier)
    assert state(entry) is JobState.UNKNOWN


@pytest.mark.parametrize("answer", [[make_job(9, user="neuronhub")], []])
def test_hidden_jobs_of_others_are_never_lost(answer: list[Job]) -> None:
    sightings, entry = follow()
    for moment in (0.0, 3.0, 300.0):
        sightings.take_answer(answer, asked_at=moment)
        ask_accounting(sightings, configuration=PRIVATE)
    assert state(entry) is JobState.UNKNOWN


def test_private_data_does_not_hide_from_who_sees_others() -> None:
    sightings, entry = follow()
    for moment in (0.0, 3.0):
        sightings.take_answer([OTHERS], asked_at=moment)
    ask_accounting(sightings, configuration=PRIVATE)
    assert state(entry) is JobState.LOST


def test_job_that_was_seen_is_not_hidden() -> None:
    sightings, entry = follow()
    sightings.take_answer([make_job(1)], asked_at=0.0)
    for moment in (1.0, 62.0):
        sightings.take_answer([], asked_at=moment)
    ask_accounting(sightings, configuration=PRIVATE)
    assert state(entry) is JobState.LOST


def test_lost_job_that_shows_up_is_not_lost() -> None:
    sightings, entry = follow()
    sightings.take_answer([OTHERS], asked_at=0.0)
    sightings.take_answer([OTHERS], asked_at=2.0)
    ask_accounting(sightings)
    sightings.take_answer([make_job(1)], asked_at=4.0)
    assert state(entry) is JobState.RUNNING


def test_seen_while_accounting_was_asked() -> None:
    sightings, entry = follow()
    sightings.take_answer([OTHERS], asked_at=0.0)
    sightings.take_answer([OTHERS], asked_at=2.0)
    asked = sightings.absent
    sightings.take_answer([make_job(1)], asked_at=3.0)
    sightings.take_records([make_job(1, JobState.CANCELLED)], asked, ACCOUNTING)
    assert state(entry) is JobState.RUNNING


def test_silence_hides_what_was_known_but_no_end() -> None:
    sightings, entry = follow()
    sightings.take_answer([make_job(1)], asked_at=0.0)
    silent = entry.describe(silent=True)
    assert silent == replace(make_job(1), state=JobState.UNKNOWN)


def test_record_that_has_no_name_yet_is_waited_for() -> None:
    sightings, entry = follow()
    for moment in (0.0, 2.0):
        sightings.take_answer([OTHERS], asked_at=moment)
    ask_accounting(sightings, make_job(1, JobState.CANCELLED, name="allocation"))
    assert state(entry) is JobState.UNKNOWN
    ask_accounting(sightings, make_job(1, JobState.CANCELLED))
    assert state(entry) is JobState.CANCELLED
